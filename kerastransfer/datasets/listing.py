"""Who is in a dataset: names, labels, official splits and groups; no pixels."""

import dataclasses
import unicodedata
from collections.abc import Iterable, Mapping, Sequence
from typing import Literal, NamedTuple

from kerastransfer.datasets.read_options import ArchiveState
from kerastransfer.errors import DataError
from kerastransfer.foundation.quoting import quoted

SplitName = Literal["train", "val", "test"]

# Control characters, halves of surrogate pairs (bytes that are no UTF-8), and the two
# separators at which readers of lines also split.
_UNFIT = {"Cc", "Cs", "Zl", "Zp"}


class Item(NamedTuple):
    """One image.

    Parameters
    ----------
    path : str
        Relative POSIX path, unique in its dataset.
    label : int
        Index into the listing's classes.
    split : {'train', 'val', 'test'} or None
        The official split; None where there is none.
    group : str or None
        Images of one group (one photograph, one sample) stay in one split.
    point : (int, int) or None
        ImageRow and column of the labelled point that a patch is cut about, in pixels.
    """

    path: str
    label: int
    split: SplitName | None = None
    group: str | None = None
    point: tuple[int, int] | None = None


@dataclasses.dataclass(frozen=True, slots=True)
class Listing:
    """All images of a dataset.

    Parameters
    ----------
    classes : tuple of str
        Names by label.
    items : tuple of Item
        Sorted by path.
    fingerprint : str
        Changes when the source does; a hexadecimal SHA-256.
    ignored : mapping of str to int
        What was passed over, in words, and how often.
    archives : tuple of ArchiveState
        That were read; empty where nobody asked.
    missing : mapping of str to int
        Images that should be there and cannot be had, by kind in words; they stand in
        `ignored` too.
    lacking : tuple of str
        Published archives of images that are not there and not needed.
    origins : mapping of split to str
        Where the images of an official set lie, in words; of those that say so.
    notes : tuple of str
        What was understood of the source that a user may want to check, in sentences.
    """

    classes: tuple[str, ...]
    items: tuple[Item, ...]
    fingerprint: str
    ignored: Mapping[str, int] = dataclasses.field(default_factory=dict)
    archives: tuple[ArchiveState, ...] = ()
    missing: Mapping[str, int] = dataclasses.field(default_factory=dict)
    lacking: tuple[str, ...] = ()
    origins: Mapping[str, str] = dataclasses.field(default_factory=dict)
    notes: tuple[str, ...] = ()


def make_listing(
    classes: Sequence[str],
    items: Iterable[Item],
    fingerprint: str,
    *,
    where: str,
    ignored: Mapping[str, int] | None = None,
) -> Listing:
    """Sort and check a listing.

    Parameters
    ----------
    classes : sequence of str
        Names by label.
    where : str
        Names the source in messages.
    ignored : mapping of str to int, optional
        See `Listing`.

    Raises
    ------
    DataError
        If there are fewer than two classes, no images or a path twice, or if a name
        cannot be kept as one line of text.
    """
    ordered = tuple(sorted(items, key=lambda item: item.path))
    if len(classes) < 2:
        number = f"one ({quoted(classes[0])})" if classes else "none"
        raise DataError(f"Expected at least two classes in {where}, found {number}.")
    if not ordered:
        raise DataError(f"Expected images in {where}, found none.")
    for name in classes:
        check_name(name, f"class of {where}")
    for before, item in zip((None, *ordered), ordered, strict=False):
        check_name(item.path, f"path in {where}")
        if before is not None and before.path == item.path:
            raise DataError(f"Path {quoted(item.path)} stands twice in {where}.")
    return Listing(tuple(classes), ordered, fingerprint, dict(ignored or {}))


def check_name(text: str, what: str) -> None:
    """Refuse a name that would not survive being written as one line of UTF-8.

    Raises
    ------
    DataError
        If `text` is empty, starts or ends with a blank, holds a control character, or
        is not valid Unicode.
    """
    if text and text == text.strip() and _is_plain(text):
        return
    raise DataError(
        f"Expected a {what} without control characters, blanks at its ends or bytes "
        f"that are no UTF-8, got {quoted(text)}; rename it."
    )


def _is_plain(text: str) -> bool:
    if text.isascii():  # which is quick to look at, and there may be millions
        return text.isprintable()
    return not any(unicodedata.category(character) in _UNFIT for character in text)
