"""What recipes are compared on: splits of train and val, of which test is no part.

Every image is judged once, by a network that saw neither it nor its group. Where all
images are to be used, train and val are cut into folds. Where a number of images per
class is asked about, two draws of so many are trained on and each is judged on the half
of val that the other chooses its epochs by.
"""

import dataclasses
import hashlib
import os

import numpy as np

from kerastransfer.errors import DataError
from kerastransfer.features.image_set import example_texts
from kerastransfer.foundation.arrays import IntArray
from kerastransfer.foundation.quoting import quoted
from kerastransfer.records.fold_records import FoldPool, FoldRecords
from kerastransfer.records.reader import Records
from kerastransfer.records.split.folds import Fold, FoldImages, make_folds

MOST_FOLDS = 5
MOST_IMAGES = 3_000  # of train and val; more would not be tried in ten minutes
_MOST_JUDGED = 2_000  # of val, where a number of images is asked about


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
    units = unit_numbers(images)
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
    try:
        folds = make_folds(
            images,
            count,
            num_val=records.size("val"),
            seed=int(records.metadata["split_seed"]),
        )
    except DataError as error:  # its cure is a number of folds, which is chosen here
        reason = str(error).split(";")[0]
        raise DataError(
            f"Too few images to compare recipes on. {reason}; add images."
        ) from None
    return tuple(Split(pool=pool, fold=fold, units=units) for fold in folds)


def _draws(records: Records, images_per_class: int) -> tuple[Split, ...]:
    seed = int(records.metadata["split_seed"])
    val = np.arange(records.size("val"))
    if len(val) > _MOST_JUDGED:
        drawn = np.random.default_rng(seed % 2**32).permutation(val)
        val = np.sort(drawn[:_MOST_JUDGED])
    draws = (0, min(1, len(records.metadata["draws"])))
    pools = [FoldPool(records, images_per_class, draw, val) for draw in draws]
    units = [unit_numbers(_images(records, pool)) for pool in pools]
    cut = pools[0].num_train
    judged = halves(pools[0].labels[cut:], units[0][cut:], seed)
    if len(np.unique(judged)) < 2:
        raise DataError(
            "Expected at least 2 images, or groups, for validation to compare recipes "
            f"on, got {len(np.unique(units[0][cut:]))}; add images, or leave "
            "--images-per-class out: then train and val are cut into folds."
        )
    return tuple(
        Split(
            pool=pool,
            fold=Fold(
                np.arange(pool.num_train),
                pool.num_train + np.flatnonzero(judged != half),
                pool.num_train + np.flatnonzero(judged == half),
            ),
            units=of_pool,
        )
        for half, (pool, of_pool) in enumerate(zip(pools, units, strict=True))
    )


def halves(labels: IntArray, units: IntArray, seed: int) -> IntArray:
    """Divide images in two, whole groups together, class by class as far as it goes.

    Returns
    -------
    array of shape (n,)
        0 or 1; units of a class take turns, in a random order.

    Examples
    --------
    >>> halves(np.array([0, 0, 1, 1]), np.array([5, 6, 7, 7]), seed=0)
    array([0, 1, 0, 0])
    """
    owners, first = np.unique(units, return_index=True)
    order = np.random.default_rng(seed % 2**32).permutation(len(owners))
    order = order[np.argsort(labels[first][order], kind="stable")]
    turns = np.zeros(len(owners), np.int64)
    turns[order] = np.arange(len(owners)) % 2
    return np.asarray(turns[np.searchsorted(owners, units)])


def unit_numbers(images: FoldImages) -> IntArray:
    """Return a number for each image: of its group, or else its own, in any split."""
    names = map(os.fsencode, images.unit_names)
    digests = [hashlib.sha256(name).digest()[:8] for name in names]
    return np.array([int.from_bytes(d, "big") >> 1 for d in digests], np.int64)


def _images(records: Records, pool: FoldPool) -> FoldImages:
    """Read names and groups of a pool's images."""
    texts = [example_texts(pool.serialized(i), "id", "group") for i in range(len(pool))]
    return FoldImages(
        classes=records.classes,
        labels=pool.labels,
        ids=[name for name, _ in texts],
        groups=[group for _, group in texts],
    )
