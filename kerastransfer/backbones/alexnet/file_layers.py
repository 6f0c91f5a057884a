"""Tell blocks 1-7 from the classifier among the layers of Caffe's AlexNets."""

from collections.abc import Mapping, Sequence

import numpy as np

from kerastransfer.backbones import heads
from kerastransfer.backbones.porting import check_names, some
from kerastransfer.errors import WeightsError
from kerastransfer.foundation.quoting import quoted

Layers = Mapping[str, tuple[np.ndarray, ...]]
# What Caffe's example of net surgery, and others, append to a name.
_CAST = ("-conv", "_conv")
_FULL = ("fc6", "fc7", "fc8")


def usual_names(layers: Layers) -> tuple[Layers, tuple[str, ...]]:
    """Give layers that were cast into convolutions their usual names again.

    Returns
    -------
    layers : mapping of str to tuple of ndarray
    remarks : tuple of str
        A line for each that had another name.
    """
    usual: dict[str, tuple[np.ndarray, ...]] = {}
    remarks = []
    for name, arrays in layers.items():
        short = name
        for suffix in _CAST:
            short = short.removesuffix(suffix)
        if short == name or short not in _FULL or short in layers:
            usual[name] = arrays
        else:
            usual[short] = arrays
            remarks.append(f"{quoted(short)} is called {quoted(name)}")
    return usual, tuple(remarks)


def check_layers(
    layers: Layers,
    trunk: Sequence[str],
    head: str,
    features: int,
    *,
    outputs_first: bool,
) -> str:
    """Check a file's layers; return the name of its classifier, empty without one.

    Parameters
    ----------
    trunk : sequence of str
        Layers of blocks 1-7.
    head : str
        What the published file calls its classifier.
    features : int
        Size of block 7's output.
    outputs_first : bool
        Whether a kernel's shape begins with its outputs.

    Raises
    ------
    WeightsError
        If one of blocks 1-7 is missing, another layer must belong to them, or the
        classifier's weights and biases are of different classes.
    """
    if any(name not in layers for name in trunk):
        known = (*trunk, head) if head in layers else trunk
        check_names(layers, dict.fromkeys(known))
    beyond = {
        name: tuple(array.shape for array in arrays)
        for name, arrays in layers.items()
        if name not in trunk
    }
    heads.check_head(
        beyond.get(head, ()), f"{head}, biases", outputs_first=outputs_first
    )
    sizes = {features} | {
        heads.num_classes(shapes, features, outputs_first=outputs_first)
        for shapes in beyond.values()
    }
    inside = [n for n, shapes in beyond.items() if not _may_follow(shapes, sizes - {0})]
    if inside:
        raise WeightsError(
            f"The weights do not fit: the file has {some(inside)} left over, which "
            f"cannot stand behind {quoted(trunk[-1])}; it is another network's."
        )
    return heads.find_head(beyond, head, features, outputs_first=outputs_first)


def _may_follow(shapes: heads.Shapes, sizes: set[int]) -> bool:
    """Tell whether a layer takes one of these numbers of features or classes.

    A normalisation, whose arrays are vectors, is taken to belong to the layers before.
    """
    kernels = [shape for shape in shapes if sum(size > 1 for size in shape) > 1]
    return any(sizes & set(shape) for shape in kernels)
