"""A domain as the distances see it: a mean response, features and images."""

import functools
from collections.abc import Callable
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from kerastransfer.distances import means, samples
from kerastransfer.errors import DataError
from kerastransfer.features.source_statistics import SourceStatistics

if TYPE_CHECKING:
    from kerastransfer.distances.cnn import ImageArrays


class Domain:
    """What is known of a source or a target.

    Parameters
    ----------
    name : str
        For messages and tables.
    seed : int
        Of all that is drawn for it. Two domains need different ones.
    features : array of shape (n, d), optional
        Responses of block 7.
    statistics : SourceStatistics, optional
        Goes before the features where a mean response is wanted.
    images : callable, optional
        Returns uint8 (n, 64, 64, 3); called when they are wanted, once.
    pretraining : bool
        Whether the network was pretrained on it.
    """

    def __init__(
        self,
        name: str,
        seed: int,
        *,
        features: samples.Matrix | None = None,
        statistics: SourceStatistics | None = None,
        images: "Callable[[], ImageArrays] | None" = None,
        pretraining: bool = False,
    ) -> None:
        self.name = name
        self.seed = seed
        self.features = features
        self.statistics = statistics
        self.images = images
        self.pretraining = pretraining

    @functools.cached_property
    def response(self) -> means.Response:
        """The mean response; raises DataError where nothing is known of it."""
        if self.statistics is not None:
            return means.from_statistics(self.statistics, self.seed)
        if self.features is None:
            raise DataError(f"Nothing is known of the responses to {self.name}.")
        return means.respond(self.features, self.seed, self.name)

    @functools.cached_property
    def pixels(self) -> "ImageArrays":
        """The images, small; raises DataError where there are none."""
        if self.images is None:
            raise DataError(f"No images of {self.name} are at hand.")
        return self.images()

    @property
    def count(self) -> int:
        """How many images' responses are at hand."""
        return 0 if self.features is None else len(self.features)

    def halves(self) -> tuple["Domain", "Domain"]:
        """Split it in two at random, for a same-domain baseline.

        Raises
        ------
        DataError
            If a half would be too small for a distance.
        """
        if self.count < 2 * samples.LEAST:
            raise DataError(
                f"a baseline needs {2 * samples.LEAST} images, got {self.count:,}"
            )
        assert self.features is not None
        order = np.random.default_rng(self.seed).permutation(self.count)
        middle = self.count // 2
        first, second = order[:middle], order[middle : 2 * middle]
        return self._part(first, 2), self._part(second, 3)

    def _part(self, rows: npt.NDArray[np.int64], offset: int) -> "Domain":
        assert self.features is not None
        rows = np.sort(rows)
        images = None if self.images is None else (lambda: self.pixels[rows])
        return Domain(
            self.name,
            self.seed + offset,
            features=self.features[rows],
            images=images,
        )


def check_classes(name: str, labels: npt.NDArray[np.int64]) -> None:
    """Refuse images of a single class.

    Raises
    ------
    DataError
        If there are fewer than two classes.
    """
    classes = len(np.unique(labels))
    if classes < 2:
        raise DataError(
            f"Expected {name} to hold images of two classes or more, got {classes}: "
            "the distance would be that class's and not the domain's."
        )
