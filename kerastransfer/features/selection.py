"""Which images of converted records are looked at, over several splits."""

import dataclasses
from collections.abc import Iterator
from typing import Self

import numpy as np
import tensorflow as tf
from numpy.typing import NDArray

from kerastransfer import pipeline, views
from kerastransfer.backbones.preprocessing import Preprocessing
from kerastransfer.errors import InputError
from kerastransfer.records.reader import Records
from kerastransfer.records.split.plan import SPLITS

_BATCH = 64
_CHUNK = 512  # images whose responses are held at once


@dataclasses.dataclass(frozen=True, slots=True)
class Selection:
    """Images of a dataset, in the order of train, val and test.

    Parameters
    ----------
    records : Records
    parts : tuple of (split, array of shape (k,))
        Positions in each split, ascending; none is empty.
    """

    records: Records
    parts: tuple[tuple[str, NDArray[np.int64]], ...]

    @classmethod
    def of(
        cls,
        records: Records,
        split: str | None = None,
        *,
        most: int | None = None,
        seed: int = 0,
    ) -> Self:
        """Select a split, or all of them.

        Parameters
        ----------
        records : Records
        split : {'train', 'val', 'test'}, optional
            None for all.
        most : int, optional
            Where there are more images, so many are drawn at random.
        seed : int
            Of the draw.

        Returns
        -------
        Selection

        Raises
        ------
        InputError
            If there is no image.
        """
        splits = SPLITS if split is None else (split,)
        ends = np.cumsum([records.size(name) for name in splits])
        chosen = np.arange(ends[-1])
        if most is not None and most < len(chosen):
            rng = np.random.default_rng(seed)
            chosen = np.sort(rng.choice(chosen, most, replace=False))
        cuts = np.split(chosen, np.searchsorted(chosen, ends[:-1]))
        begins = np.concatenate([[0], ends[:-1]])
        parts = tuple(
            (name, (cut - begin).astype(np.int64))
            for name, cut, begin in zip(splits, cuts, begins, strict=True)
            if len(cut)
        )
        if not parts:
            raise InputError(
                f"Expected images in the {split} split of {records.name!r}, and it is "
                "empty."
            )
        return cls(records, parts)

    def __len__(self) -> int:
        return sum(len(positions) for _, positions in self.parts)

    def labels(self) -> NDArray[np.int64]:
        """Return each image's class: shape (n,)."""
        return np.concatenate([self.records.labels(s)[p] for s, p in self.parts])

    def splits(self) -> NDArray[np.str_]:
        """Return the split that each image is in: shape (n,)."""
        return np.concatenate([np.full(len(p), s) for s, p in self.parts])

    def ids(self) -> NDArray[np.str_]:
        """Return each image's name in the records: shape (n,); reads them."""
        return np.array(
            [
                _id(self.records.serialized(split, int(position)))
                for split, positions in self.parts
                for position in positions
            ],
            np.str_,
        )

    def chunks(self, preprocessing: Preprocessing) -> Iterator[tf.data.Dataset]:
        """Yield the images in their centre view, a few hundred at a time.

        Parameters
        ----------
        preprocessing : Preprocessing
            Size and resampling; nothing is normalised.

        Yields
        ------
        tf.data.Dataset
            Of batches (images, labels), as `kerastransfer.pipeline.batches` makes them.
        """
        for split, positions in self.parts:
            for start in range(0, len(positions), _CHUNK):
                some = positions[start : start + _CHUNK]
                centre = np.broadcast_to(views.CENTRE, (len(some), 3))
                yield pipeline.batches(
                    self.records, split, some, centre, preprocessing, batch_size=_BATCH
                )


def _id(serialized: bytes) -> str:
    example = tf.train.Example.FromString(serialized)
    return str(example.features.feature["id"].bytes_list.value[0].decode("utf-8"))
