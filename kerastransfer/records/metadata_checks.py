"""What every entry of records' metadata must be, before anything is made of it."""

import re
from collections.abc import Callable
from typing import Any

from kerastransfer.records.images.rendering import AUTO, Rendering
from kerastransfer.records.split.plan import DRAWS, POLICIES, SPLITS

_MOST = 1 << 40  # of anything that is counted


def _is_count(value: object) -> bool:
    return type(value) is int and 0 <= value <= _MOST


def _are_counts(value: object) -> bool:
    return isinstance(value, list) and all(_is_count(number) for number in value)


def _are_texts(value: object) -> bool:
    return isinstance(value, list) and all(isinstance(text, str) for text in value)


def _is_counted(value: object) -> bool:
    return isinstance(value, dict) and all(map(_is_count, value.values()))


def _is_hash(value: object) -> bool:
    return isinstance(value, str) and bool(re.fullmatch(r"[0-9a-f]{64}", value))


def _is_level(value: Any) -> bool:
    return value is None or (type(value) in (int, float) and 0 < value <= _MOST)


CHECKS: dict[str, Callable[[Any], object]] = {
    "dataset": lambda value: (
        isinstance(value, str) and re.fullmatch(r"\w{1,200}", value)
    ),
    "spec": lambda value: isinstance(value, str),
    "classes": lambda value: (
        _are_texts(value) and len(value) > 1 and len(set(value)) == len(value)
    ),
    "counts": lambda value: (
        isinstance(value, dict)
        and all(_are_counts(value.get(split)) for split in SPLITS)
    ),
    "image_size": lambda value: _is_count(value) and value > 0,
    "split_seed": lambda value: type(value) is int,
    "max_per_class": lambda value: value in (None, "all") or _is_count(value),
    "short_classes": lambda value: value in POLICIES,
    "white_level": lambda value: value == AUTO or _is_level(value),
    "background": lambda value: (
        value is None
        or (isinstance(value, str) and re.fullmatch(r"#[0-9a-f]{6}", value))
    ),
    "white": lambda value: (
        value is None
        or (
            isinstance(value, dict)
            and set(value) == set(Rendering().levels)
            and all(map(_is_level, value.values()))
        )
    ),
    "images": lambda value: value is None or _is_counted(value),
    "variant_sizes": _are_counts,
    "mirror_keeps_class": lambda value: isinstance(value, bool),
    "short": _is_counted,
    "rejected": lambda value: (
        isinstance(value, dict)
        and all(isinstance(reason, str) for reason in value.values())
    ),
    "ignored": _is_counted,
    "archives": lambda value: (
        isinstance(value, list) and all(isinstance(each, dict) for each in value)
    ),
    "differences": _are_texts,
    "origins": lambda value: (
        isinstance(value, dict) and all(isinstance(t, str) for t in value.values())
    ),
    "notes": _are_texts,
    "ungrouped": lambda value: (
        value is None or (_is_counted(value) and set(value) == set(SPLITS))
    ),
    "stamp": lambda value: isinstance(value, str),
    "fingerprint": _is_hash,
    "plan_hash": _is_hash,
    "bytes_hash": _is_hash,
    "draws": lambda value: (
        isinstance(value, list)
        and len(value) == DRAWS
        and all(_are_counts(draw) for draw in value)
    ),
    "converter": _is_count,
}
