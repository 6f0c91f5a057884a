"""What a weight file holds, whatever its format."""

import dataclasses
from collections.abc import Callable, Iterator, Mapping

import numpy as np


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class WeightFile:
    """The contents of a weight file; exactly one of the two mappings is filled.

    Parameters
    ----------
    format : str
        ``torch``, ``safetensors``, ``caffe``, ``toronto``, ``npz``, ``keras`` or
        ``keras_legacy``.
    arrays : mapping of str to ndarray
        By the name of the tensor or variable (torch, safetensors, npz, keras). Those
        of nested dicts are called by all keys on the way, joined with dots.
    layers : mapping of str to tuple of ndarray
        By layer (caffe, toronto, keras_legacy); weights before biases.
    skipped : tuple of str
        Classes of the objects beside the arrays, which were neither loaded nor run.
    class_names : tuple of str
        Names of the classifier's classes, where the file has them.
    """

    format: str
    arrays: Mapping[str, np.ndarray] = dataclasses.field(default_factory=dict)
    layers: Mapping[str, tuple[np.ndarray, ...]] = dataclasses.field(
        default_factory=dict
    )
    skipped: tuple[str, ...] = ()
    class_names: tuple[str, ...] = ()


class ArraysOnDemand(Mapping[str, np.ndarray]):
    """Arrays of a file that are made when they are asked for.

    A training script's checkpoint holds three times as many numbers as the network.

    Parameters
    ----------
    shapes : mapping of str to tuple of int
        Of every array, in the file's order.
    make : callable
        Returns the array of that name; raises `WeightsError` where it is damaged.
    """

    def __init__(
        self, shapes: Mapping[str, tuple[int, ...]], make: Callable[[str], np.ndarray]
    ) -> None:
        self.shapes = shapes
        self._make = make

    def __getitem__(self, name: str) -> np.ndarray:
        if name not in self.shapes:
            raise KeyError(name)
        return self._make(name)

    def __iter__(self) -> Iterator[str]:
        return iter(self.shapes)

    def __len__(self) -> int:
        return len(self.shapes)

    def __contains__(self, name: object) -> bool:
        return name in self.shapes


def shapes_of(arrays: Mapping[str, np.ndarray]) -> Mapping[str, tuple[int, ...]]:
    """Return the shape of every array without making it."""
    if isinstance(arrays, ArraysOnDemand):
        return arrays.shapes
    return {name: array.shape for name, array in arrays.items()}
