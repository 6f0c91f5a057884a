"""Reading JSON that a person, a full disk or somebody else may have damaged.

Python's parser takes more than JSON is: NaN, infinities, a key twice (of which the last
counts), and lists in lists until the stack ends. Here each of them is an error.
"""

import json
import math
import re
import stat
from collections.abc import Callable
from pathlib import Path
from typing import Any, NoReturn, TypeVar

from kerastransfer.errors import DataError
from kerastransfer.foundation import system
from kerastransfer.foundation.quoting import quoted

FromObject = TypeVar("FromObject")
MOST_BYTES = 1 << 26
_DEEPEST = 64  # lists and objects within each other; ours are six deep at most
_MOST_DIGITS = 19  # of a whole number: what eight bytes hold
# Strings, for their brackets are none; possessive, or a long one would take memory.
_NESTING = re.compile(r'"(?:[^"\\]++|\\.)*+"?|([\[{])|([\]}])', re.DOTALL)
_LONG_NUMBER = re.compile(f"[0-9]{{{_MOST_DIGITS + 1}}}")


class JsonDamageError(ValueError):
    """What is wrong with some JSON; the caller knows its name."""


def read_object(path: Path, most_bytes: int = MOST_BYTES) -> dict[str, Any]:
    """Read a JSON object.

    Parameters
    ----------
    most_bytes : int
        A larger file is refused.

    Raises
    ------
    FileNotFoundError
        If it is not there.
    JsonDamageError
        If it cannot be read or holds anything else; a `ValueError` whose message says
        what is wrong, and not where.
    """
    try:
        if not stat.S_ISREG(path.stat().st_mode):  # a pipe would keep us waiting
            raise JsonDamageError("it is no file")
        with path.open("rb") as file:
            data = file.read(most_bytes + 1)
    except FileNotFoundError:
        raise
    except JsonDamageError:
        raise
    except OSError as error:
        raise JsonDamageError(f"it cannot be read, {error.strerror}") from None
    except ValueError:  # a NUL in its name
        raise JsonDamageError("no file can have that name") from None
    if len(data) > most_bytes:
        raise JsonDamageError(f"it has more than {most_bytes:,} bytes")
    return parse_object(data)


def read_kept(
    path: Path, make: Callable[[dict[str, Any]], FromObject], what: str
) -> FromObject | None:
    """Read what an export keeps beside its model; None where there is no file.

    Parameters
    ----------
    make : callable
        From the object to a value; raises a `ValueError`, `TypeError` or `KeyError` of
        what is none.
    what : str
        What is read, for the message.

    Raises
    ------
    DataError
        If the file is damaged.
    """
    if not system.is_file(path):
        return None
    try:
        return make(read_object(path))
    except (ValueError, TypeError, KeyError) as error:
        raise DataError(
            f"Expected {what} in {quoted(path)}, got something else ({error}); export "
            "the run again."
        ) from None


def parse_object(text: bytes | str) -> dict[str, Any]:
    """Parse a JSON object.

    Raises
    ------
    JsonDamageError
        If it is anything else.

    Examples
    --------
    >>> parse_object('{"a": [1, null]}')
    {'a': [1, None]}
    >>> parse_object('{"a": 1, "a": 2}')
    Traceback (most recent call last):
        ...
    kerastransfer.foundation.json_file.JsonDamageError: it holds the key 'a' twice
    """
    value = parse(text)
    if not isinstance(value, dict):
        raise JsonDamageError("it holds no JSON object")
    return value


def parse(text: bytes | str) -> Any:
    """Parse JSON: UTF-8, each key once, numbers finite and not too long.

    Raises
    ------
    JsonDamageError
        If it is none.
    """
    try:
        if isinstance(text, bytes):
            text = text.decode("utf-8-sig")
        _check_depth(text)
        # Only where one is seen: a call for each number would take long.
        whole = _whole if _LONG_NUMBER.search(text) else None
        return json.loads(
            text,
            parse_int=whole,
            parse_float=_finite,
            parse_constant=_refuse,
            object_pairs_hook=_each_once,
        )
    except JsonDamageError:
        raise
    except ValueError as error:
        raise JsonDamageError(f"it is no JSON, {error}") from None


def _check_depth(text: str) -> None:
    """Refuse what is nested so deeply that walking over it may end the stack."""
    if text.count("[") + text.count("{") <= _DEEPEST:
        return
    depth = 0
    for match in _NESTING.finditer(text):
        depth += (match[1] is not None) - (match[2] is not None)
        if depth > _DEEPEST:
            raise JsonDamageError(f"it is nested too deeply, over {_DEEPEST} levels")


def _each_once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    value = dict(pairs)
    if len(value) != len(pairs):
        seen: set[str] = set()
        twice = next(key for key, _ in pairs if key in seen or seen.add(key))  # type: ignore[func-returns-value]
        raise JsonDamageError(f"it holds the key {twice[:40]!r} twice")
    return value


def _whole(digits: str) -> int:
    if len(digits.lstrip("-")) > _MOST_DIGITS:
        raise JsonDamageError(f"it holds a number of {len(digits):,} digits")
    return int(digits)


def _finite(digits: str) -> float:
    value = float(digits)
    if not math.isfinite(value):
        raise JsonDamageError(f"it holds the number {digits[:40]}, which is too large")
    return value


def _refuse(word: str) -> NoReturn:
    raise JsonDamageError(f"it holds {word}, which is no number")


def without_nan(value: Any) -> Any:
    """Return a value with null in the place of NaN, which JSON does not have.

    >>> without_nan({"low": [float("nan"), 0.5]})
    {'low': [None, 0.5]}
    """
    if isinstance(value, dict):
        return {key: without_nan(each) for key, each in value.items()}
    if isinstance(value, list | tuple):
        return [without_nan(each) for each in value]
    return None if isinstance(value, float) and math.isnan(value) else value
