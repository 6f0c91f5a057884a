"""How many images of each class go to test, val and train."""

import dataclasses
from typing import Literal, NamedTuple

from kerastransfer.datasets.dataset import DatasetInfo
from kerastransfer.datasets.listing import Listing
from kerastransfer.errors import DataError, InputError

MaxPerClass = int | Literal["all"] | None


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Rules:
    """A dataset's facts, read for one listing.

    Parameters
    ----------
    official_test, official_val : bool
        Whether the listing says which images these are.
    test, val : int or None
        Published sizes per class; None for a share of what there is.
    rest : bool
        Whether train and val are drawn first and all others are test.
    least : int
        Training images that a class must have.
    largest : int or None
        Training images that no test image may be drawn from, under `rest`.
    most : int or None
        Training images per class to keep; None for all.
    """

    official_test: bool
    official_val: bool
    test: int | None
    val: int | None
    rest: bool
    least: int
    largest: int | None
    most: int | None


class Quota(NamedTuple):
    """What one class gives.

    Parameters
    ----------
    test, val : int
        Images to draw; under the rule ``rest`` test is the least there must be.
    train : int
        The least there must be.
    """

    test: int
    val: int
    train: int


def read_rules(
    listing: Listing, info: DatasetInfo, max_per_class: MaxPerClass
) -> Rules:
    """Read a dataset's facts for one listing.

    Raises
    ------
    DataError
        If the test set is to be the official one and the listing has none.
    InputError
        If more training images are asked for than the rule ``rest`` leaves.
    """
    named = {item.split for item in listing.items}
    if info.test == "official" and "test" not in named:
        raise DataError(
            "Expected an official test set, but no image is said to be in it."
        )
    drawn = info.test not in ("official", None)
    largest, rest = info.largest_train, info.test == "rest"
    if rest and isinstance(max_per_class, int) and max_per_class > (largest or 0):
        raise InputError(
            f"Expected max_per_class of at most {largest}, got {max_per_class}: all "
            "other images are this dataset's test set."
        )
    asked = max_per_class if isinstance(max_per_class, int) else None
    return Rules(
        official_test=not drawn and "test" in named,
        official_val=not drawn and "val" in named,
        test=info.test if isinstance(info.test, int) else None,
        val=info.val,
        rest=rest,
        least=min(largest or 1, asked or largest or 1),
        largest=largest,
        most=asked or (largest if rest or max_per_class is None else None),
    )


def make_quota(rules: Rules, images: int) -> Quota:
    """Return what a class with so many images should give.

    Parameters
    ----------
    images : int
        That are not in an official val or test set.

    Returns
    -------
    Quota
        Their sum may exceed `images`: then the class falls short.
    """
    test = 0 if rules.official_test else rules.test
    if rules.rest:
        test = 1
    if test is None:
        test = _share(images, most=50, part=5) if images > 1 else 0
    val = 0 if rules.official_val else rules.val
    if val is None:
        val = _share(images, most=10, part=10) if images > test + 1 else 0
    return Quota(test, val, rules.least)


def cap(quota: Quota, images: int) -> Quota:
    """Cut a quota down to the images there are.

    One image stays for train; val and test, where they do not both fit, are scaled.
    """
    test, val, _ = quota
    if images <= test + val:
        val = (images - 1) * val // (val + test)
        test = images - 1 - val
    return Quota(test, val, 1)


def share(quota: Quota, images: int) -> Quota:
    """Scale a quota to the images there are, all of its parts alike.

    At least one image is asked for each of test and val, where the quota has any.
    """
    test, val, train = quota
    test, val = (max(1, images * n // sum(quota)) if n else 0 for n in (test, val))
    return Quota(test, val, min(1, train))


def _share(images: int, *, most: int, part: int) -> int:
    """Return min(most, images / part), but at least 1."""
    return max(1, min(most, images // part))
