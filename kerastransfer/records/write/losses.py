"""Images that cannot be decoded: what may go on without them, and what may not."""

from collections import Counter
from collections.abc import Mapping

from kerastransfer.datasets.dataset import DatasetInfo
from kerastransfer.datasets.listing import Item, Listing
from kerastransfer.errors import DataError
from kerastransfer.foundation import report
from kerastransfer.foundation.quoting import quoted
from kerastransfer.records.split.quotas import read_rules

_HALF = 0.5
_NAMED = 5  # classes in a message


def refuse_losses(
    listing: Listing,
    info: DatasetInfo,
    rejected: Mapping[str, str],
    *,
    may_drop: bool = False,
) -> None:
    """Refuse what would be drawn anew, or be another thing, without some images.

    A class that loses half of its images or more is told.

    Parameters
    ----------
    listing : Listing
        With all images.
    rejected : mapping of str to str
        Paths of those that cannot be decoded, and why.
    may_drop : bool
        Whether the user lets classes go that are too small; not all of them.

    Raises
    ------
    DataError
        If an official val or test set of a user's own files is not whole, such a set of
        a published dataset is lost, or a class is lost whole.
    """
    lost = [item for item in listing.items if item.path in rejected]
    rules = read_rules(listing, info, None)
    for split, official in (("test", rules.official_test), ("val", rules.official_val)):
        if official:
            _refuse_official(split, listing, info, lost, rejected)
    all_of = Counter(item.label for item in listing.items)
    lost_of = Counter(item.label for item in lost)
    shares = {label: count / all_of[label] for label, count in lost_of.items()}
    gone = [label for label, share in shares.items() if share == 1]
    if gone and not (may_drop and len(lost) < len(listing.items)):
        first = next(item for item in lost if item.label == gone[0])
        named = ", ".join(quoted(listing.classes[label]) for label in gone[:_NAMED])
        raise DataError(
            f"No image of {len(gone):,} of {len(listing.classes):,} classes can be "
            f"decoded ({named}), such as {_example(first, rejected)}; repair them, "
            "leave them out, or say --short-classes drop."
        )
    halves = [label for label, share in shares.items() if share >= _HALF]
    if halves:
        named = ", ".join(
            f"{quoted(listing.classes[label])} {lost_of[label]:,} of {all_of[label]:,}"
            for label in halves[:_NAMED]
        )
        report.warn(
            f"Half or more of {len(halves):,} classes cannot be decoded: {named}."
        )


def _refuse_official(
    split: str,
    listing: Listing,
    info: DatasetInfo,
    lost: list[Item],
    rejected: Mapping[str, str],
) -> None:
    """Refuse an official set that is no longer what it is called."""
    missing = [item for item in lost if item.split == split]
    if not missing:
        return
    images = Counter(item.label for item in listing.items if item.split == split)
    gone = [
        label
        for label, count in Counter(item.label for item in missing).items()
        if count == images[label]
    ]
    if not info.may_change and not gone:
        return  # the conversion warns of them, and nobody can mend an archive
    which = (
        f", all of class {quoted(listing.classes[gone[0]])} among them" if gone else ""
    )
    raise DataError(
        f"The official {split} set lost {len(missing):,} of {images.total():,} images"
        f"{which}: {_example(missing[0], rejected)}; repair them, or leave them out by "
        "name (a folder's with --exclude, a table's by its rows), so that the set is "
        "what you say."
    )


def _example(item: Item, rejected: Mapping[str, str]) -> str:
    return f"{quoted(item.path)}: {rejected[item.path]}"
