"""The columns of a table of images that count."""

import dataclasses

from kerastransfer.datasets.own.tables.cells import Table
from kerastransfer.datasets.own.tables.column_contents import OFF, ON
from kerastransfer.errors import DataError
from kerastransfer.foundation.quoting import quoted


@dataclasses.dataclass(frozen=True, slots=True)
class Columns:
    """Where in a table's rows what stands.

    Parameters
    ----------
    label : int or None
        None where `classes` are columns of their own.
    classes : tuple of int
        Columns of which each row marks one.
    note : str
        What was guessed and left out; empty where nothing was.
    """

    path: int
    label: int | None
    split: int | None = None
    group: int | None = None
    classes: tuple[int, ...] = ()
    note: str = ""

    def labels(self, table: Table, where: str) -> list[str]:
        """Return each row's label.

        Raises
        ------
        DataError
            If a row marks no class, or several.
        """
        if self.label is not None:
            return table.column(self.label)
        labels = []
        for row in table.rows:
            marked = [i for i in self.classes if row.cells[i].lower() in ON]
            wrong = [i for i in self.classes if row.cells[i].lower() not in ON | OFF]
            if wrong or len(marked) != 1:
                names = ", ".join(quoted(table.header[i]) for i in marked) or "none"
                cell = f"the cell {quoted(row.cells[wrong[0]])}" if wrong else names
                raise DataError(
                    f"{where}, {table.row_word} {row.number:,}: expected a 1 in one of "
                    f"the class columns and 0 in the others, got {cell}."
                )
            labels.append(table.header[marked[0]])
        return labels
