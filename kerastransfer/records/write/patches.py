"""Patches about points of a photograph, reflected where they reach beyond its border.

Like O. Beijbom's pyspacer: a patch of even size has its point right below and right of
its middle.
"""

import numpy as np
from numpy.typing import NDArray

from kerastransfer.datasets.image_file import Cut
from kerastransfer.errors import DataError


def cut_patch(photograph: NDArray[np.uint8], cut: Cut) -> NDArray[np.uint8]:
    """Cut one patch out.

    Parameters
    ----------
    photograph : array of shape (height, width, 3)

    Returns
    -------
    array of shape (size, size, 3)
        Pixels beyond the border are mirrored at it, the border itself not repeated.

    Raises
    ------
    DataError
        If the point is not on the photograph.
    """
    height, width = photograph.shape[:2]
    if not (0 <= cut.row < height and 0 <= cut.column < width):
        raise DataError(
            f"the point ({cut.row}, {cut.column}) is outside the photograph of "
            f"{height} x {width} pixels"
        )
    rows = _reflected(cut.row, cut.size, height)
    columns = _reflected(cut.column, cut.size, width)
    return photograph[np.ix_(rows, columns)]


def _reflected(centre: int, size: int, length: int) -> NDArray[np.int64]:
    """Return the indices of a patch along an axis, folded back at both ends."""
    indices = np.arange(size) + centre - size // 2
    period = max(2 * (length - 1), 1)
    folded = np.abs(indices) % period
    return np.minimum(folded, period - folded) if length > 1 else np.zeros(size, int)
