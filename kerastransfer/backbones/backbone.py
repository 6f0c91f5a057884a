"""The description of a pretrained network: eight blocks, preprocessing, weights.

It imports no TensorFlow; `Backbone.build` makes the Keras network when it is called.
"""

import dataclasses
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from kerastransfer.backbones.preprocessing import Preprocessing
from kerastransfer.backbones.published import PublishedWeights, WeightPort
from kerastransfer.backbones.spec import AT
from kerastransfer.recipe import NUM_BLOCKS

if TYPE_CHECKING:
    import numpy as np

    from kerastransfer.backbones.network import Network


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class HeldWeights:
    """The weights that a user's own model has in its file.

    Parameters
    ----------
    file : Path
        The model's.
    mapping : mapping of str to ndarray
        By the network's names ``<layer>/<variable>``; read when it is asked for one.
    source_classes : int or None
        Number of its classifier's classes; None without one.
    sha256 : str
        Of the file; of a preset or what a function made, of its arrays and layers.
    remarks : tuple of str
        How the model was taken; sentences without a full stop.
    """

    file: Path
    sha256: str
    mapping: "Mapping[str, np.ndarray]"
    source_classes: int | None
    remarks: tuple[str, ...]


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Block:
    """One of a backbone's eight blocks.

    The counts, like `Backbone.outputs`, are written down so that recipes can be
    explained without TensorFlow. They were read off the built network: the sizes of
    ``trainable_variables``, and ``output_shape``. ``tests/backbones/test_table.py``
    builds every network and compares.

    Parameters
    ----------
    layers : str
        Its layers in a few words.
    parameters : int
        Trainable weights, moving statistics not counted; in the last block with the
        source's number of classes.
    batch_norms : int
        Number of batch-normalisation layers.
    dropout : float
        Rate of the dropout at the block's input, 0 for none.
    random_layers : int
        Number of layers inside the block that drop at random in training: dropout,
        stochastic depth.
    multiply_adds : int
        Of convolutions and dense layers for one image, a multiplication with its
        addition counting as one; in the last block with the source's classes.
    """

    layers: str
    parameters: int
    batch_norms: int = 0
    dropout: float = 0.0
    random_layers: int = 0
    multiply_adds: int = 0


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Backbone:
    """A pretrained network as recipes see it.

    Parameters
    ----------
    name, title : str
        The name on the command line, and the full one.
    blocks : tuple of Block, of length 8
        Block 7's output is the feature that distances and probes use; block 8 is the
        classifier.
    num_features : int
        Size of block 7's output.
    outputs : tuple of tuple of int, of length 7
        Output shape of blocks 1 to 7 for one image.
    source : str
        The data it was pretrained on.
    source_classes : int
        Number of classes of that data.
    build : callable
        ``build(num_classes, seed)`` makes the network with random weights.
    port : WeightPort
        How weight files become the network's variables.
    weights : tuple of PublishedWeights
        The first is the default; empty where none are published.
    at_size : callable, optional
        ``at_size(side)`` describes the same network for images of another size; None
        where its weights go with one size alone.
    held : callable, optional
        Returns the weights of a user's own model, which come with it.
    transformer_layers : tuple of int, of length 7, or empty
        How many of a transformer's layers blocks 1 to 7 hold; empty for a network that
        is none.

    Examples
    --------
    >>> from kerastransfer.backbones import table
    >>> print(table.get("caffenet"))
    CaffeNet (BVLC reference): input 227 x 227 BGR, 4,096 features, 60,965,224 weights
      block 1  convolution 96@11x11, max pool, norm                   34,944
      block 2  convolution 256@5x5 in 2 groups, max pool, norm       307,456
      block 3  convolution 384@3x3                                   885,120
      block 4  convolution 384@3x3 in 2 groups                       663,936
      block 5  convolution 256@3x3 in 2 groups, max pool             442,624
      block 6  fully connected 4096                               37,752,832
      block 7  fully connected 4096                               16,781,312
      block 8  classifier                                          4,097,000
    """

    name: str
    title: str
    blocks: tuple[Block, ...]
    num_features: int
    outputs: tuple[tuple[int, ...], ...]
    source: str
    source_classes: int
    preprocessing: Preprocessing
    build: Callable[[int, int], "Network"]
    port: WeightPort
    weights: tuple[PublishedWeights, ...] = ()
    at_size: "Callable[[int], Backbone] | None" = None
    held: Callable[[], HeldWeights] | None = None
    transformer_layers: tuple[int, ...] = ()

    def __post_init__(self) -> None:
        assert len(self.transformer_layers) in (0, NUM_BLOCKS - 1), self.name
        assert len(self.blocks) == NUM_BLOCKS, self.name
        assert all(row.backbone == self.base for row in self.weights), self.name

    @property
    def base(self) -> str:
        """The name without an image size: ``resnet50`` of ``resnet50@320``."""
        return self.name.partition(AT)[0]

    @property
    def is_transformer(self) -> bool:
        """Whether the network is a transformer."""
        return bool(self.transformer_layers)

    def depth(self, block: int) -> float:
        """Return how many layers lie from the classifier to the middle of a block.

        The classifier's depth is 0, that of the last of a transformer's layers 1, and
        that of what comes before the first (patches and embeddings) one more than the
        first's. A block of several layers has the mean of theirs. Of a network that is
        no transformer each block counts as one layer.

        Parameters
        ----------
        block : int
            1 to 8.

        Examples
        --------
        >>> from kerastransfer.backbones import table
        >>> alexnet = table.get("alexnet")
        >>> alexnet.depth(1), alexnet.depth(7), alexnet.depth(8)
        (7.0, 1.0, 0.0)
        >>> layers = (1, 2, 2, 2, 2, 2, 1)
        >>> vit = dataclasses.replace(alexnet, transformer_layers=layers)
        >>> vit.depth(1), vit.depth(6), vit.depth(7)
        (12.0, 2.5, 1.0)
        """
        if block == NUM_BLOCKS:
            return 0.0
        layers = self.transformer_layers or (1,) * (NUM_BLOCKS - 1)
        return sum(layers[block:]) + (max(layers[block - 1], 1) + 1) / 2

    def __str__(self) -> str:
        crop, order = self.preprocessing.crop, self.preprocessing.channels
        total = sum(block.parameters for block in self.blocks)
        width = max(len(block.layers) for block in self.blocks)
        rows = [
            f"  block {number}  {block.layers:<{width}}  {block.parameters:>12,}"
            for number, block in enumerate(self.blocks, start=1)
        ]
        head = (
            f"{self.title}: input {crop} x {crop} {order}, "
            f"{self.num_features:,} features, {total:,} weights"
        )
        return "\n".join([head, *rows])

    def parameters(self, block: int, num_classes: int) -> int:
        """Count the trainable weights of a block.

        Parameters
        ----------
        block : int
            1 to 8.
        num_classes : int
            Number of classes of the target, which sets the size of block 8.

        Examples
        --------
        >>> from kerastransfer.backbones import table
        >>> table.get("alexnet").parameters(8, num_classes=200)
        819400
        """
        if block == NUM_BLOCKS:
            return (self.num_features + 1) * num_classes
        return self.blocks[block - 1].parameters
