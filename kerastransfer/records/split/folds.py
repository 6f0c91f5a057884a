"""Folds of a cross-validation, and what each leaves to choose the best epoch by.

Both are scikit-learn's cuts, stratified by class, whole groups together.
"""

import dataclasses
import warnings
from collections.abc import Sequence

import numpy as np

from kerastransfer.errors import DataError
from kerastransfer.foundation.arrays import IntArray
from kerastransfer.foundation.quoting import quoted

_NAMED = 5  # classes in a message
_MOST_PARTS = 100  # of which one validates


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class FoldImages:
    """The images that are cut into folds: those of train and val.

    Parameters
    ----------
    classes : tuple of str
        Names by label.
    labels : array of shape (n,)
        Each image's class.
    ids : sequence of str
        Its name in the records, which no other has.
    groups : sequence of str
        What it is kept together with; empty where it has no group.
    """

    classes: tuple[str, ...]
    labels: IntArray
    ids: Sequence[str]
    groups: Sequence[str]

    @property
    def unit_names(self) -> list[str]:
        """A name for each image: the same for images of one group, and no others."""
        return [
            f"group {group}" if group else f"image {name}"
            for group, name in zip(self.groups, self.ids, strict=True)
        ]

    @property
    def units(self) -> IntArray:
        """A number for each image, from 0: that of its name among `unit_names`."""
        names = np.array(self.unit_names, np.str_)
        numbers: IntArray = np.unique(names, return_inverse=True)[1]
        return numbers

    @property
    def is_grouped(self) -> bool:
        """Whether any image has a group."""
        return any(self.groups)


@dataclasses.dataclass(frozen=True, slots=True)
class Fold:
    """What one of the runs is trained on, chooses its best epoch by, and predicts.

    Parameters
    ----------
    train, val, held_out : array of int64
        Indices of images, ascending. No image of `held_out` is of a group of the
        others, and none of `val` of one of `train`.
    """

    train: IntArray
    val: IntArray
    held_out: IntArray


def make_folds(
    images: FoldImages, num_folds: int, *, num_val: int, seed: int
) -> tuple[Fold, ...]:
    """Cut images into folds.

    Parameters
    ----------
    num_val : int
        Images among these that the records have for validation; of those beside a fold
        about the same share is, and half at most.
    seed : int
        The split seed: the same one gives the same folds.

    Raises
    ------
    DataError
        If a class has fewer images, or groups, than there are folds, or a run would
        have no image of a class to be trained on, or none to validate on.
    """
    units = images.units
    check_units(
        images.classes,
        [
            len(np.unique(units[images.labels == label]))
            for label in range(len(images.classes))
        ],
        num_folds,
        grouped=images.is_grouped,
    )
    owners = assign(images.labels, units, num_folds, seed)
    folds = []
    for number in range(num_folds):
        beside = np.flatnonzero(owners != number)
        parts = round(len(owners) / max(num_val, 1))
        val = _validation(images.labels, units, beside, parts, seed)
        train = np.setdiff1d(beside, val)
        fold = Fold(train, val, np.flatnonzero(owners == number))
        _check_fold(images, fold, number)
        folds.append(fold)
    return tuple(folds)


def assign(labels: IntArray, units: IntArray, num_folds: int, seed: int) -> IntArray:
    """Return the number of each image's fold, from 0.

    Parameters
    ----------
    units : array of shape (n,)
        Images of one number stay together.
    """
    from sklearn.model_selection import StratifiedGroupKFold, StratifiedKFold

    options = {"n_splits": num_folds, "shuffle": True, "random_state": _state(seed)}
    places = np.zeros((len(labels), 1))
    if len(np.unique(units)) == len(units):  # of single images it cuts more even folds
        cuts = StratifiedKFold(**options).split(places, labels)
    else:
        cuts = StratifiedGroupKFold(**options).split(places, labels, units)
    owners = np.zeros(len(labels), np.int64)
    with warnings.catch_warnings():
        # of classes with fewer images than there are parts; `make_folds` sees to them
        warnings.simplefilter("ignore", UserWarning)
        for number, (_, chosen) in enumerate(cuts):
            owners[chosen] = number
    return owners


def check_units(
    classes: Sequence[str], counts: Sequence[int], num_folds: int, *, grouped: bool
) -> None:
    """Refuse more folds than a class has images, or groups.

    Parameters
    ----------
    counts : sequence of int
        Of each class: its groups, an image without one being its own.

    Raises
    ------
    DataError
        If a class has fewer.
    """
    short = {n: c for n, c in zip(classes, counts, strict=True) if c < num_folds}
    if not short:
        return
    what = "groups" if grouped else "images"
    names = ", ".join(
        f"{quoted(name)} {n:,}" for name, n in list(short.items())[:_NAMED]
    )
    more = f" and {len(short) - _NAMED:,} more" if len(short) > _NAMED else ""
    least = min(short.values())
    cure = f"choose --folds {least}" if least > 1 else "leave such classes out"
    raise DataError(
        f"Expected at least {num_folds} {what} of each class in train and val for "
        f"--folds {num_folds}, got {names}{more}; {cure}, or add {what}."
    )


def _validation(
    labels: IntArray, units: IntArray, beside: IntArray, parts: int, seed: int
) -> IntArray:
    """Choose which of the images beside a fold are for validation: one of some parts.

    What a class needs to be trained at all is left to train.
    """
    inner, owned = labels[beside], units[beside]
    parts = min(max(parts, 2), _MOST_PARTS, int(np.bincount(inner).max()))
    if parts < 2:
        return beside[:0]  # no class has an image to spare
    owners = assign(inner, owned, parts, seed)
    for number in range(parts):
        chosen = owners == number
        untrained = np.setdiff1d(inner, inner[~chosen])
        needed = owned[chosen & np.isin(inner, untrained)]
        chosen &= ~np.isin(owned, needed)
        if chosen.any():
            break
    return beside[chosen]


def _check_fold(images: FoldImages, fold: Fold, number: int) -> None:
    untrained = np.setdiff1d(images.labels, images.labels[fold.train])
    if len(untrained):
        name = images.classes[int(untrained[0])]
        raise DataError(
            f"Fold {number + 1} and its validation would hold all groups of class "
            f"{quoted(name)}; choose fewer --folds, or add groups."
        )
    for what, part in (("hold out", fold.held_out), ("validate on", fold.val)):
        if not len(part):
            raise DataError(
                f"Fold {number + 1} would have no image to {what}; choose another "
                "number of --folds, or add images."
            )


def _state(seed: int) -> int:
    """Return a seed that scikit-learn takes: any whole number will do for ours."""
    return seed % 2**32
