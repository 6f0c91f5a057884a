"""Find named arrays, and names of classes, in what a training script saved."""

from collections.abc import Iterator, Mapping
from typing import TypeVar

from kerastransfer.foundation.quoting import quoted
from kerastransfer.weights.readers.guard import DamageError

_MAX_DEPTH = 20
_MOST_CLASSES = 100_000
# As tutorials, timm, mmengine and fastai call them; compared in small letters.
_CLASS_LISTS = frozenset({"classes", "class_names", "categories", "class_labels"})
_CLASS_INDICES = frozenset({"class_to_idx", "class_to_index", "label_to_idx"})
_CLASS_OF_INDEX = frozenset({"idx_to_class", "index_to_class", "id2label"})

T = TypeVar("T")


def named(value: object, kind: type[T]) -> dict[str, T]:
    """Return all objects of one class in nested dicts, lists and tuples.

    Parameters
    ----------
    value : object
        What was pickled.
    kind : type
        Class of the objects.

    Returns
    -------
    dict of str to object
        By the keys on the way, joined with dots; in the order of the file. A container
        that is there twice is looked into once.

    Raises
    ------
    DamageError
        If the containers lie too deep, or two objects would have one name.

    Examples
    --------
    >>> named({"state_dict": {"fc.weight": 1.5}, "epoch": 3}, float)
    {'state_dict.fc.weight': 1.5}
    """
    objects: dict[str, T] = {}
    for name, item in _walk(value, "", kind, set(), 0):
        if name in objects:
            raise DamageError(f"two of its tensors are called {quoted(name)}")
        objects[name] = item
    return objects


def _walk(
    value: object, name: str, kind: type[T], seen: set[int], depth: int
) -> Iterator[tuple[str, T]]:
    if isinstance(value, kind):
        yield name, value
        return
    if not isinstance(value, dict | list | tuple) or id(value) in seen:
        return
    if depth > _MAX_DEPTH:
        raise DamageError(f"its contents lie more than {_MAX_DEPTH} deep")
    seen.add(id(value))
    items = value.items() if isinstance(value, dict) else enumerate(value)
    for key, item in items:
        if isinstance(key, str | int):
            inner = f"{name}.{key}" if name else str(key)
            yield from _walk(item, inner, kind, seen, depth + 1)


def class_names(value: object) -> tuple[str, ...]:
    """Return the names of classes that a checkpoint holds beside its weights.

    Parameters
    ----------
    value : object
        What was pickled.

    Returns
    -------
    tuple of str
        In the order of the classifier's outputs; empty where there are none.

    Examples
    --------
    >>> class_names({"meta": {"class_to_idx": {"bee": 1, "ant": 0}}})
    ('ant', 'bee')
    """
    for mapping in _mappings(value, set(), 0):
        for key, item in mapping.items():
            names = _names(key.lower(), item) if isinstance(key, str) else ()
            if names:
                return names
    return ()


def _mappings(
    value: object, seen: set[int], depth: int
) -> Iterator[Mapping[object, object]]:
    if isinstance(value, dict) and id(value) not in seen and depth <= _MAX_DEPTH:
        seen.add(id(value))
        yield value
        for item in value.values():
            yield from _mappings(item, seen, depth + 1)


def _names(key: str, item: object) -> tuple[str, ...]:
    names: list[object] = []
    if key in _CLASS_LISTS and isinstance(item, list | tuple):
        names = list(item)
    elif key in _CLASS_INDICES and isinstance(item, dict):
        names = _ordered([(index, name) for name, index in item.items()])
    elif key in _CLASS_OF_INDEX and isinstance(item, dict):
        names = _ordered(list(item.items()))
    if len(names) > _MOST_CLASSES:
        return ()
    texts = tuple(name for name in names if isinstance(name, str))
    return texts if len(texts) == len(names) else ()


def _ordered(pairs: list[tuple[object, object]]) -> list[object]:
    """Return the names in the order of their indices, if these are 0, 1, 2, ..."""
    numbers = {int(str(i)): name for i, name in pairs if str(i).isdecimal()}
    if len(pairs) != len(numbers) or sorted(numbers) != list(range(len(pairs))):
        return []
    return [numbers[index] for index in range(len(numbers))]
