"""Find a network in a file of named arrays, whatever was put around and beside it.

Training scripts wrap a network's names (``state_dict.model.features.0.weight``,
``module.features.0.weight``) and put optimizers, running averages and other networks
beside it. A network is found by its own names: those of blocks 1-7 must all be there,
after one and the same prefix.
"""

import dataclasses
import re
from collections.abc import Callable, Iterable, Mapping, Sequence

import numpy as np

from kerastransfer.backbones import heads
from kerastransfer.backbones.porting import (
    Ported,
    Shape,
    check_names,
    some,
)
from kerastransfer.errors import WeightsError
from kerastransfer.foundation.quoting import quoted
from kerastransfer.weights.readers.weight_file import shapes_of

# Levels that PyTorch's wrappers put between a network and its layers: of
# DataParallel, torch.compile, FSDP and activation checkpointing.
_LEVELS = frozenset(
    {"module", "_orig_mod", "_fsdp_wrapped_module", "_checkpoint_wrapped_module"}
)
_AVERAGE = re.compile(r"(^|[._])(ema|swa|averaged?)([._]|$)")
# Of PyTorch's batch normalisation; no weight.
COUNTER = "num_batches_tracked"


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Naming:
    """How a family of files calls a network's arrays.

    Parameters
    ----------
    trunk : tuple of str
        Names of the arrays of blocks 1-7.
    head : str
        Name of the classifier, without ``.weight``.
    is_trunk : callable
        Whether an array of another name would be part of blocks 1-7 too, as those of a
        batch normalisation between them: then the network is another one.
    remark : str
        What is to be said of files with these names.
    """

    trunk: tuple[str, ...]
    head: str
    is_trunk: Callable[[str], bool]
    remark: str = ""


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class NamedNetwork:
    """A network that was found in a file.

    Parameters
    ----------
    names : mapping of str to str
        The file's names of the trunk's arrays, by those of the `naming`.
    kernel, bias : str
        The file's names of the classifier's arrays; empty where it has none.
    skipped : tuple of str
        Names of arrays, or what they lie under, that are not part of it.
    remarks : tuple of str
        How it was found.
    """

    naming: Naming
    arrays: Mapping[str, np.ndarray]
    names: Mapping[str, str]
    kernel: str
    bias: str
    skipped: tuple[str, ...]
    remarks: tuple[str, ...]

    def __getitem__(self, name: str) -> np.ndarray:
        return self.arrays[self.names[name]]

    def ported(self, weights: dict[str, np.ndarray], layer: str) -> Ported:
        """Return blocks 1-7 in Keras's layout together with the classifier.

        Parameters
        ----------
        weights : dict of str to ndarray
            Of blocks 1-7.
        layer : str
            Keras's name of the classifier.
        """
        head, remarks = self.kernel.removesuffix(".weight"), self.remarks
        if head:
            names = filter(None, (self.kernel, self.bias))
            arrays = [self.arrays[name] for name in names]
            kernel, bias, remark = heads.dense(arrays, outputs_first=True)
            weights = {**weights, f"{layer}/kernel": kernel, f"{layer}/bias": bias}
            remarks = (*remarks, remark) if remark else remarks
            if not head.endswith(self.naming.head):
                remarks = (*remarks, f"its classifier is called {quoted(head)}")
        return Ported(weights=weights, skipped=self.skipped, remarks=remarks)


def find_network(
    arrays: Mapping[str, np.ndarray], namings: Sequence[Naming], features: int
) -> NamedNetwork:
    """Find a network in named arrays.

    Parameters
    ----------
    arrays : mapping of str to ndarray
        As `WeightFile.arrays` has them.
    namings : sequence of Naming
        Those that are known of the network.
    features : int
        Size of block 7's output.

    Raises
    ------
    WeightsError
        If an array of blocks 1-7 is missing, there are others that belong to them, the
        classifier's arrays contradict each other, or there are several networks.
    """
    plain = _without_levels(arrays)
    naming = max(namings, key=lambda n: _most_matches(plain, n.trunk))
    complete = _complete_prefixes(plain, naming.trunk)
    if not complete:
        _refuse(plain, naming)
    prefix, remark = _choose(complete)
    within = {n[len(prefix) :]: n for n in plain if n.startswith(prefix)}
    _refuse_others_in_trunk(within, naming)
    names = {name: plain[within[name]] for name in naming.trunk}
    rivals = tuple(other for other in complete if other and other != prefix)
    beside = _beside(plain, prefix, rivals)
    beside = {n: r for n, r in beside.items() if r not in set(names.values())}
    kernel, bias = _head(shapes_of(arrays), beside, prefix + naming.head, features)
    used = {*names.values(), kernel, bias}
    left = [n for n in arrays if n not in used and not n.endswith(f".{COUNTER}")]
    first = naming.trunk[0]
    called = (
        f"{quoted(first)} is called {quoted(names[first])}"
        if names[first] != first
        else ""
    )
    return NamedNetwork(
        naming=naming,
        arrays=arrays,
        names=names,
        kernel=kernel,
        bias=bias,
        skipped=_summary(left, names[first].partition(".")[0]),
        remarks=tuple(text for text in (called, remark, naming.remark) if text),
    )


def _without_levels(names: Iterable[str]) -> dict[str, str]:
    """Return the names by what is left of them without the wrappers' levels."""
    plain: dict[str, str] = {}
    for name in names:
        short = ".".join(part for part in name.split(".") if part not in _LEVELS)
        plain[name if short in plain else short] = name
    return plain


def _prefixes(plain: Mapping[str, str], name: str) -> list[str]:
    ends = [n for n in plain if n == name or n.endswith(f".{name}")]
    return [n.removesuffix(name) for n in ends]


def _complete_prefixes(plain: Mapping[str, str], trunk: Sequence[str]) -> list[str]:
    return [
        prefix
        for prefix in _prefixes(plain, trunk[0])
        if all(prefix + name in plain for name in trunk)
    ]


def _most_matches(plain: Mapping[str, str], trunk: Sequence[str]) -> int:
    return max(_matches(plain, trunk, prefix) for prefix in _starts(plain, trunk))


def _starts(plain: Mapping[str, str], trunk: Sequence[str]) -> list[str]:
    """Return prefixes of the first of the names that is there at all."""
    starts = (_prefixes(plain, name) for name in trunk)
    return next((prefixes for prefixes in starts if prefixes), [""])


def _matches(plain: Mapping[str, str], trunk: Sequence[str], prefix: str) -> int:
    return sum(prefix + name in plain for name in trunk)


def _refuse(plain: Mapping[str, str], naming: Naming) -> None:
    """Raise the error that says what a file misses."""
    starts = _starts(plain, naming.trunk)
    prefix = max(starts, key=lambda start: _matches(plain, naming.trunk, start))
    within = {n[len(prefix) :] for n in plain if n.startswith(prefix)}
    head = {n for n in within if n.startswith(f"{naming.head}.")}
    held = {n: None for n in plain if n.startswith(prefix)}
    held = {n[len(prefix) :]: None for n in held if not n.endswith(f".{COUNTER}")}
    check_names(held, {name: None for name in (*naming.trunk, *head)})


def _choose(prefixes: Sequence[str]) -> tuple[str, str]:
    """Choose one of several complete networks, and say so."""
    if len(prefixes) == 1:
        return prefixes[0], ""
    averages = [prefix for prefix in prefixes if _AVERAGE.search(prefix)]
    if len(averages) != 1 or len(prefixes) != 2:
        raise WeightsError(
            f"The file holds several such networks, under {some(prefixes)}; save the "
            "one that is meant alone."
        )
    (other,) = set(prefixes) - set(averages)
    return averages[0], (
        f"the running average under {quoted(averages[0])} was taken, as timm does, not "
        f"the weights under {quoted(other)}"
    )


def _refuse_others_in_trunk(within: Mapping[str, str], naming: Naming) -> None:
    others = [
        name
        for name in within
        if naming.is_trunk(name)
        and name not in naming.trunk
        and not name.endswith(f".{COUNTER}")
    ]
    if others:
        raise WeightsError(
            f"The weights do not fit: the file has {some(others)} left over, which "
            "another network's blocks have."
        )


def _beside(
    plain: Mapping[str, str], prefix: str, rivals: Sequence[str]
) -> dict[str, str]:
    """Return what lies where the network does, in it or next to it."""
    parent = prefix.rstrip(".").rpartition(".")[0]
    around = f"{parent}." if parent else ""
    return {
        name: raw
        for name, raw in plain.items()
        if name.startswith(around)
        and not any(map(name.startswith, filter(None, rivals)))
    }


def _head(
    shapes: Mapping[str, Shape],
    beside: Mapping[str, str],
    usual: str,
    features: int,
) -> tuple[str, str]:
    """Return the file's names of the classifier's kernel and biases."""
    layers: dict[str, heads.Shapes] = {}
    for name, raw in beside.items():
        layer = name.removesuffix(".weight")
        if layer != name:
            bias = beside.get(f"{layer}.bias")
            layers[layer] = (shapes[raw], *([shapes[bias]] if bias else []))
    heads.check_head(layers.get(usual, ()), f"{usual}.bias", outputs_first=True)
    head = heads.find_head(layers, usual, features, outputs_first=True)
    return (
        (beside[f"{head}.weight"], beside.get(f"{head}.bias", "")) if head else ("", "")
    )


def _summary(left: Sequence[str], wrapper: str) -> tuple[str, ...]:
    """Name the arrays under the network's own wrapper, and count those elsewhere."""
    elsewhere: dict[str, list[str]] = {}
    for name in left:
        top = name.partition(".")[0]
        elsewhere.setdefault(name if top == wrapper else top, []).append(name)
    return tuple(
        names[0] if len(names) == 1 else f"{len(names)} under {quoted(top)}"
        for top, names in elsewhere.items()
    )
