"""A built network: a chain of eight Keras models."""

import dataclasses
import re
import zlib
from collections.abc import Mapping, Sequence
from typing import Any

import keras
import tensorflow as tf
from numpy.typing import NDArray

from kerastransfer.backbones import dropout
from kerastransfer.backbones.dropout import Drop
from kerastransfer.backbones.keras_models import random_layers
from kerastransfer.backbones.keras_models.remade import finalize
from kerastransfer.errors import InputError, WeightsError
from kerastransfer.foundation.quoting import quoted
from kerastransfer.recipe import NUM_BLOCKS

_UNNAMED = re.compile(r"variable(_[0-9]+)?")
_INFERENCE = (False,) * NUM_BLOCKS


@dataclasses.dataclass(frozen=True, slots=True)
class Network:
    """A network of eight blocks, each a Keras model.

    Parameters
    ----------
    blocks : tuple of keras.Model, of length 8
        Named ``block1`` to ``block8``; together they map normalised images to logits.
    """

    blocks: tuple[keras.Model, ...]

    def __post_init__(self) -> None:
        if keras.backend.backend() != "tensorflow":
            raise InputError(
                "Expected Keras to run on TensorFlow, got "
                f"{quoted(keras.backend.backend())}; set KERAS_BACKEND=tensorflow."
            )

    def forward(
        self,
        inputs: tf.Tensor,
        *,
        first: int = 1,
        last: int = NUM_BLOCKS,
        training: Sequence[bool] = _INFERENCE,
        drop: Drop | None = None,
    ) -> tf.Tensor:
        """Run consecutive blocks.

        Parameters
        ----------
        inputs : tensor
            Input of block `first`; normalised images for block 1.
        first, last : int
            The first and the last block that run, 1 to 8.
        training : sequence of 8 bools
            Which blocks run in training mode.
        drop : Drop, optional
            What dropout's masks depend on; needed where a block with dropout runs in
            training mode.

        Returns
        -------
        tensor
            Block `last`'s output.
        """
        for block in range(first, last + 1):
            model, trains = self.blocks[block - 1], training[block - 1]
            rate = random_layers.dropout_rate(model) if trains else 0.0
            if rate:
                assert drop is not None, f"block {block} drops without a seed"
                inputs = dropout.drop(inputs, rate, drop, block)
            if trains and not rate:
                inputs = random_layers.train(model, inputs, block, drop)
            else:
                inputs = model(inputs, training=False)
        return inputs

    def whole(self) -> keras.Model:
        """Return one Keras model from normalised images to logits.

        It shares its weights with the blocks.
        """
        inputs = keras.Input(self.blocks[0].input_shape[1:], name="images")
        outputs = inputs
        for block in self.blocks:
            outputs = block(outputs)
        return keras.Model(inputs, outputs, name="classifier_network")

    def variables(self, block: int) -> dict[str, keras.Variable]:
        """Return the weights of one block by name, moving statistics included.

        Parameters
        ----------
        block : int
            1 to 8.

        Returns
        -------
        dict of str to keras.Variable
            Keys ``<layer>/<variable>``, as in ported weight files.
        """
        return {
            f"{layer.name}/{name}": variable
            for layer in self.blocks[block - 1].layers
            for name, variable in _named(layer)
        }

    def snapshot(self, block: int) -> dict[str, NDArray[Any]]:
        """Copy the weights of one block.

        Parameters
        ----------
        block : int
            1 to 8.

        Returns
        -------
        dict of str to array
            As `assign` takes it.
        """
        return {name: v.numpy() for name, v in self.variables(block).items()}

    def assign(self, block: int, weights: Mapping[str, NDArray[Any]]) -> None:
        """Set all weights of one block.

        Parameters
        ----------
        block : int
            1 to 8.
        weights : mapping of str to array
            With at least the block's names.

        Raises
        ------
        WeightsError
            If a weight is missing or has another shape; then no weight is set.
        """
        own = self.variables(block)
        for name, variable in own.items():
            if name not in weights:
                raise WeightsError(
                    f"Expected a weight {quoted(name)}, which is missing."
                )
            if weights[name].shape != tuple(variable.shape):
                raise WeightsError(
                    f"Expected {quoted(name)} of shape {tuple(variable.shape)}, "
                    f"got {weights[name].shape}."
                )
        for name, variable in own.items():
            variable.assign(weights[name])
        finalize(self.blocks[block - 1])


def _named(layer: keras.layers.Layer) -> list[tuple[str, keras.Variable]]:
    """Name a layer's weights; by number where their own names do not tell them apart.

    Keras counts weights without a name on from layer to layer.
    """
    names = [variable.name for variable in layer.weights]
    if len({*names}) < len(names) or any(_UNNAMED.fullmatch(name) for name in names):
        names = [str(number) for number in range(len(names))]
    return [*zip(names, layer.weights, strict=True)]


def seed_of(seed: int, name: str) -> int:
    """Derive a layer's seed, of 31 bits, from the network's seed and the layer's name.

    It does not depend on the network's other layers.
    """
    return zlib.crc32(f"{seed}/{name}".encode()) & 0x7FFFFFFF
