"""The study's recommendation by distance and number of images (its Table 3).

The thresholds were measured on the mean fc7 responses of AlexNet. The responses of
another backbone are distributed differently; there the rule is only a prior.
"""

import enum
import math

from kerastransfer.errors import InputError
from kerastransfer.foundation.quoting import quoted

MEASURED_ON = ("alexnet", "caffenet")
LIMITS = (
    "its thresholds were measured on AlexNet's fc7; for another backbone the rule is "
    "a prior only"
)


class Advice(enum.Enum):
    """What the study recommends for the copied layers."""

    FREEZE = "Freeze"
    TRY = "Try Freeze or Tune"
    TUNE = "Tune"


# An edge belongs to the farther row; a column ends with its number.
ROW_EDGES = (0.2, 0.4)
COLUMN_ENDS = (20, 99)
MATRIX = (
    (Advice.FREEZE, Advice.TRY, Advice.TUNE),
    (Advice.TRY, Advice.TUNE, Advice.TUNE),
    (Advice.TRY, Advice.TUNE, Advice.TUNE),
)


def recommend(cosine: float, images_per_class: int) -> Advice:
    """Return the study's recommendation.

    Parameters
    ----------
    cosine : float
        Cosine distance between mean responses, 0 to 1.
    images_per_class : int
        Labelled training images, 1 or more.

    Raises
    ------
    InputError
        If either is out of its range.

    Notes
    -----
    "Try" is a trade-off: tuning is slower and slightly more accurate, freezing is
    faster and slightly less accurate. The table prints 0.2 and 0.4 in two rows each;
    here they belong to the row of larger distances.

    Examples
    --------
    >>> recommend(cosine=0.15, images_per_class=10)
    <Advice.FREEZE: 'Freeze'>
    >>> recommend(cosine=0.45, images_per_class=50).value
    'Tune'
    """
    if not 0 <= cosine <= 1 or math.isnan(cosine):
        raise InputError(
            f"Expected a cosine distance from 0 to 1, got {quoted(cosine)}."
        )
    if images_per_class < 1:
        raise InputError(
            f"Expected 1 image per class or more, got {quoted(images_per_class)}."
        )
    row = sum(cosine >= edge for edge in ROW_EDGES)
    column = sum(images_per_class > end for end in COLUMN_ENDS)
    return MATRIX[row][column]


def recommend_between(
    low: float, high: float, images_per_class: int
) -> tuple[Advice, ...]:
    """Return the study's recommendations for all distances in an interval.

    Parameters
    ----------
    low, high : float
        The interval's ends, 0 to 1.
    images_per_class : int
        Labelled training images, 1 or more.

    Returns
    -------
    tuple of Advice
        Each once, in order of distance; more than one where the interval spans several
        rows of the table.

    Raises
    ------
    InputError
        If an argument is out of its range, or `low` is above `high`.

    Examples
    --------
    >>> [advice.value for advice in recommend_between(0.15, 0.25, 10)]
    ['Freeze', 'Try Freeze or Tune']
    """
    if low > high:
        raise InputError(f"Expected low <= high, got {quoted(low)} and {quoted(high)}.")
    inside = [edge for edge in ROW_EDGES if low < edge <= high]
    advice = [recommend(cosine, images_per_class) for cosine in (low, *inside, high)]
    return tuple(dict.fromkeys(advice))
