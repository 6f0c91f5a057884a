"""Pickles read as data: a small stack machine in place of `pickle.Unpickler`.

`pickletools` cuts the stream into opcodes; the thirty or so that stored arrays need
are carried out here on plain Python data. A global is looked up in the caller's table
and nowhere else, so nothing is imported and nothing of the file is ever called.
"""

import io
import pickletools
from collections.abc import Callable, Mapping
from typing import Any, Protocol, runtime_checkable

from kerastransfer.weights.readers.guard import DamageError

Globals = Mapping[tuple[str, str], object]
Persistent = Callable[[object], object]

_MARK = object()
_CONSTANTS = {"NONE": None, "NEWTRUE": True, "NEWFALSE": False}
_LITERALS = frozenset(
    {
        *("BININT", "BININT1", "BININT2", "LONG1", "BINFLOAT"),
        *("BINUNICODE", "SHORT_BINUNICODE", "BINSTRING", "SHORT_BINSTRING"),
        *("BINBYTES", "SHORT_BINBYTES", "BINBYTES8"),
    }
)
_EMPTY: dict[str, Callable[[], object]] = {
    "EMPTY_TUPLE": tuple,
    "EMPTY_LIST": list,
    "EMPTY_DICT": dict,
}
_SHORT_TUPLES = {"TUPLE1": 1, "TUPLE2": 2, "TUPLE3": 3}
_IGNORED = frozenset({"PROTO", "FRAME"})


@runtime_checkable
class Stateful(Protocol):
    """A stand-in that takes the state that follows it in the pickle."""

    def set_state(self, state: object) -> None:
        """Take the state, or raise `DamageError`."""


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
            _set_item(result, key, value)
    return result


def load(
    data: bytes, start: int, table: Globals, persistent: Persistent | None = None
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
    machine = _Machine(table, persistent)
    for opcode, argument, place in pickletools.genops(stream):
        if opcode.name == "STOP":
            return machine.pop(), int(place or 0) + 1
        machine.step(opcode.name, argument)
    raise DamageError("its pickle has no end")


class _Machine:
    """The stack, the memo, and what each opcode does to them."""

    def __init__(self, table: Globals, persistent: Persistent | None) -> None:
        self.table = table
        self.persistent = persistent
        self.stack: list[Any] = []
        self.memo: dict[int, object] = {}

    def step(self, name: str, argument: Any) -> None:
        if name in _LITERALS:
            self.stack.append(argument)
        elif name in _CONSTANTS:
            self.stack.append(_CONSTANTS[name])
        elif name in _EMPTY:
            self.stack.append(_EMPTY[name]())
        elif name in _SHORT_TUPLES:
            items = [self.pop() for _ in range(_SHORT_TUPLES[name])]
            self.stack.append(tuple(reversed(items)))
        elif name in _ACTIONS:
            _ACTIONS[name](self, argument)
        elif name not in _IGNORED:
            raise DamageError(
                f"its pickle uses the opcode {name}, which is not allowed"
            )

    def pop(self) -> Any:
        if not self.stack or self.stack[-1] is _MARK:
            raise DamageError("its pickle takes from an empty stack")
        return self.stack.pop()

    def top(self) -> Any:
        value = self.pop()
        self.stack.append(value)
        return value

    def to_mark(self) -> list[Any]:
        items: list[Any] = []
        while self.stack:
            value = self.stack.pop()
            if value is _MARK:
                return items[::-1]
            items.append(value)
        raise DamageError("its pickle has no mark where it needs one")

    def mark(self, _: Any) -> None:
        self.stack.append(_MARK)

    def make_tuple(self, _: Any) -> None:
        self.stack.append(tuple(self.to_mark()))

    def append(self, _: Any) -> None:
        self.extend([self.pop()])

    def appends(self, _: Any) -> None:
        self.extend(self.to_mark())

    def extend(self, items: list[Any]) -> None:
        target = self.top()
        if type(target) is not list:
            raise DamageError("its pickle appends to what is no list")
        target += items

    def set_item(self, _: Any) -> None:
        value, key = self.pop(), self.pop()
        self.update([key, value])

    def set_items(self, _: Any) -> None:
        self.update(self.to_mark())

    def update(self, items: list[Any]) -> None:
        target = self.top()
        if not isinstance(target, dict):
            raise DamageError("its pickle sets items of what is no dict")
        for key, value in zip(items[::2], items[1::2], strict=True):
            _set_item(target, key, value)

    def put(self, index: int) -> None:
        self.memo[index] = self.top()

    def memoize(self, _: Any) -> None:
        self.memo[len(self.memo)] = self.top()

    def get(self, index: int) -> None:
        if index not in self.memo:
            raise DamageError("its pickle recalls what it never stored")
        self.stack.append(self.memo[index])

    def named_global(self, argument: str) -> None:
        module, _, name = argument.partition(" ")
        self.look_up(module, name)

    def stack_global(self, _: Any) -> None:
        name, module = self.pop(), self.pop()
        self.look_up(module, name)

    def look_up(self, module: object, name: object) -> None:
        if not (isinstance(module, str) and isinstance(name, str)):
            raise DamageError("its pickle names a global by what is no text")
        if (module, name) not in self.table:
            raise DamageError(
                f"its pickle asks for {f'{module}.{name}'[:100]!r}, which is not among "
                "what stored weights need and was not run; save the bare weights "
                "(a state_dict) instead"
            )
        self.stack.append(self.table[module, name])

    def reduce(self, _: Any) -> None:
        arguments, function = self.pop(), self.pop()
        if not callable(function) or type(arguments) is not tuple:
            raise DamageError("its pickle calls what may not be called")
        self.stack.append(function(*arguments))

    def build(self, _: Any) -> None:
        state, target = self.pop(), self.top()
        if not isinstance(target, Stateful):
            raise DamageError("its pickle sets the state of what has none")
        target.set_state(state)

    def persistent_id(self, _: Any) -> None:
        if self.persistent is None:
            raise DamageError("its pickle refers to data outside of it")
        self.stack.append(self.persistent(self.pop()))


def _set_item(target: dict[Any, Any], key: object, value: object) -> None:
    # Hashing a deeply nested tuple would overflow the C stack.
    if type(key) not in (str, int):
        raise DamageError("its pickle has a key that is neither text nor a number")
    if key in target:
        raise DamageError(f"its pickle has the key {repr(key)[:80]} twice")
    target[key] = value


_ACTIONS: dict[str, Callable[[_Machine, Any], None]] = {
    "MARK": _Machine.mark,
    "TUPLE": _Machine.make_tuple,
    "APPEND": _Machine.append,
    "APPENDS": _Machine.appends,
    "SETITEM": _Machine.set_item,
    "SETITEMS": _Machine.set_items,
    "BINPUT": _Machine.put,
    "LONG_BINPUT": _Machine.put,
    "MEMOIZE": _Machine.memoize,
    "BINGET": _Machine.get,
    "LONG_BINGET": _Machine.get,
    "GLOBAL": _Machine.named_global,
    "STACK_GLOBAL": _Machine.stack_global,
    "REDUCE": _Machine.reduce,
    "BUILD": _Machine.build,
    "BINPERSID": _Machine.persistent_id,
}
