"""What a network's blocks say of images, computed once."""

from collections.abc import Iterable, Iterator

import numpy as np
import tensorflow as tf
from numpy.typing import NDArray

from kerastransfer.backbones import image_ops
from kerastransfer.backbones.network import Network
from kerastransfer.backbones.preprocessing import Preprocessing

# How a matrix product rounds follows from how many rows it has. With this many, and
# always as many, an image's outputs have the same bits wherever in a batch it stands
# and whatever stands beside it: measured for both backbones.
# (For 8 and 32 rows the place in the batch matters.)
ROWS = 16


class Crops:
    """Gives images as they are before a network, as an `Extractor` gives outputs."""

    def stream(
        self, batches: Iterable[tuple[tf.Tensor, tf.Tensor]]
    ) -> Iterator[tuple[NDArray[np.float32], NDArray[np.int64]]]:
        """See `Extractor.stream`; shape (n, crop, crop, 3), RGB, 0 to 255."""
        for images, labels in batches:
            yield images.numpy(), labels.numpy()


class Extractor:
    """Runs images through a network's lower blocks, in inference mode.

    An image's outputs do not depend on the images that come with it.

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
        side = preprocessing.crop

        def run(images: tf.Tensor) -> tf.Tensor:
            return network.forward(
                image_ops.normalise(images, preprocessing), last=last
            )

        signature = [tf.TensorSpec((ROWS, side, side, 3), tf.float32)]
        self._run = tf.function(run, input_signature=signature, autograph=False)

    def __call__(
        self, batches: Iterable[tuple[tf.Tensor, tf.Tensor]]
    ) -> tuple[NDArray[np.float32], NDArray[np.int64]]:
        """Run batches of images.

        Parameters
        ----------
        batches : iterable of (images, labels)
            As `kerastransfer.pipeline.batches` gives them; of any sizes.

        Returns
        -------
        outputs : array of shape (n, ...)
            Block `last`'s output.
        labels : array of shape (n,)
        """
        outputs = [np.zeros((0, *self._shape), np.float32)]
        labels = [np.zeros(0, np.int64)]
        for rows, truth in self.stream(batches):
            outputs.append(rows)
            labels.append(truth)
        return np.concatenate(outputs), np.concatenate(labels)

    def stream(
        self, batches: Iterable[tuple[tf.Tensor, tf.Tensor]]
    ) -> Iterator[tuple[NDArray[np.float32], NDArray[np.int64]]]:
        """Run batches of images, and yield each batch's outputs and labels.

        Parameters
        ----------
        batches : iterable of (images, labels)
            As `kerastransfer.pipeline.batches` gives them; of any sizes.
        """
        for images, labels in batches:
            starts = range(0, len(labels), ROWS)
            outputs = [self._outputs(images[start : start + ROWS]) for start in starts]
            yield np.concatenate(outputs), labels.numpy()

    def _outputs(self, images: tf.Tensor) -> NDArray[np.float32]:
        """Run at most `ROWS` images, with black ones in the places that are left."""
        count = len(images)
        if count < ROWS:
            images = tf.pad(images, [(0, ROWS - count), (0, 0), (0, 0), (0, 0)])
        return np.asarray(self._run(images).numpy()[:count])
