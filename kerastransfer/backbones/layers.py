"""Layers of 2012 that Keras lacks, or has only in a form that does not serve here."""

from typing import Any

import keras
import tensorflow as tf

from kerastransfer.errors import InputError


@keras.saving.register_keras_serializable("kerastransfer")
class LocalResponseNormalization(keras.layers.Layer):
    """Divide each response by a power of the energy of its neighbours in depth.

    Computes ``x / (k + alpha / size * sum(x**2)) ** beta``, the sum over `size`
    channels about each one [1]_, in float32 whatever the policy: TensorFlow has no
    bfloat16 kernel for it, and the squares of responses overflow float16.

    Parameters
    ----------
    size : int
        How many channels, an odd number.
    alpha, beta, k : float
        As Caffe defines them: `alpha` is divided by `size`. (In the paper's own formula
        it is not, and k is 2.) Dimensionless.
    **kwargs
        ``name`` and ``trainable``.

    Raises
    ------
    InputError
        If `size` is even or below 1.

    References
    ----------
    .. [1] A. Krizhevsky, I. Sutskever, G. Hinton, "ImageNet Classification with Deep
       Convolutional Neural Networks", NIPS 2012, section 3.3; BVLC/caffe,
       src/caffe/layers/lrn_layer.cpp.
    """

    def __init__(
        self,
        *,
        size: int = 5,
        alpha: float = 1e-4,
        beta: float = 0.75,
        k: float = 1.0,
        **kwargs: Any,
    ) -> None:
        super().__init__(dtype="float32", **kwargs)
        if size < 1 or size % 2 == 0:
            raise InputError(f"Expected an odd size of 1 or more, got {size}.")
        self.size = size
        self.alpha = alpha
        self.beta = beta
        self.k = k

    def call(self, inputs: tf.Tensor) -> tf.Tensor:
        """Normalise maps of shape (n, height, width, channels)."""
        return tf.nn.lrn(
            inputs,
            depth_radius=(self.size - 1) // 2,
            bias=self.k,
            alpha=self.alpha / self.size,  # TensorFlow's is for each element
            beta=self.beta,
        )

    def compute_output_shape(
        self, input_shape: tuple[int | None, ...]
    ) -> tuple[int | None, ...]:
        """Return the input's shape."""
        return input_shape

    def get_config(self) -> dict[str, Any]:
        """Return what the layer is made anew from."""
        config: dict[str, Any] = super().get_config()
        del config["dtype"]  # always float32
        own = {"size": self.size, "alpha": self.alpha, "beta": self.beta, "k": self.k}
        return {**config, **own}


@keras.saving.register_keras_serializable("kerastransfer")
class GroupedConv2D(keras.layers.Conv2D):
    """A convolution in groups that is quick to train on a CPU and runs everywhere.

    The same weights, arguments and results as ``keras.layers.Conv2D`` with `groups`.
    Keras runs that through a graph that only XLA can compile, for TensorFlow has no
    grouped convolution on the CPU; its gradient is many times slower, and a SavedModel
    that holds it fails where there is no XLA. Here each group is a convolution of its
    own, with its slice of the one kernel.
    """

    def convolution_op(self, inputs: tf.Tensor, kernel: tf.Tensor) -> tf.Tensor:
        """Convolve each group of channels with its slice of the kernel."""
        axis = -1 if self.data_format == "channels_last" else 1
        maps = keras.ops.split(inputs, self.groups, axis)
        kernels = keras.ops.split(kernel, self.groups, -1)
        convolve = super().convolution_op
        parts = [convolve(x, k) for x, k in zip(maps, kernels, strict=True)]
        return keras.ops.concatenate(parts, axis)
