"""Checks that ported weights are complete, without extras, and of the right shapes."""

import dataclasses
from collections.abc import Mapping, Sequence

import numpy as np

from kerastransfer.errors import WeightsError
from kerastransfer.foundation.quoting import quoted

Shape = tuple[int, ...]
_SHOWN = 5


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Ported:
    """Weights under Keras's names, and what the file holds besides.

    Parameters
    ----------
    weights : dict of str to ndarray
        Keys ``<layer>/<variable>``, Keras's layout: blocks 1-7, and block 8 where the
        file has a classifier, with the file's number of classes.
    skipped : tuple of str
        What in the file is not part of the network.
    remarks : tuple of str
        What else is to be said.
    """

    weights: dict[str, np.ndarray]
    skipped: tuple[str, ...] = ()
    remarks: tuple[str, ...] = ()


def check_names(weights: Mapping[str, object], expected: Mapping[str, object]) -> None:
    """Check that weights have exactly the expected names.

    Parameters
    ----------
    weights, expected : mapping
        By name; only the names are compared.

    Raises
    ------
    WeightsError
        If the names differ; some of them are in the message.

    Examples
    --------
    >>> check_names({"fc8/kernel": 0}, {"fc8/kernel": 0, "fc8/bias": 0})
    Traceback (most recent call last):
    kerastransfer.errors.WeightsError: The weights do not fit: the file misses ...
    """
    missing = [name for name in expected if name not in weights]
    surplus = [name for name in weights if name not in expected]
    if missing or surplus:
        parts = [f"misses {some(missing)}"] if missing else []
        parts += [f"has {some(surplus)} left over"] if surplus else []
        raise WeightsError(f"The weights do not fit: the file {' and '.join(parts)}.")


def check_shape(name: str, shape: Shape, expected: Shape) -> None:
    """Check that an array of a file has the shape that the network needs.

    Parameters
    ----------
    name : str
        The array's name in the file.
    shape : tuple of int
        The array's.

    Raises
    ------
    WeightsError
        If the shapes differ.
    """
    if shape != expected:
        raise WeightsError(
            f"The weights do not fit: expected {quoted(name)} of shape {expected}, got "
            f"{shape}."
        )


def check_canonical(
    weights: Mapping[str, np.ndarray], expected: Mapping[str, Shape]
) -> dict[str, np.ndarray]:
    """Check all weights of a network; return them as float32 in `expected`'s order.

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
        If a name is missing or left over, a shape differs, or a number is a NaN, an
        infinity, or too large for float32.
    """
    check_names(weights, expected)
    result: dict[str, np.ndarray] = {}
    for name, shape in expected.items():
        check_shape(name, weights[name].shape, shape)
        with np.errstate(over="ignore"):
            result[name] = np.ascontiguousarray(weights[name], np.float32)
        if not np.isfinite(result[name]).all():
            raise WeightsError(
                f"The weights are damaged: {quoted(name)} holds a NaN, an infinity, or "
                "a number too large for float32."
            )
    return result


def some(names: Sequence[str]) -> str:
    """List names, the first few of many.

    >>> some(["conv1", "conv2"])
    "'conv1', 'conv2'"
    """
    more = f" and {len(names) - _SHOWN} more" if len(names) > _SHOWN else ""
    return ", ".join(quoted(name) for name in names[:_SHOWN]) + more
