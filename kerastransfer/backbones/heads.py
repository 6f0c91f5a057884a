"""Find the classifier among the layers that a file holds beyond a network's blocks 1-7.

Its name and its number of classes are those of the data that the file was made for:
``fc8`` with 205 outputs for scenes, ``fc8_flickr`` with 20 for styles.
"""

from collections.abc import Mapping, Sequence

import numpy as np

from kerastransfer.backbones.porting import Shape, check_shape

# The shapes of a layer's arrays, the kernel's first.
Shapes = tuple[Shape, ...]


def find_head(
    layers: Mapping[str, Shapes], usual: str, features: int, *, outputs_first: bool
) -> str:
    """Return the name of the layer that is the classifier, or an empty text.

    Parameters
    ----------
    layers : mapping of str to tuple of shapes
        By name, those beyond blocks 1-7.
    usual : str
        What the published file calls its classifier; it wins over others.
    features : int
        Size of block 7's output.
    outputs_first : bool
        Whether a kernel's shape begins with its outputs, as in Caffe and PyTorch.

    Examples
    --------
    >>> shapes = {"fc8_flickr": ((20, 4096), (20,))}
    >>> find_head(shapes, "fc8", 4096, outputs_first=True)
    'fc8_flickr'
    """
    classes = {
        name: count
        for name, shapes in layers.items()
        if (count := num_classes(shapes, features, outputs_first=outputs_first))
    }
    if usual in classes:
        return usual
    if len(classes) != 1:  # several tasks, or none
        return ""
    ((name, count),) = classes.items()
    for other, shapes in layers.items():
        # A layer that takes these outputs makes them hidden ones.
        if other != name and num_classes(shapes, count, outputs_first=outputs_first):
            return ""
    return name


def num_classes(shapes: Shapes, features: int, *, outputs_first: bool) -> int:
    """Return a linear layer's number of outputs; 0 if it is no such layer.

    Parameters
    ----------
    shapes : tuple of shapes
        Of its kernel, and of its biases where it has some.
    features : int
        Number of its inputs.

    Examples
    --------
    >>> num_classes(((205, 4096, 1, 1), (205,)), 4096, outputs_first=True)
    205
    """
    if not 1 <= len(shapes) <= 2:
        return 0
    kernel = matrix_shape(shapes[0], outputs_first=outputs_first)
    if len(kernel) != 2:
        return 0
    outputs, inputs = kernel if outputs_first else kernel[::-1]
    biases = shapes[1][-1] if len(shapes) == 2 and shapes[1] else outputs
    return outputs if inputs == features and biases == outputs else 0


def check_head(shapes: Shapes, biases: str, *, outputs_first: bool) -> None:
    """Check that a classifier's kernel and biases are of equally many classes.

    Parameters
    ----------
    shapes : tuple of shapes
        Of its kernel and of its biases, where the file has both.
    biases : str
        What the file calls these.

    Raises
    ------
    WeightsError
        If they are not.
    """
    kernel = matrix_shape(shapes[0], outputs_first=outputs_first) if shapes else ()
    if len(shapes) == 2 and len(kernel) == 2:
        count = kernel[0] if outputs_first else kernel[1]
        if shapes[1][-1:] != (count,):
            check_shape(biases, shapes[1], (count,))


def dense(
    arrays: Sequence[np.ndarray], *, outputs_first: bool
) -> tuple[np.ndarray, np.ndarray, str]:
    """Return a classifier's kernel and biases in Keras's layout, and a remark.

    Parameters
    ----------
    arrays : sequence of ndarray
        Its kernel, and its biases where the file has some; else they are zeros.
    """
    kernel = arrays[0]
    if kernel.ndim > 2:
        kernel = kernel.reshape(matrix_shape(kernel.shape, outputs_first=outputs_first))
    kernel = kernel.T if outputs_first else kernel
    if len(arrays) == 2:
        bias = arrays[1]
        return kernel, bias if bias.ndim == 1 else bias.reshape(-1), ""
    none = np.zeros(kernel.shape[1], np.float32)
    return kernel, none, "its classifier has no biases; they are taken as 0"


def matrix_shape(shape: Shape, *, outputs_first: bool) -> Shape:
    """Return the two sizes of a kernel that is a matrix in four dimensions.

    Examples
    --------
    >>> matrix_shape((1, 1, 10, 4096), outputs_first=True)  # an old blob of Caffe's
    (10, 4096)
    >>> matrix_shape((10, 4096, 1, 1), outputs_first=True)  # a convolution of 1 x 1
    (10, 4096)
    """
    if len(shape) != 4:
        return shape
    if shape[:2] == (1, 1):
        return shape[2:]
    return shape[:2] if outputs_first and shape[2:] == (1, 1) else shape
