"""What a reader gave, as a hash: equal contents have equal hashes."""

import dataclasses
import hashlib
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np


def fingerprint(value: object) -> str:
    """Hash nested mappings, sequences, dataclasses, arrays and plain values."""
    digest = hashlib.sha256()
    _add(digest, value)
    return digest.hexdigest()


def _add(digest: Any, value: Any) -> None:
    digest.update(f"\0{type(value).__name__}:".encode())
    plain = _plain(value)
    if plain is not None:
        digest.update(plain)
        return
    if isinstance(value, Mapping):
        value = [each for item in value.items() for each in item]
    elif dataclasses.is_dataclass(value):
        value = [getattr(value, field.name) for field in dataclasses.fields(value)]
    for item in value:
        _add(digest, item)


def _plain(value: Any) -> bytes | None:
    """Return the bytes of what holds nothing else."""
    if isinstance(value, np.ndarray):
        return f"{value.dtype.str}{value.shape}".encode() + value.tobytes()
    if isinstance(value, bytes | bytearray):
        return bytes(value)
    if isinstance(value, Mapping | Sequence) and not isinstance(value, str):
        return None
    if dataclasses.is_dataclass(value):
        return None
    return repr(value).encode("utf-8", "surrogatepass")
