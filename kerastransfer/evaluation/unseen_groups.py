"""Accuracy on images of groups that training never saw, with an interval for groups."""

import dataclasses
from collections.abc import Collection, Mapping, Sequence
from typing import Any, Self

import numpy as np
import numpy.typing as npt

from kerastransfer.errors import InputError
from kerastransfer.evaluation.intervals import Estimate, wilson, wilson_ends
from kerastransfer.foundation.progress import counted

METHOD = "wilson, clustered"


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class UnseenGroups:
    """How good a classifier is where it knows nothing of a group.

    Parameters
    ----------
    accuracy : Estimate or None
        Of the images whose group no training image is of; None where there are none.
    unseen, groups : int
        Groups of which no training image is, and all of them.
    images, ungrouped : int
        Images that were measured, and those of them that have no group.

    Examples
    --------
    >>> right, groups = [True, True, False], ["ann", "ann", "tom"]
    >>> print(measure(right, groups, seen={"tom"}))
    100.0 % (20.7 to 100.0), n = 2 of 1 group; 1 other (1 image) in training too
    """

    accuracy: Estimate | None
    unseen: int
    groups: int
    images: int
    ungrouped: int

    def __str__(self) -> str:
        if self.accuracy is None:
            groups = f"all {self.groups:,} groups are in training too"
            if self.groups == 1:
                groups = "the only group is in training too"
            return f"none: {groups}{self._others()}"
        if self.unseen == self.groups:
            groups = f"all {counted(self.groups, 'group')} unseen in training"
            return f"{self.accuracy}: {groups}{self._others()}"
        images = self.images - self.ungrouped - self.accuracy.n
        seen = self.groups - self.unseen
        return (
            f"{self.accuracy} of {counted(self.unseen, 'group')}; "
            f"{counted(seen, 'other')} ({counted(images, 'image')}) in training too"
            f"{self._others()}"
        )

    def _others(self) -> str:
        if not self.ungrouped:
            return ""
        has = "has" if self.ungrouped == 1 else "have"
        return f"; {counted(self.ungrouped, 'image')} {has} no group"

    def as_dict(self) -> dict[str, Any]:
        """Return the fields in plain Python, ready for JSON."""
        return dataclasses.asdict(self)

    @classmethod
    def from_dict(cls, fields: Mapping[str, Any]) -> Self:
        """Return what `as_dict` was called on.

        Raises
        ------
        InputError
            If a field is missing or unknown.
        """
        names = {field.name for field in dataclasses.fields(cls)}
        if set(fields) != names:
            raise InputError(
                f"Expected unseen groups with {', '.join(sorted(names))}, got "
                f"{', '.join(map(str, fields)) or 'nothing'}."
            )
        accuracy = fields["accuracy"]
        estimate = None if accuracy is None else Estimate.from_dict(accuracy)
        return cls(**{**fields, "accuracy": estimate})


def measure(
    right: npt.ArrayLike, groups: Sequence[str], seen: Collection[str]
) -> UnseenGroups:
    """Measure the accuracy on the images of groups that training did not see.

    Parameters
    ----------
    right : array_like of bool, shape (n,)
        Whether each image's class was predicted.
    groups : sequence of str
        Each image's group; empty where it has none. Of those nobody knows whether a
        training image is alike, so they do not count.
    seen : collection of str
        Groups of the training images.
    """
    hits, names = np.asarray(right, bool), np.asarray(groups, np.str_)
    known = frozenset(seen)
    grouped = names != ""
    kept = grouped & np.array([name not in known for name in groups], bool)
    accuracy = None
    if kept.any():
        accuracy = clustered_accuracy(hits[kept], names[kept])
    return UnseenGroups(
        accuracy=accuracy,
        unseen=len(np.unique(names[kept])),
        groups=len(np.unique(names[grouped])),
        images=len(names),
        ungrouped=int(np.sum(~grouped)),
    )


def clustered_accuracy(right: npt.ArrayLike, groups: npt.ArrayLike) -> Estimate:
    r"""Estimate a proportion of images that come in groups, where groups differ.

    Parameters
    ----------
    right : array_like of bool, shape (n,)
    groups : array_like of str, shape (n,)
        The group of each image.

    Returns
    -------
    Estimate
        `method` is ``wilson, clustered``, or ``wilson`` where every image is a group of
        its own.

    Notes
    -----
    Images of a group tend to be right or wrong together, so n images say less than n
    independent ones. With k_g of n_g images right in each of G groups and p of all, the
    variance of p as a ratio of sums over groups is [1]_

    .. math:: v = \frac{G}{G - 1} \frac{\sum_g (k_g - p n_g)^2}{n^2}

    and p (1 - p) / v images would say as much. That effective number is multiplied by
    the square of the ratio of the normal's to Student's quantile with G - 1 degrees of
    freedom, for v is itself estimated from G groups, bounded by n [2]_, and put into
    Wilson's interval. Where all images are right, or none, v would be 0: then it is
    taken as if one image of the largest group were otherwise. A single group says
    nothing of others; it counts as one image.

    References
    ----------
    .. [1] W. G. Cochran, "Sampling Techniques", 3rd ed., 1977, section 3.12.
    .. [2] E. L. Korn and B. I. Graubard, "Confidence Intervals for Proportions with
       Small Expected Number of Positive Counts Estimated from Survey Data", Survey
       Methodology 24(2), 1998, pp. 193-201.

    Examples
    --------
    >>> print(clustered_accuracy([1, 1, 0, 0], ["a", "a", "b", "b"]))
    50.0 % (0.2 to 99.8), n = 4
    >>> clustered_accuracy([1, 1, 0, 0], ["a", "b", "c", "d"]) == wilson(2, 4)
    True
    """
    hits = np.asarray(right, bool)
    _, owners, sizes = np.unique(
        np.asarray(groups), return_inverse=True, return_counts=True
    )
    n = len(hits)
    if len(sizes) == n:
        return wilson(int(hits.sum()), n)
    correct = np.asarray(np.bincount(owners, weights=hits), np.float64)
    value = float(hits.mean())
    effective = _effective_number(correct, sizes)
    low, high = wilson_ends(value, effective, _CONFIDENCE)
    return Estimate(value=value, low=low, high=high, n=n, method=METHOD)


_CONFIDENCE = 0.95
_LEAST = 1e-3  # images; below it the interval is all of 0 to 1 in any case


def _effective_number(
    correct: npt.NDArray[np.float64], sizes: npt.NDArray[np.int64]
) -> float:
    """Return how many independent images would say as much as these groups do."""
    import scipy.stats  # late: --help must not wait for it

    n, num_groups = int(sizes.sum()), len(sizes)
    if num_groups == 1:
        return 1.0
    if correct.sum() in (0, n):
        correct = correct.copy()
        correct[sizes.argmax()] += 1 if correct.sum() == 0 else -1
    p = correct.sum() / n
    spread = np.sum((correct - p * sizes) ** 2) * num_groups / (num_groups - 1)
    quantile = (1 + _CONFIDENCE) / 2
    ratio = scipy.stats.norm.ppf(quantile) / scipy.stats.t.ppf(quantile, num_groups - 1)
    if spread == 0:  # all groups alike to the image
        return float(n)
    effective = p * (1 - p) * n**2 / spread * ratio**2
    return float(min(max(effective, _LEAST), n))
