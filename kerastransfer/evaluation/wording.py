"""How figures are written: fractions inside the program, percent on the page."""

from collections.abc import Mapping
from typing import Any


def percent(estimate: Mapping[str, Any]) -> str:
    """Write a fraction and its interval in percent.

    Parameters
    ----------
    estimate : mapping
        With ``value``, ``low`` and ``high``, as `Estimate.as_dict` gives them.

    Examples
    --------
    >>> percent({"value": 0.912, "low": 0.884, "high": 0.934})
    '91.2 % (88.4 to 93.4)'
    """
    value, low, high = (100 * estimate[key] for key in ("value", "low", "high"))
    return f"{value:.1f} % ({low:.1f} to {high:.1f})"


def points(estimate: Mapping[str, Any]) -> str:
    """Write a difference of two fractions and its interval in percentage points.

    Parameters
    ----------
    estimate : mapping
        As `percent` takes it.

    Examples
    --------
    >>> points({"value": -0.02, "low": -0.05, "high": 0.01})
    '-2.0 points (-5.0 to +1.0)'
    """
    # Adding 0 turns a rounded -0.0 into 0.0.
    value, low, high = (
        round(100 * estimate[key], 1) + 0 for key in ("value", "low", "high")
    )
    return f"{value:+.1f} points ({low:+.1f} to {high:+.1f})"


def nats(estimate: Mapping[str, Any]) -> str:
    """Write a negative log-likelihood and its interval in nats.

    Parameters
    ----------
    estimate : mapping
        As `percent` takes it.

    Examples
    --------
    >>> nats({"value": 0.25, "low": 0.2, "high": 0.3})
    '0.250 (0.200 to 0.300) nats'
    """
    return (
        f"{estimate['value']:.3f} ({estimate['low']:.3f} to {estimate['high']:.3f}) "
        "nats"
    )
