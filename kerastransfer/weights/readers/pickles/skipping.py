"""Stand-ins for objects of a pickle that are no weights: named, passed over, never run.

Training scripts put their arguments, NumPy scalars, paths, dates and classes of their
own beside the tensors. Nothing of the kind is imported or called here: a class becomes
a `SkippedClass`, and what it would have made a `SkippedObject`, which takes whatever
state follows and forgets it. A function may be named, which makes a `SkippedObject`
too, but not called; and what of Python's standard library a file of weights has no
business to name gets no stand-in, so that a file which would run something elsewhere
is refused rather than half read.
"""

import dataclasses
import sys


def _words(text: str) -> frozenset[str]:
    return frozenset(text.split())


_ANY = frozenset({"*"})
_TYPES = _words(
    "bool bytearray bytes complex dict float frozenset getattr int list long object "
    "range set slice str tuple type unicode xrange Ellipsis NotImplemented"
)
_REBUILT = frozenset({"_reconstructor", "__newobj__", "__newobj_ex__"})
# What checkpoints of training scripts name of the standard library, by module. The
# members of enumerations are pickled as getattr(class, name) by Python 3.11.
_STANDARD = {
    "__builtin__": _TYPES,
    "argparse": frozenset({"Namespace"}),
    "builtins": _TYPES,
    "collections": frozenset({"Counter", "deque", "UserDict", "UserList"}),
    "collections.abc": _ANY,
    "copy_reg": _REBUILT,
    "copyreg": _REBUILT,
    "datetime": _ANY,
    "decimal": frozenset({"Decimal"}),
    "fractions": frozenset({"Fraction"}),
    "functools": frozenset({"partial"}),
    "logging": frozenset({"Logger", "getLogger"}),
    "pathlib": _ANY,
    "pathlib._local": _ANY,
    "random": frozenset({"Random"}),
    "re": frozenset({"_compile"}),
    "types": frozenset({"MappingProxyType", "SimpleNamespace"}),
    "typing": _ANY,
    "uuid": frozenset({"UUID"}),
}
# Names in small letters of other packages that make data and nothing else.
_NUMPY = _words(
    "dtype ndarray bool_ str_ bytes_ float16 float32 float64 longdouble int8 int16 "
    "int32 int64 uint8 uint16 uint32 uint64 longlong complex64 complex128 "
    "datetime64 timedelta64"
)
_ARRAYS = frozenset({"_reconstruct", "scalar"})
_FROM_BUFFER = frozenset({"_frombuffer"})
_OTHERS = {
    "numpy": _NUMPY,
    "numpy.core.multiarray": _ARRAYS,
    "numpy._core.multiarray": _ARRAYS,
    "numpy.core.numeric": _FROM_BUFFER,
    "numpy._core.numeric": _FROM_BUFFER,
    "numpy.random._pickle": frozenset(
        {"__randomstate_ctor", "__generator_ctor", "__bit_generator_ctor"}
    ),
    "torch": _words(
        "device dtype finfo iinfo float16 bfloat16 float32 float64 float half double "
        "uint8 int8 int16 int32 int64 short int long bool complex64 complex128 "
        "strided sparse_coo channels_last contiguous_format preserve_format"
    ),
    "torch._utils": frozenset(
        {
            *("_rebuild_sparse_tensor", "_rebuild_qtensor", "_rebuild_tensor_v3"),
            *("_rebuild_meta_tensor_no_storage", "_rebuild_wrapper_subclass"),
        }
    ),
    "torch.serialization": frozenset({"_get_layout"}),
    "torch.storage": frozenset({"_load_from_bytes"}),
}
# Python 2's, which this Python does not list.
_OLD_STANDARD = _words("__builtin__ __builtins__ commands copy_reg cPickle popen2")


@dataclasses.dataclass(frozen=True, slots=True, eq=False)
class SkippedObject:
    """Stands in for an object of a class that is not loaded."""

    name: str

    def set_state(self, state: object) -> None:
        """Forget the object's attributes."""


@dataclasses.dataclass(frozen=True, slots=True, eq=False)
class SkippedClass:
    """Stands in for a class, or what makes an object, that is not loaded."""

    name: str

    def __call__(self, *arguments: object) -> SkippedObject:
        """Return what stands in for the object that the class would have made."""
        return SkippedObject(self.name)


def stand_in(module: str, name: str) -> SkippedClass | SkippedObject | None:
    """Return what stands in for a global that no weights need.

    Returns
    -------
    SkippedClass, SkippedObject or None
        An object for a function, which is not to be called; None where a file that
        names the global is to be refused.

    Examples
    --------
    >>> stand_in("argparse", "Namespace")
    SkippedClass(name='argparse.Namespace')
    >>> stand_in("torch.nn.functional", "relu")
    SkippedObject(name='torch.nn.functional.relu')
    >>> stand_in("os", "system") is None
    True
    """
    if "." in name or not name:  # an attribute of an attribute
        return None
    top, full = module.partition(".")[0], f"{module}.{name}"
    if top in sys.stdlib_module_names or top in _OLD_STANDARD:
        names = _STANDARD.get(module, frozenset())
        return SkippedClass(full) if names is _ANY or name in names else None
    if top == "torch" and name.endswith("Storage"):
        return None  # numbers that cannot be read may be those that are needed
    makes_data = name in _OTHERS.get(module, frozenset())
    return SkippedClass(full) if makes_data or _is_class(name) else SkippedObject(full)


def _is_class(name: str) -> bool:
    """Tell a class from a function by its spelling, as PEP 8 has it."""
    return name.lstrip("_")[:1].isupper()
