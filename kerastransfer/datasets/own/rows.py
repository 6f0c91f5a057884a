"""Images that a table names, a row each: shared by CSV files and data frames."""

from collections.abc import Callable, Iterable, Sequence
from typing import Any, NamedTuple, NoReturn, Protocol

from kerastransfer.datasets.class_names import match_rows
from kerastransfer.datasets.listing import Item, Listing, SplitName, make_listing
from kerastransfer.datasets.own.alike_paths import AlikePaths
from kerastransfer.datasets.own.folder import stamp
from kerastransfer.datasets.own.grouping import Grouping
from kerastransfer.datasets.own.split_choice import SplitChoice, split_of
from kerastransfer.datasets.own.tables.origins import Origin, is_file
from kerastransfer.errors import DataError
from kerastransfer.foundation.quoting import quoted

NEEDED = ("path", "label")
OPTIONAL = ("split", "group")
# Splits depend on paths and this word, not on where the table is.
SALT = "csv"


class ImageRow(NamedTuple):
    """One image.

    Parameters
    ----------
    number : int
        Of the row or line, for messages.
    path : str
        Relative to the table's folder, or absolute.
    split, group : str
        Empty where there is none.
    """

    number: int
    path: str
    label: str
    split: str = ""
    group: str = ""


class Digest(Protocol):
    """A hash that is being computed, such as ``hashlib.sha256()``."""

    def update(self, data: bytes, /) -> None:
        """Add some bytes."""

    def hexdigest(self) -> str:
        """Return the hash."""


def list_rows(
    rows: Iterable[ImageRow],
    origin: Origin,
    *,
    source: str,
    row_word: str,
    digest: Digest,
    class_order: Callable[[str], Any] = str,
    choice: SplitChoice | None = None,
    looked_in: Sequence[str] = (),
    grouping: Grouping | None = None,
) -> Listing:
    """List the images that rows name; none is read, but each must be there.

    Parameters
    ----------
    origin : Origin
        What paths are relative to.
    source, row_word : str
        Name the table and its rows in messages, such as ``'a.csv'`` and ``line``.
    digest : Digest
        Of the table; the files' sizes and times are added to it.
    class_order : callable
        From a label to what classes are sorted by.
    choice : SplitChoice, optional
        What the user says of the words in the split column; rows of others are left
        out.
    looked_in : sequence of str
        Folders that messages name beside that of `origin`.
    grouping : Grouping, optional
        How paths tell groups, in the place of a column.

    Raises
    ------
    DataError
        If a row cannot be used; the message names it.
    """
    where = f"{source}, {row_word}"
    checked = [_checked(row, where, choice) for row in rows]
    kept = [(row, split) for row, split in checked if split != _LEFT_OUT]
    class_of = match_rows([(split, row.label) for row, split in kept])
    classes = sorted(set(class_of.values()), key=class_order)
    labels = {name: label for label, name in enumerate(classes)}
    items: dict[str, Item] = {}
    alike = AlikePaths()
    for row, split in kept:
        file = origin.file(row.path)
        file = file if is_file(file) else alike.find(file) or file
        if not is_file(file):
            fail(where, row, _absent(row.path, looked_in))
        path = origin.name(file)
        if path in items:
            fail(where, row, f"path {quoted(row.path)} stands twice")
        digest.update(stamp(path, file))
        official: Any = split or None
        label = labels[class_of[split, row.label]]
        items[path] = Item(path, label, official, row.group or None)
    alike.tell(source)
    if grouping is not None:
        _group(items, grouping, source)
    left_out = len(checked) - len(kept)
    ignored = {"rows of splits that --splits does not name": left_out}
    return make_listing(
        classes,
        items.values(),
        digest.hexdigest(),
        where=source,
        ignored=ignored if left_out else None,
    )


def fail(where: str, row: ImageRow, reason: str) -> NoReturn:
    """Raise DataError for a row."""
    raise DataError(f"{where} {row.number:,}: {reason}.")


def _group(items: dict[str, Item], grouping: Grouping, source: str) -> None:
    """Give each image the group that its path tells."""
    pairs = [(path, None) for path in items]
    groups = grouping.groups(pairs, source, "leave their rows out")
    for path, name in zip(list(items), groups, strict=True):
        items[path] = items[path]._replace(group=name)


_LEFT_OUT = "-"  # in the place of a split


def _checked(
    row: ImageRow, where: str, choice: SplitChoice | None
) -> tuple[ImageRow, SplitName | str]:
    """Return a row and its split: empty where it has none."""
    for name in NEEDED:
        if not getattr(row, name):
            fail(where, row, f"the {name} is empty")
    if not row.split:
        return row, ""
    if choice is not None:
        return row, choice.get(row.split, _LEFT_OUT)
    split = split_of(row.split)
    if split is None:
        fail(
            where,
            row,
            f"expected split train, val or test, got {quoted(row.split)}; 'convert "
            "--splits train=A,test=B' says what it means",
        )
    return row, split


def _absent(path: str, looked_in: Sequence[str]) -> str:
    if "://" in path:
        return f"{quoted(path)} is an address, expected a file; download it first"
    folders = [quoted(name) for name in looked_in]
    where = f" (looked in {' and '.join(folders)})" if folders else ""
    absolute = path.startswith(("/", "\\")) or path[1:2] == ":"
    cure = "name their folder with 'convert --image-folder DIR'"
    if absolute:
        where, cure = "", f"if they are elsewhere now, cut the paths and {cure}"
    if not folders:
        return f"file {quoted(path)} is not there"
    return f"file {quoted(path)} is not there{where}; {cure}"
