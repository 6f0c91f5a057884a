"""What a network's blocks say of images, computed once."""

from collections.abc import Iterable, Iterator

import numpy as np
import tensorflow as tf
from numpy.typing import NDArray

from kerastransfer.backbones import image_ops
from kerastransfer.backbones.network import Network
from kerastransfer.backbones.preprocessing import Preprocessing


class Extractor:
    """Runs images through a network's lower blocks, in inference mode.

    Parameters
    ----------
    network : Network
        Its blocks 1 to `last` are run, with the weights they hold at each call.
    preprocessing : Preprocessing
        The backbone's.
    last : int
        1 to 8; 7 gives the features that distances and probes use.
    """

    def __init__(
        self, network: Network, preprocessing: Preprocessing, *, last: int
    ) -> None:
        self._shape = network.blocks[last - 1].output_shape[1:]
        # One trace for batches of every size.
        inputs = tf.TensorSpec(
            (None, preprocessing.crop, preprocessing.crop, 3), tf.float32
        )

        def run(images: tf.Tensor) -> tf.Tensor:
            return network.forward(
                image_ops.normalise(images, preprocessing), last=last
            )

        self._run = tf.function(run, input_signature=[inputs])

    def __call__(
        self, batches: Iterable[tuple[tf.Tensor, tf.Tensor]]
    ) -> tuple[NDArray[np.float32], NDArray[np.int64]]:
        """Run batches of images.

        Parameters
        ----------
        batches : iterable of (images, labels)
            As `kerastransfer.pipeline.batches` gives them.

        Returns
        -------
        outputs : array of shape (n, ...)
            Block `last`'s output.
        labels : array of shape (n,)
        """
        outputs = [np.zeros((0, *self._shape), np.float32)]
        labels = [np.zeros(0, np.int64)]
        for found, truth in self.stream(batches):
            outputs.append(found)
            labels.append(truth)
        return np.concatenate(outputs), np.concatenate(labels)

    def stream(
        self, batches: Iterable[tuple[tf.Tensor, tf.Tensor]]
    ) -> Iterator[tuple[NDArray[np.float32], NDArray[np.int64]]]:
        """Run batches of images, and yield each batch's outputs and labels.

        Parameters
        ----------
        batches : iterable of (images, labels)
            As `kerastransfer.pipeline.batches` gives them.
        """
        for images, labels in batches:
            # oneDNN rounds a single image in another way than those of a batch.
            several = images if len(labels) > 1 else tf.repeat(images, 2, axis=0)
            yield self._run(several).numpy()[: len(labels)], labels.numpy()
