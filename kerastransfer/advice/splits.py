"""What recipes are compared on: splits of train and val, of which test is no part.

Every image is judged once, by a network that saw neither it nor its group. Where all
images are to be used, train and val are cut into folds. Where a number of images per
class is asked about, two draws of so many are trained on and each is judged on the half
of val that the other chooses its epochs by.
"""

import dataclasses

import numpy as np

from kerastransfer.errors import DataError
from kerastransfer.features.image_set import example_texts
from kerastransfer.foundation.arrays import IntArray
from kerastransfer.foundation.quoting import quoted
from kerastransfer.records.fold_records import FoldPool, FoldRecords
from kerastransfer.records.reader import Records
from kerastransfer.records.split.folds import Fold, FoldImages, assign, make_folds

MOST_FOLDS = 5
MOST_IMAGES = 3_000  # of train and val; more would not be tried in ten minutes
_MOST_JUDGED = 1_000  # of each half of val


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Split:
    """Images to train on, to choose epochs by, and to judge by.

    Parameters
    ----------
    pool : FoldPool
        All of them, and maybe others.
    fold : Fold
        Indices into the pool.
    units : array of shape (n,)
        A number for each image of the pool, the same in all splits: equal for images of
        one group.
    """

    pool: FoldPool
    fold: Fold
    units: IntArray

    @property
    def records(self) -> FoldRecords:
        """What a run takes for its records."""
        return FoldRecords(self.pool, self.fold)

    @property
    def labels(self) -> IntArray:
        """Classes of the images that are judged, in their order."""
        return self.pool.labels[self.fold.held_out]


def make_splits(records: Records, images_per_class: int | None) -> tuple[Split, ...]:
    """Cut the images of train and val for a comparison of recipes.

    Parameters
    ----------
    images_per_class : int, optional
        Training images of each class; by default all there are.

    Raises
    ------
    DataError
        If there are too few images, or groups, to compare anything on.
    """
    if images_per_class is None:
        return _folds(records)
    return _draws(records, images_per_class)


def _folds(records: Records) -> tuple[Split, ...]:
    pool = FoldPool(records, None, 0)
    images = _images(records, pool)
    units = images.units
    per_class = [
        len(np.unique(units[images.labels == label]))
        for label in range(len(records.classes))
    ]
    count = min(MOST_FOLDS, *per_class)
    if count < 2:
        what = "groups" if images.is_grouped else "images"
        short = quoted(records.classes[int(np.argmin(per_class))])
        raise DataError(
            f"Expected at least 2 {what} of each class in train and val to compare "
            f"recipes on, got {min(per_class)} of {short}; add {what}, or leave such "
            "classes out."
        )
    folds = make_folds(
        images,
        count,
        num_val=records.size("val"),
        seed=int(records.metadata["split_seed"]),
    )
    return tuple(Split(pool=pool, fold=fold, units=units) for fold in folds)


def _draws(records: Records, images_per_class: int) -> tuple[Split, ...]:
    draws = (0, min(1, len(records.metadata["draws"])))
    pools = [FoldPool(records, images_per_class, draw) for draw in draws]
    cut = pools[0].num_train
    of_val = _images(records, pools[0], cut)
    if len(of_val.labels) < 2:
        raise DataError(
            "Expected at least 2 images for validation to compare recipes on, got "
            f"{len(of_val.labels)}; add images."
        )
    seed = int(records.metadata["split_seed"])
    halves = assign(of_val.labels, of_val.units, 2, seed)
    splits = []
    for number, pool in enumerate(pools):
        judged, chosen = (
            pool.num_train + np.flatnonzero(halves == half)[:_MOST_JUDGED]
            for half in (number, 1 - number)
        )
        units = np.concatenate([-1 - np.arange(pool.num_train), of_val.units])
        fold = Fold(np.arange(pool.num_train), chosen, judged)
        splits.append(Split(pool=pool, fold=fold, units=units))
    return tuple(splits)


def _images(records: Records, pool: FoldPool, start: int = 0) -> FoldImages:
    """Read names and groups of a pool's images."""
    texts = [
        example_texts(pool.serialized(i), "id", "group")
        for i in range(start, len(pool))
    ]
    return FoldImages(
        classes=records.classes,
        labels=pool.labels[start:],
        ids=[name for name, _ in texts],
        groups=[group for _, group in texts],
    )
