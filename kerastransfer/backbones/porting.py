"""Checks that every port shares: nothing missing, nothing left over, shapes right."""

from collections.abc import Mapping

import numpy as np

from kerastransfer.errors import WeightsError

Shape = tuple[int, ...]
_SHOWN = 5


def check_names(found: Mapping[str, object], expected: Mapping[str, object]) -> None:
    """Refuse names that are missing or left over.

    Parameters
    ----------
    found, expected : mapping
        By name; only the names are looked at.

    Raises
    ------
    WeightsError
        If the two differ; some of the names are in the message.
    """
    missing = [name for name in expected if name not in found]
    surplus = [name for name in found if name not in expected]
    if missing or surplus:
        parts = [f"misses {_some(missing)}"] if missing else []
        parts += [f"has {_some(surplus)} left over"] if surplus else []
        raise WeightsError(f"The weights do not fit: the file {' and '.join(parts)}.")


def check_shape(name: str, array: np.ndarray, expected: Shape) -> None:
    """Refuse an array of another shape.

    Parameters
    ----------
    name : str
        As the file calls it.
    array : ndarray
        What the file holds.
    expected : tuple of int
        What the network needs.

    Raises
    ------
    WeightsError
        If the shapes differ.
    """
    if array.shape != expected:
        raise WeightsError(
            f"The weights do not fit: expected {name!r} of shape {expected}, got "
            f"{array.shape}."
        )


def check_canonical(
    weights: Mapping[str, np.ndarray], expected: Mapping[str, Shape]
) -> dict[str, np.ndarray]:
    """Check a whole canonical mapping, and return it as float32 in `expected`'s order.

    Parameters
    ----------
    weights : mapping of str to ndarray
        Keys ``<layer>/<variable>``.
    expected : mapping of str to tuple of int
        The network's variables.

    Returns
    -------
    dict of str to ndarray
        float32, C order.

    Raises
    ------
    WeightsError
        If a name is missing or left over, a shape is another, or a number is a NaN, an
        infinity, or too large for float32.
    """
    check_names(weights, expected)
    result: dict[str, np.ndarray] = {}
    for name, shape in expected.items():
        check_shape(name, weights[name], shape)
        with np.errstate(over="ignore"):
            result[name] = np.ascontiguousarray(weights[name], np.float32)
        if not np.isfinite(result[name]).all():
            raise WeightsError(
                f"The weights are damaged: {name!r} holds a NaN, an infinity, or a "
                "number too large for float32."
            )
    return result


def _some(names: list[str]) -> str:
    more = f" and {len(names) - _SHOWN} more" if len(names) > _SHOWN else ""
    return ", ".join(repr(name[:80]) for name in names[:_SHOWN]) + more
