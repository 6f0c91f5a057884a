"""What a backbone is: eight numbered blocks, facts first, Keras only when built."""

import dataclasses
from collections.abc import Callable
from typing import TYPE_CHECKING

from kerastransfer.backbones.preprocessing import Preprocessing
from kerastransfer.recipe import NUM_BLOCKS

if TYPE_CHECKING:
    from kerastransfer.backbones.network import Network


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Block:
    """One of a backbone's eight parts.

    Parameters
    ----------
    layers : str
        What it is made of, in a few words.
    parameters : int
        Weights that training moves (moving statistics are not among them); for the
        last block, with the source's number of classes.
    batch_norms : int
        How many batch-normalisation layers it holds.
    dropout : float
        Rate of the dropout at its entry, 0 for none.
    """

    layers: str
    parameters: int
    batch_norms: int = 0
    dropout: float = 0.0


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Backbone:
    """A pretrained network as recipes see it.

    Parameters
    ----------
    name, title : str
        The name on the command line, and in words.
    blocks : tuple of Block, of length 8
        Block 7's output is the feature that distances and probes use; block 8 is the
        classifier.
    num_features : int
        Size of block 7's output.
    outputs : tuple of tuple of int, of length 7
        Shape of each block's output for one image, the classifier's left out.
    source : str
        The data it was pretrained on.
    source_classes : int
        Classes of that data.
    preprocessing : Preprocessing
        How it wants its images.
    build : callable
        ``build(num_classes, seed)`` makes the network, drawn at random.
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

    def __post_init__(self) -> None:
        assert len(self.blocks) == NUM_BLOCKS, self.name

    def parameters(self, number: int, num_classes: int) -> int:
        """Count the weights of a block that training can move.

        Parameters
        ----------
        number : int
            1 to 8.
        num_classes : int
            Classes of the target; they set the size of block 8.

        Returns
        -------
        int
        """
        if number == NUM_BLOCKS:
            return (self.num_features + 1) * num_classes
        return self.blocks[number - 1].parameters
