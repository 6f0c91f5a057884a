"""Pickles read as data: a small stack machine in place of `pickle.Unpickler`.

`pickletools` cuts the stream into opcodes; the forty or so that stored arrays need are
carried out here on plain Python data. A global is looked up in the caller's table and,
where the caller allows it, among the stand-ins of `skipping`, so nothing is imported
and nothing of the file is ever called.
"""

import io
from typing import Any

from kerastransfer.weights.readers.guard import DamageError
from kerastransfer.weights.readers.pickles import machine
from kerastransfer.weights.readers.pickles.machine import (
    Globals,
    Persistent,
    set_item,
)


class Ordered(dict[Any, Any]):
    """Stands in for ``collections.OrderedDict``; its attributes are dropped."""

    def set_state(self, state: object) -> None:
        """Drop what a state dict carries besides its items (``_metadata``)."""


def ordered(*args: object) -> Ordered:
    """Stand in for the call ``collections.OrderedDict()``.

    Parameters
    ----------
    *args : object
        Nothing, or one list of pairs, as old Pythons wrote it.

    Raises
    ------
    DamageError
        If the arguments are something else.
    """
    result = Ordered()
    if args:
        (pairs,) = args
        if not isinstance(pairs, list):
            raise DamageError("an OrderedDict is not made from a list")
        for key, value in pairs:
            set_item(result, key, value)
    return result


def defaulting(factory: object = None, *args: object) -> Ordered:
    """Stand in for the call ``collections.defaultdict(factory)``."""
    return ordered(*args)


def encoded(text: object, encoding: object) -> bytes:
    """Stand in for ``_codecs.encode``, by which Python 3 pickles bytes for Python 2.

    Raises
    ------
    DamageError
        If it is asked for anything else.
    """
    if not isinstance(text, str) or encoding != "latin1":
        raise DamageError("its bytes are in another encoding than latin1")
    return text.encode("latin1")


def load(
    data: bytes,
    start: int,
    table: Globals,
    persistent: Persistent | None = None,
    skipped: list[str] | None = None,
) -> tuple[object, int]:
    """Read one pickle.

    Parameters
    ----------
    data : bytes
        Holds the pickle.
    start : int
        Where it begins.
    table : mapping of (module, name) to object
        The globals that may be named, and what stands in for each. Only callable
        stand-ins may be called.
    persistent : callable, optional
        Turns a persistent id into an object; without it such ids are refused.
    skipped : list of str, optional
        Allows objects that are no weights; the names of their classes are appended.

    Returns
    -------
    value : object
        Of None, bool, int, float, str, bytes, tuple, list, dict and the stand-ins.
    end : int
        The place after the pickle's last byte.

    Raises
    ------
    DamageError, ValueError
        If the pickle is damaged, names another global, or uses an opcode that stored
        arrays do not need.
    """
    stream = io.BytesIO(data)
    stream.seek(start)
    return machine.run(stream, table, persistent, skipped)
