"""Which of a table's columns are path, label, split and group.

What the user says goes first, then columns of just these names, then names that mean
the same, then what the cells hold. A column is taken only where no other may be meant.
"""

import dataclasses
import re
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from typing import Literal

from kerastransfer.datasets.option import OptionValue
from kerastransfer.datasets.own import split_choice
from kerastransfer.datasets.own.tables import column_words
from kerastransfer.datasets.own.tables.cells import Table
from kerastransfer.datasets.own.tables.column_contents import (
    ON,
    are_images,
    are_marks,
    is_marked,
)
from kerastransfer.datasets.own.tables.columns import Columns
from kerastransfer.errors import DataError, InputError
from kerastransfer.foundation.quoting import quoted

Lacking = Callable[[Sequence[str]], DataError]
Role = Literal["path", "label", "split", "group"]
ROLES: tuple[Role, ...] = ("path", "label", "split", "group")
_NUMBERING = frozenset(("", "index", "unnamed0"))  # as pandas writes with a table


def choose(
    table: Table,
    where: str,
    options: Mapping[str, OptionValue],
    lacking: Lacking | None = None,
) -> Columns:
    """Find the columns of a table.

    Parameters
    ----------
    where : str
        Names the table in messages.
    options : mapping of str to value
        ``path_column``, ``label_column``, ``split_column``, ``group_column``: what the
        user says, or None. Several names for the label, with commas, are columns of
        which each row marks one. With ``group_by`` no column is the group.

    Raises
    ------
    InputError
        If the user names a column that is not there.
    DataError
        If path or label are missing, or several columns may be meant.
    """
    choice = _Choice(table, where, options)
    columns = choice.columns()
    if columns is None:
        raise (lacking or choice.lacking)(choice.missing())
    return columns


@dataclasses.dataclass(slots=True)
class _Choice:
    """The work of one choice: what is taken so far."""

    table: Table
    where: str
    options: Mapping[str, OptionValue]
    taken: dict[Role, int] = dataclasses.field(default_factory=dict)
    guessed: list[Role] = dataclasses.field(default_factory=list)
    classes: tuple[int, ...] = ()

    def columns(self) -> Columns | None:
        """Return what each column is; None where path or label are missing."""
        self._refuse_twice()
        for role in ROLES:
            self._take_named(role)
        if "path" not in self.taken:
            self._guess("path", self._path())
        if "split" not in self.taken:
            self._guess("split", self._split())
        self._take_group()
        if "label" not in self.taken and not self.classes:
            self._guess("label", self._label())
        if "label" not in self.taken and not self.classes:
            self.classes = self._one_hot()
        if self.missing():
            return None
        return Columns(
            path=self.taken["path"],
            label=self.taken.get("label"),
            split=self.taken.get("split"),
            group=self.taken.get("group"),
            classes=self.classes,
            note=self._note(),
        )

    def _take_group(self) -> None:
        """Guess the group's column, where it is not said that paths tell groups."""
        if self.options.get("group_by") is not None:
            self.taken.pop("group", None)
        elif "group" not in self.taken:
            named = self._by_name(column_words.GROUPS)
            self._guess("group", named[0] if len(named) == 1 else None)

    def missing(self) -> list[str]:
        """Name those of path and label that no column is."""
        needed: tuple[Role, ...] = ("path",) if self.classes else ("path", "label")
        return [role for role in needed if role not in self.taken]

    def lacking(self, roles: Sequence[str]) -> DataError:
        """Make the error for a text table."""
        free = (
            i
            for i in self._free
            if are_marks(self.table.column(i)) and is_marked(self.table.column(i))
        )
        marks = [self.table.header[i] for i in free]
        several = f" ({', '.join(marks)}: a row may mark only one)"
        return self._error(
            f"column {quoted(roles[0])} is missing from the header, which is "
            f"{self._listed()}{several if len(marks) > 1 else ''}; name it so, or say "
            f"which it is with 'convert --{roles[0]}-column NAME'"
        )

    @property
    def _free(self) -> list[int]:
        used = {*self.taken.values(), *self.classes}
        return [i for i in range(len(self.table.header)) if i not in used]

    def _refuse_twice(self) -> None:
        names = [name.lower() for name in self.table.header if name]
        twice = sorted({name for name in names if names.count(name) > 1})
        if twice:
            raise self._error(
                f"a column stands twice in {quoted(','.join(names))}: "
                f"{quoted(twice[0])}"
            )

    def _take_named(self, role: Role) -> None:
        """Take what the user says, or a column of just this name."""
        asked = self.options.get(f"{role}_column")
        if asked is None:
            exact = self._index(role)
            if exact is not None and exact not in self.taken.values():
                self.taken[role] = exact
            return
        index = self._index(str(asked))
        several = [self._index(name.strip()) for name in str(asked).split(",")]
        if index is not None:
            self.taken[role] = index
        elif role == "label" and len(several) > 1 and None not in several:
            self.classes = tuple(i for i in several if i is not None)
        else:
            or_group_by = " or --group-by" if role == "group" else ""
            raise InputError(
                f"Expected --{role}-column{or_group_by} to name a column of "
                f"{self.where}, which are "
                f"{self._listed()}, got {quoted(asked)}."
            )

    def _index(self, name: str) -> int | None:
        lower = [each.lower() for each in self.table.header]
        return lower.index(name.lower()) if name.lower() in lower else None

    def _guess(self, role: Role, index: int | None) -> None:
        if index is not None:
            self.taken[role] = index
            self.guessed.append(role)

    def _by_name(self, names: frozenset[str]) -> list[int]:
        return [i for i in self._free if _bare(self.table.header[i]) in names]

    def _path(self) -> int | None:
        for names in column_words.PATHS:
            possible = self._by_name(names)
            if len(possible) == 1:
                return possible[0]
            if possible:
                return self._one(
                    "path", [i for i in possible if are_images(self.table.column(i))]
                )
        return self._one(
            "path", [i for i in self._free if are_images(self.table.column(i))]
        )

    def _split(self) -> int | None:
        # One such word is enough: the others are then asked for, and none is lost.
        named = [i for i in self._by_name(column_words.SPLITS) if self._splits(i)]
        possible = named or [
            i
            for i in self._free
            if self._splits(i) == len(self.table.rows) - self.table.column(i).count("")
            and len({*self.table.column(i)} - {""}) > 1
        ]
        return self._one("split", possible)

    def _label(self) -> int | None:
        possible = self._by_name(column_words.LABELS)
        if possible:
            return self._one("label", possible)
        left = [i for i in self._free if _bare(self.table.header[i]) not in _NUMBERING]
        several = len(left) == 1 and len(set(self.table.column(left[0]))) > 1
        return left[0] if several else None

    def _one_hot(self) -> tuple[int, ...]:
        """Return the columns of zeros and ones of which every row marks one."""
        marks = [i for i in self._free if are_marks(self.table.column(i))]
        sums = {
            sum(row.cells[i].lower() in ON for i in marks) for row in self.table.rows
        }
        return tuple(marks) if len(marks) > 1 and sums == {1} else ()

    def _splits(self, index: int) -> int:
        """Count the cells of a column that name a split."""
        choice = split_choice.read_choice(_text(self.options.get("splits"))) or {}
        cells = Counter(self.table.column(index))
        return sum(
            count
            for cell, count in cells.items()
            if cell in choice or split_choice.split_of(cell) is not None
        )

    def _one(self, role: Role, possible: Sequence[int]) -> int | None:
        """Return the only one; refuse to choose among several."""
        if len(possible) > 1:
            names = " or ".join(quoted(self.table.header[i]) for i in possible)
            raise self._error(
                f"the {role} may be {names}; say which with 'convert --{role}-column "
                "NAME'"
            )
        return possible[0] if possible else None

    def _note(self) -> str:
        header = self.table.header
        parts = [
            f"{role} is taken from column {quoted(header[self.taken[role]])}"
            for role in self.guessed
        ]
        if self.classes:
            names = ", ".join(quoted(header[i]) for i in self.classes)
            never = [
                quoted(header[i])
                for i in self.classes
                if not is_marked(self.table.column(i))
            ]
            lost = f" (no row marks {', '.join(never)})" if never else ""
            parts.append(f"the label is which of {names} is 1{lost}")
        unused = [header[i] for i in self._free]
        if unused:
            parts.append(f"not used: {', '.join(map(repr, unused))}")
        return "; ".join(parts)

    def _listed(self) -> str:
        return ", ".join(map(repr, self.table.header)) or "none"

    def _error(self, reason: str) -> DataError:
        return DataError(f"{self.where}, {self.table.row_word} 1: {reason}.")


def _text(value: OptionValue) -> str | None:
    return None if value is None else str(value)


def _bare(name: str) -> str:
    return re.sub(r"[\W_]+", "", name.lower())
