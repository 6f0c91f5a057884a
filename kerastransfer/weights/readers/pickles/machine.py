"""The stack machine that carries out a pickle's opcodes on plain Python data."""

import pickletools
from collections.abc import Callable, Mapping
from typing import Any, BinaryIO, Protocol, runtime_checkable

from kerastransfer.foundation.quoting import quoted
from kerastransfer.weights.readers.guard import DamageError
from kerastransfer.weights.readers.pickles.skipping import (
    SkippedClass,
    SkippedObject,
    stand_in,
)

Globals = Mapping[tuple[str, str], object]
Persistent = Callable[[object], object]

_MARK = object()
_MOST_STEPS = 5_000_000  # each may take a hundred bytes; checkpoints take thousands
_CONSTANTS = {"NONE": None, "NEWTRUE": True, "NEWFALSE": False}
_LITERALS = frozenset(
    {
        *("BININT", "BININT1", "BININT2", "LONG1", "LONG4", "BINFLOAT"),
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


def run(
    stream: BinaryIO,
    table: Globals,
    persistent: Persistent | None,
    skipped: list[str] | None,
) -> tuple[object, int]:
    """Carry out one pickle; the parameters are those of `pickled.load`."""
    machine = _Machine(table, persistent, skipped)
    for step, (opcode, argument, place) in enumerate(pickletools.genops(stream)):
        if step > _MOST_STEPS:
            raise DamageError(f"its pickle takes more than {_MOST_STEPS:,} steps")
        if opcode.name == "STOP":
            return machine.pop(), int(place or 0) + 1
        machine.step(opcode.name, argument)
    raise DamageError("its pickle has no end")


class _Machine:
    """The stack, the memo, and what each opcode does to them."""

    def __init__(
        self,
        table: Globals,
        persistent: Persistent | None,
        skipped: list[str] | None,
    ) -> None:
        self.table = table
        self.persistent = persistent
        self.skipped = skipped
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
        elif name in _OF_OBJECTS and self.skipped is not None:
            _OF_OBJECTS[name](self, argument)
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
        if isinstance(target, SkippedObject):
            return
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
        if isinstance(target, SkippedObject):
            return
        if not isinstance(target, dict):
            raise DamageError("its pickle sets items of what is no dict")
        for key, value in zip(items[::2], items[1::2], strict=True):
            set_item(target, key, value)

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
        if (module, name) in self.table:
            self.stack.append(self.table[module, name])
            return
        substitute = None if self.skipped is None else stand_in(module, name)
        if self.skipped is None or substitute is None:
            raise DamageError(not_run(f"{module}.{name}"))
        if substitute.name not in self.skipped:
            self.skipped.append(substitute.name)
        self.stack.append(substitute)

    def reduce(self, _: Any) -> None:
        arguments, function = self.pop(), self.pop()
        if isinstance(function, SkippedObject):
            raise DamageError(not_run(function.name))
        if not callable(function) or type(arguments) is not tuple:
            raise DamageError("its pickle calls what may not be called")
        self.stack.append(function(*arguments))

    def new_object(self, _: Any) -> None:
        self.pop()  # its arguments
        self.make_object(self.pop())

    def new_object_with_keywords(self, _: Any) -> None:
        self.pop()
        self.new_object(_)

    def make_object(self, kind: object) -> None:
        if not isinstance(kind, SkippedClass):
            raise DamageError("its pickle makes an object (opcode NEWOBJ) of no class")
        self.stack.append(kind())

    def empty_set(self, _: Any) -> None:
        self.stack.append(SkippedObject("builtins.set"))

    def add_items(self, _: Any) -> None:
        self.to_mark()
        if not isinstance(self.top(), SkippedObject):
            raise DamageError("its pickle adds to what is no set")

    def frozen_set(self, _: Any) -> None:
        self.to_mark()
        self.empty_set(_)

    def drop(self, _: Any) -> None:
        self.pop()

    def drop_to_mark(self, _: Any) -> None:
        self.to_mark()

    def build(self, _: Any) -> None:
        state, target = self.pop(), self.top()
        if not isinstance(target, Stateful):
            raise DamageError("its pickle sets the state of what has none")
        target.set_state(state)

    def persistent_id(self, _: Any) -> None:
        if self.persistent is None:
            raise DamageError("its pickle refers to data outside of it")
        self.stack.append(self.persistent(self.pop()))


def not_run(name: str) -> str:
    """Say that a file asks for what is not run."""
    return (
        f"its pickle asks for {quoted(name, 100)}, which is not among what stored "
        "weights need and was not run; save the bare weights (a state_dict) instead"
    )


# Hashing these takes one step; that of a deeply nested tuple would overflow the stack.
_KEYS = (str, int, float, bool, bytes, type(None), SkippedObject, SkippedClass)


def set_item(target: dict[Any, Any], key: object, value: object) -> None:
    """Set an item of a dict whose key is new and hashed in one step."""
    parts = key if type(key) is tuple else (key,)
    if not all(type(part) in _KEYS for part in parts):
        raise DamageError("its pickle has a key that is neither text nor a number")
    if key in target:
        raise DamageError(f"its pickle has the key {quoted(key)} twice")
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
# Only where objects that are no weights are allowed.
_OF_OBJECTS: dict[str, Callable[[_Machine, Any], None]] = {
    "NEWOBJ": _Machine.new_object,
    "NEWOBJ_EX": _Machine.new_object_with_keywords,
    "EMPTY_SET": _Machine.empty_set,
    "ADDITEMS": _Machine.add_items,
    "FROZENSET": _Machine.frozen_set,
    "POP": _Machine.drop,
    "POP_MARK": _Machine.drop_to_mark,
}
