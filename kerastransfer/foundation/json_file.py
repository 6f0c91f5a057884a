"""Reading a JSON object that a person, or a full disk, may have damaged."""

import json
import math
from pathlib import Path
from typing import Any


def read_object(path: Path) -> dict[str, Any]:
    """Read a JSON object.

    Raises
    ------
    ValueError
        If it holds anything else; the message says what is wrong, and not where.
    """
    try:
        value = json.loads(path.read_text(encoding="utf-8"))
    except RecursionError:
        raise ValueError("it is nested too deeply") from None
    if not isinstance(value, dict):
        raise ValueError("it holds no JSON object")
    return value


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
