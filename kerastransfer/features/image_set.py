"""Which images of converted records are looked at, of which splits, in which view."""

import dataclasses
from collections.abc import Iterator
from typing import Protocol, Self

import numpy as np
import tensorflow as tf
from numpy.typing import NDArray

from kerastransfer import pipeline, views
from kerastransfer.backbones.preprocessing import Preprocessing
from kerastransfer.errors import InputError
from kerastransfer.foundation.arrays import IntArray
from kerastransfer.foundation.quoting import quoted
from kerastransfer.records.reader import Records
from kerastransfer.records.split.plan import SPLITS

_VIEWS = views.fixed(10)


class LabelledExamples(pipeline.Examples, Protocol):
    """Examples of which hash, sizes and labels are known."""

    @property
    def content_hash(self) -> str:
        """Hash of everything in them."""

    def size(self, split: str) -> int:
        """Return how many images a split holds."""

    def labels(self, split: str) -> NDArray[np.int64]:
        """Return every image's label, by position."""


@dataclasses.dataclass(frozen=True, slots=True)
class ImageSet:
    """Images of some records' splits, all in one view.

    Parameters
    ----------
    parts : tuple of (split, array of shape (k,))
        Positions in each split, in the order in which the images come.
    view : int
        Number among the ten fixed views; 0 is the centre.
    """

    parts: tuple[tuple[str, IntArray], ...]
    view: int = 0

    @classmethod
    def of(
        cls,
        records: Records,
        split: str | None = None,
        *,
        most: int | None = None,
        seed: int = 0,
    ) -> Self:
        """Take a split of some records, or all in the order of train, val and test.

        Parameters
        ----------
        split : {'train', 'val', 'test'}, optional
            None for all.
        most : int, optional
            Where there are more images, so many are drawn at random.
        seed : int
            Of the draw.

        Raises
        ------
        InputError
            If there is no image.
        """
        splits = SPLITS if split is None else (split,)
        ends = np.cumsum([records.size(name) for name in splits])
        images = np.arange(ends[-1])
        if most is not None and most < len(images):
            rng = np.random.default_rng(seed)
            images = np.sort(rng.choice(images, most, replace=False))
        cuts = np.split(images, np.searchsorted(images, ends[:-1]))
        begins = np.concatenate([[0], ends[:-1]])
        parts = tuple(
            (name, (cut - begin).astype(np.int64))
            for name, cut, begin in zip(splits, cuts, begins, strict=True)
            if len(cut)
        )
        if not parts:
            raise InputError(
                f"Expected images in the {split} split of {quoted(records.name)}, and "
                "it is empty."
            )
        return cls(parts)

    @classmethod
    def in_split(cls, split: str, positions: IntArray, view: int = 0) -> Self:
        """Take some images of one split."""
        return cls(((split, positions),), view)

    def __len__(self) -> int:
        return sum(len(positions) for _, positions in self.parts)

    @property
    def positions(self) -> IntArray:
        """Where the images stand in their splits, split after split."""
        return np.concatenate([np.zeros(0, np.int64), *(p for _, p in self.parts)])

    def labels(self, records: LabelledExamples) -> NDArray[np.int64]:
        """Return each image's class: shape (n,)."""
        return np.concatenate([records.labels(s)[p] for s, p in self.parts])

    def splits(self) -> NDArray[np.str_]:
        """Return the split that each image is in: shape (n,)."""
        return np.concatenate([np.full(len(p), s) for s, p in self.parts])

    def ids(self, records: pipeline.Examples) -> NDArray[np.str_]:
        """Return each image's name in the records: shape (n,); reads them."""
        return np.array(
            [
                example_texts(records.serialized(split, int(position)), "id")[0]
                for split, positions in self.parts
                for position in positions
            ],
            np.str_,
        )

    def pieces(self, most: int) -> Iterator[tuple[str, IntArray]]:
        """Yield splits and positions in order, at most so many images at a time."""
        for split, positions in self.parts:
            for start in range(0, len(positions), most):
                yield split, positions[start : start + most]

    def batches(
        self,
        examples: pipeline.Examples,
        preprocessing: Preprocessing,
        *,
        batch_size: int,
    ) -> Iterator[tuple[tf.Tensor, tf.Tensor]]:
        """Yield images and labels in batches; see `kerastransfer.pipeline.batches`."""
        for split, positions in self.parts:
            view = np.broadcast_to(_VIEWS[self.view], (len(positions), 3))
            yield from pipeline.batches(
                examples, split, positions, view, preprocessing, batch_size=batch_size
            )


def groups_of(
    examples: pipeline.Examples, split: str, positions: IntArray
) -> list[str] | None:
    """Return each image's group, empty for none; reads the images.

    Returns
    -------
    list of str or None
        None where the records have no groups, or there is no image.
    """
    if not len(positions):
        return None
    first = tf.train.Example.FromString(examples.serialized(split, int(positions[0])))
    if "group" not in first.features.feature:
        return None
    return [
        example_texts(examples.serialized(split, int(position)), "group")[0]
        for position in positions
    ]


def example_texts(serialized: bytes, *names: str) -> tuple[str, ...]:
    """Return texts of an example, such as its id; empty where it has none."""
    feature = tf.train.Example.FromString(serialized).features.feature
    values = [list(feature[name].bytes_list.value) for name in names]
    return tuple(
        value[0].decode("utf-8", "surrogateescape") if value else "" for value in values
    )
