"""What a column's cells tell of it."""

from collections.abc import Sequence

from kerastransfer.datasets.naming import is_image

# A class's own column: whether a row is of the class.
ON, OFF = frozenset(("1", "1.0", "true")), frozenset(("0", "0.0", "false"))


def are_images(cells: Sequence[str]) -> bool:
    r"""Whether all cells end in an image's name.

    >>> are_images(["a/b.jpg", "c\\d.PNG"]), are_images(["a.jpg", "dog"])
    (True, False)
    """
    names = (cell.replace("\\", "/").rpartition("/")[2] for cell in cells)
    return bool(cells) and all(map(is_image, names))


def are_marks(cells: Sequence[str]) -> bool:
    """Whether all cells are 0 or 1, or false or true."""
    return bool(cells) and {cell.lower() for cell in cells} <= ON | OFF


def is_marked(cells: Sequence[str]) -> bool:
    """Whether any cell is 1 or true."""
    return any(cell.lower() in ON for cell in cells)
