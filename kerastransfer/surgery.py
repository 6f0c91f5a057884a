"""A recipe applied to a backbone: which weights, which are trained, and how.

The order matters, and is always this: draw a network, copy the source's weights into
the blocks that keep them, set what is trainable, and only then make an optimiser.
Keras goes on training a layer that is frozen after the first step, so a phase never
changes what an earlier phase's optimiser holds: it gets a new one.
"""

import dataclasses
from collections.abc import Mapping
from typing import TYPE_CHECKING, Literal

from kerastransfer.backbones.backbone import Backbone
from kerastransfer.recipe import NUM_BLOCKS, Action, Phase, Step

if TYPE_CHECKING:
    import keras
    import numpy as np

    from kerastransfer.backbones.network import Network

BatchNorm = Literal["keep", "adapt"]
BATCH_NORMS: tuple[BatchNorm, ...] = ("keep", "adapt")


@dataclasses.dataclass(frozen=True, slots=True)
class BlockPlan:
    """What one phase does to one block, in full.

    Parameters
    ----------
    block : int
        1 to 8.
    step : Step
        Action and learning-rate factor.
    training : bool
        Whether the block runs in training mode: dropout drops, batch normalisation
        uses the batch's statistics.
    trained : int
        Weights that the phase trains.
    batch_norm, dropout : str
        In words, what happens to them; empty where the block has none.
    """

    block: int
    step: Step
    training: bool
    trained: int
    batch_norm: str
    dropout: str


def plan(
    phase: Phase, backbone: Backbone, num_classes: int, batch_norm: BatchNorm = "keep"
) -> tuple[BlockPlan, ...]:
    """Work out what a phase does to each block; needs no TensorFlow.

    A block holds batch normalisation or dropout, never both, so one switch a block is
    enough. A frozen block runs in inference mode. A fine-tuned one keeps the source's
    moving statistics unless `batch_norm` is ``"adapt"``: in the few hundred steps that
    a small set allows, moving averages never arrive at new ones. A re-drawn one has no
    statistics to keep and trains on its batches'.

    Parameters
    ----------
    phase : Phase
        Of a recipe.
    backbone : Backbone
        Whose blocks.
    num_classes : int
        Of the target.
    batch_norm : {'keep', 'adapt'}
        For fine-tuned blocks.

    Returns
    -------
    tuple of BlockPlan, of length 8
    """
    return tuple(
        _plan_block(block, step, backbone, num_classes, batch_norm)
        for block, step in enumerate(phase.steps, start=1)
    )


def _plan_block(
    block: int, step: Step, backbone: Backbone, num_classes: int, batch_norm: BatchNorm
) -> BlockPlan:
    layers, action = backbone.blocks[block - 1], step.action
    moves = action is Action.REDRAW or (
        action is Action.FINE_TUNE and batch_norm == "adapt"
    )
    words = {
        Action.FREEZE: "frozen",
        Action.FINE_TUNE: "statistics kept",
        Action.REDRAW: "batch statistics",
    }
    norm = words[Action.REDRAW if moves else action] if layers.batch_norms else ""
    frozen = action is Action.FREEZE
    dropout = "off" if frozen else f"rate {layers.dropout:g}"
    return BlockPlan(
        block=block,
        step=step,
        training=moves if layers.batch_norms else not frozen,
        trained=0 if frozen else backbone.parameters(block, num_classes),
        batch_norm=norm,
        dropout=dropout if layers.dropout else "",
    )


def draw(
    phase: Phase,
    backbone: Backbone,
    num_classes: int,
    seed: int,
    source: Mapping[str, "np.ndarray"],
) -> "Network":
    """Make a recipe's network as its first phase begins.

    Parameters
    ----------
    phase : Phase
        The recipe's first.
    backbone : Backbone
        Whose architecture.
    num_classes : int
        Of the target.
    seed : int
        Every re-drawn weight follows from it.
    source : mapping of str to array
        The pretrained weights, ``<layer>/<variable>``; may be empty where the phase
        re-draws every block.

    Returns
    -------
    Network
        Blocks that are kept hold the source's weights; the others are drawn.

    Raises
    ------
    WeightsError
        If a weight that is to be kept is missing or of another shape.
    """
    network = backbone.build(num_classes, seed)
    for block, step in enumerate(phase.steps, start=1):
        if step.action is not Action.REDRAW:
            network.assign(block, source)
    return network


def redraw(
    network: "Network", phase: Phase, backbone: Backbone, num_classes: int, seed: int
) -> None:
    """Draw a later phase's R blocks anew, in place.

    Parameters
    ----------
    network : Network
        As the phase before left it.
    phase : Phase
        The one that begins.
    backbone, num_classes, seed
        As for `draw`; the seed must differ from the first phase's.
    """
    redrawn = [
        block
        for block, step in enumerate(phase.steps, start=1)
        if step.action is Action.REDRAW
    ]
    if not redrawn:
        return
    fresh = backbone.build(num_classes, seed)
    for block in redrawn:
        network.assign(block, fresh.snapshot(block))


def set_trainable(network: "Network", plans: tuple[BlockPlan, ...]) -> None:
    """Freeze and unfreeze blocks; make the optimiser afterwards, and a new one.

    Parameters
    ----------
    network : Network
        Its blocks' ``trainable`` flags are set.
    plans : tuple of BlockPlan
        The phase's.
    """
    for model, block_plan in zip(network.blocks, plans, strict=True):
        model.trainable = block_plan.step.action is not Action.FREEZE


def trained_variables(
    network: "Network", plans: tuple[BlockPlan, ...]
) -> list[tuple["keras.Variable", BlockPlan]]:
    """List the weights that a phase trains, each with its block's plan.

    Parameters
    ----------
    network : Network
        After `set_trainable`.
    plans : tuple of BlockPlan
        The phase's.

    Returns
    -------
    list of (keras.Variable, BlockPlan)
        From the bottom up.
    """
    return [
        (variable, block_plan)
        for model, block_plan in zip(network.blocks, plans, strict=True)
        for variable in model.trainable_variables
    ]


def frozen_prefix(phase: Phase) -> int:
    """Return how many blocks can be computed once and kept: 0 to 7.

    Parameters
    ----------
    phase : Phase
        Of a recipe.

    Returns
    -------
    int
    """
    return min(phase.frozen_prefix, NUM_BLOCKS - 1)
