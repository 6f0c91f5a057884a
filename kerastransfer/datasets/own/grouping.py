"""Which images belong together: those of one folder, or of one part of their names.

What belongs together (one patient, one plant, one film) is kept in one split, so that
a test image has no twin in training.
"""

import dataclasses
import re
from collections.abc import Iterable, Mapping
from typing import Any

from kerastransfer.datasets.option import Option, OptionValue
from kerastransfer.errors import DataError, InputError
from kerastransfer.foundation.quoting import quoted

GROUP_BY = Option(
    name="group_by",
    help="What is kept together in one split: 'folder', the folders within a class's "
    "own (of a table: those that hold the images); a PATTERN, a regular expression "
    "whose first group, or the one called 'group', is searched for in each path; or "
    "column:NAME, of a table or of TFDS's features",
    metavar="folder|PATTERN|column:NAME",
)
_FOLDER, _COLUMN = "folder", "column:"
_LONGEST = 500  # characters of a pattern
_NAMED = "group"  # the group of a pattern that counts, where there is one of this name


@dataclasses.dataclass(frozen=True, slots=True)
class Grouping:
    """How a path tells its image's group.

    Parameters
    ----------
    pattern : re.Pattern or None
        None where folders are the groups.
    """

    pattern: re.Pattern[str] | None = None

    def group(self, path: str, class_folder: str | None = None) -> str:
        r"""Return an image's group; empty where its path tells none.

        Parameters
        ----------
        class_folder : str, optional
            The folder of the image's class, which its path begins with: the groups are
            the folders in it. Without one they are the folders that hold the images.

        Examples
        --------
        >>> Grouping().group("train/cat/tom/2025/1.jpg", "train/cat")
        'tom'
        >>> Grouping().group("scans/tom/1.jpg")
        'scans/tom'
        >>> read_pattern(r"(?P<group>[a-z]+)_\d").group("cat/tom_1.jpg")
        'tom'
        """
        if self.pattern is not None:
            match = self.pattern.search(path)
            named = _NAMED if _NAMED in self.pattern.groupindex else 1
            return (match[named] or "") if match else ""
        if class_folder is None:
            return path.rpartition("/")[0]
        below = path.removeprefix(f"{class_folder}/" if class_folder else "")
        return below.partition("/")[0] if "/" in below else ""

    def groups(
        self, paths: Iterable[tuple[str, str | None]], where: str, cure: str
    ) -> list[str]:
        """Return the group of each image.

        Parameters
        ----------
        paths : iterable of (str, str or None)
            Each image's path, and its class's folder where it has one.
        where : str
            Names the source in messages.
        cure : str
            What to do about images without a group, but to change the grouping.

        Raises
        ------
        DataError
            If an image has none.
        """
        pairs = list(paths)
        groups = [self.group(*pair) for pair in pairs]
        lacking = [
            path for (path, _), name in zip(pairs, groups, strict=True) if not name
        ]
        if not lacking:
            return groups
        counts = (
            f"{len(lacking):,} of {len(pairs):,} images, such as {quoted(lacking[0])},"
        )
        if self.pattern is None:
            raise DataError(
                f"Expected every image of {where} in a folder that is its group "
                f"(--group-by folder), and {counts} are in none; {cure}, or group by a "
                "PATTERN."
            )
        raise DataError(
            f"Expected --group-by {quoted(self.pattern.pattern)} to tell the group of "
            f"every image of {where}, and {counts} have none by it; widen the pattern, "
            f"or {cure}."
        )


def read_pattern(text: str) -> Grouping:
    """Read ``--group-by PATTERN``.

    Raises
    ------
    InputError
        If it is no regular expression, has no group or is longer than 500 characters.
    """
    if len(text) > _LONGEST:
        raise InputError(
            f"Expected --group-by with a PATTERN of at most {_LONGEST} characters, got "
            f"{len(text):,}."
        )
    try:
        pattern = re.compile(text)
    except (re.error, OverflowError, RecursionError) as error:
        raise InputError(
            f"Expected --group-by with a regular expression, got {quoted(text)}: "
            f"{error}."
        ) from None
    if not pattern.groups:
        raise InputError(
            "Expected --group-by 'folder', or a PATTERN with a group in parentheses, "
            rf"such as '(patient\d+)_', got {quoted(text)}."
        )
    return Grouping(pattern)


def read_grouping(value: OptionValue) -> Grouping | None:
    """Read ``--group-by`` of paths; None where nobody gave it.

    Raises
    ------
    InputError
        If it is no pattern, or a column.
    """
    if value is None:
        return None
    text = str(value)
    if text == _FOLDER:
        return Grouping()
    if text.startswith(_COLUMN):
        raise InputError(
            "Expected --group-by of a folder to be 'folder' or a PATTERN, got "
            f"{quoted(text)}; columns are those of csv:, parquet: and tfds:."
        )
    return read_pattern(text)


def with_column(
    options: Mapping[str, OptionValue], what: str, *, has_paths: bool = True
) -> dict[str, Any]:
    """Return a table's options with the column that ``--group-by`` names.

    It stands in ``group_column`` then: both flags say the same, and give one dataset.

    Parameters
    ----------
    what : str
        The kind of table, in messages.
    has_paths : bool
        Whether its images have paths that may tell groups too.

    Raises
    ------
    InputError
        If two things are said, or a pattern where there are no paths.

    Examples
    --------
    >>> with_column({"group_by": "column:patient"}, "a CSV file")
    {'group_by': None, 'group_column': 'patient'}
    """
    value, named = options.get("group_by"), options.get("group_column")
    if value is None:
        return dict(options)
    text = str(value)
    column = text.removeprefix(_COLUMN)
    if column == text and (text == _FOLDER or _may_be_pattern(text)):
        column = ""
    if not column and not has_paths:
        raise InputError(
            f"Expected --group-by of {what} to be column:NAME, for its images have no "
            f"paths, got {quoted(text)}."
        )
    if named is not None and column != named:
        raise InputError(
            f"Expected --group-by or --group-column, and they say {quoted(text)} and "
            f"{quoted(named)}; leave one out."
        )
    if column:
        return {**options, "group_by": None, "group_column": column}
    if text != _FOLDER:
        read_pattern(text)
    return dict(options)


def _may_be_pattern(text: str) -> bool:
    """Whether text holds a group, or would; all else is a column's name."""
    return "(" in text
