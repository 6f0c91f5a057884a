"""How figures are spelled: fractions inside, percent at the edge."""

from collections.abc import Mapping
from typing import Any


def percent(estimate: Mapping[str, Any]) -> str:
    """Spell a fraction with its interval.

    Parameters
    ----------
    estimate : mapping
        With ``value``, ``low`` and ``high``, as `Estimate.as_dict` gives them.

    Returns
    -------
    str
        Such as ``91.2 % (88.4 to 93.4)``.
    """
    value, low, high = (100 * estimate[key] for key in ("value", "low", "high"))
    return f"{value:.1f} % ({low:.1f} to {high:.1f})"
