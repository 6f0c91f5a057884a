"""Apply a recipe to a backbone: which weights are kept, drawn and trained.

The order is always this: draw a network at random, copy the source's weights into the
blocks that keep them, set which blocks are trainable, and only then make an optimiser.
Keras goes on training a layer that is frozen after the optimiser's first step, so each
phase gets an optimiser of its own.
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
    """What one phase does to one block.

    Parameters
    ----------
    block : int
        1 to 8.
    step : Step
        Action and learning-rate factor.
    training : bool
        Whether the block runs in training mode, in which dropout is active and batch
        normalisation uses the batch's statistics.
    trained : int
        Number of weights that the phase trains.
    batch_norm, dropout : str
        What happens to them, in words; empty where the block has none.
    depth : float
        How many layers lie between it and the classifier; see `Backbone.depth`.
    """

    block: int
    step: Step
    training: bool
    trained: int
    batch_norm: str
    dropout: str
    depth: float = 0.0


def plan(
    phase: Phase, backbone: Backbone, num_classes: int, batch_norm: BatchNorm = "keep"
) -> tuple[BlockPlan, ...]:
    """Return what a phase does to each block, without TensorFlow.

    Each block runs in one mode, as Keras runs it. A frozen block runs in inference
    mode. A fine-tuned block keeps the source's moving statistics unless `batch_norm` is
    ``"adapt"``: in the few hundred steps that a small dataset allows, moving averages
    do not converge. So it runs in inference mode where it has batch normalisation, and
    dropout or stochastic depth beside that is off. A re-drawn block has no statistics
    to keep and uses those of its batches.

    Parameters
    ----------
    num_classes : int
        Number of classes of the target.
    batch_norm : {'keep', 'adapt'}
        For fine-tuned blocks.

    Examples
    --------
    >>> from kerastransfer.backbones import table
    >>> from kerastransfer.recipe import Recipe
    >>> (phase,) = Recipe.parse("F1-7R8").phases
    >>> plans = plan(phase, table.get("alexnet"), num_classes=10)
    >>> plans[6].trained, plans[7].trained, plans[7].dropout
    (0, 40970, 'rate 0.5')
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
    training = moves if layers.batch_norms else not frozen
    drops = [f"rate {layers.dropout:g}"] if layers.dropout else []
    drops += [f"{layers.random_layers} layers"] if layers.random_layers else []
    return BlockPlan(
        block=block,
        step=step,
        training=training,
        trained=0 if frozen else backbone.parameters(block, num_classes),
        batch_norm=norm,
        dropout=(" and ".join(drops) if training else "off") if drops else "",
        depth=backbone.depth(block),
    )


def redraws_features(phase: Phase) -> bool:
    """Whether any block below the classifier is drawn anew."""
    return any(step.action is Action.REDRAW for step in phase.steps[:-1])


def draw(
    phase: Phase,
    backbone: Backbone,
    num_classes: int,
    seed: int,
    source: Mapping[str, "np.ndarray"],
) -> "Network":
    """Make the network with which a recipe's first phase begins.

    Parameters
    ----------
    phase : Phase
        The recipe's first.
    num_classes : int
        Number of classes of the target.
    seed : int
        Of all randomly drawn weights.
    source : mapping of str to array
        The pretrained weights, ``<layer>/<variable>``; may be empty where the phase
        re-draws every block.

    Returns
    -------
    Network
        Frozen and fine-tuned blocks have the source's weights, re-drawn ones random
        weights.

    Raises
    ------
    WeightsError
        If a weight of a kept block is missing or has another shape.
    """
    network = backbone.build(num_classes, seed)
    for block, step in enumerate(phase.steps, start=1):
        if step.action is not Action.REDRAW:
            network.assign(block, source)
    return network


def redraw(
    network: "Network", phase: Phase, backbone: Backbone, num_classes: int, seed: int
) -> None:
    """Draw new random weights for the R blocks of a later phase, in place.

    Parameters
    ----------
    network : Network
        As the previous phase left it.
    phase : Phase
        The phase that begins.
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
    """Freeze and unfreeze the blocks of a network for a phase.

    Make a new optimiser afterwards (see the module's docstring).
    """
    for model, block_plan in zip(network.blocks, plans, strict=True):
        model.trainable = block_plan.step.action is not Action.FREEZE


def trained_variables(
    network: "Network", plans: tuple[BlockPlan, ...]
) -> list[tuple["keras.Variable", BlockPlan]]:
    """Return the weights that a phase trains, each with its block's plan.

    Call `set_trainable` first. Block 1's weights come first.
    """
    return [
        (variable, block_plan)
        for model, block_plan in zip(network.blocks, plans, strict=True)
        for variable in model.trainable_variables
    ]


def frozen_prefix(phase: Phase) -> int:
    """Return the number of blocks whose outputs can be cached: 0 to 7.

    Examples
    --------
    >>> from kerastransfer.recipe import Recipe
    >>> frozen_prefix(Recipe.parse("F1-3R4-8").phases[0])
    3
    """
    return min(phase.frozen_prefix, NUM_BLOCKS - 1)


def half_blocks(phase: Phase, precision: str) -> tuple[int, ...]:
    """List the blocks that compute in half precision in a phase's steps.

    Those below the first trained one compute what a cache would hold, and the
    classifier what is judged: float32.

    Parameters
    ----------
    precision : {'float32', 'bfloat16', 'float16'}

    Examples
    --------
    >>> from kerastransfer.recipe import Recipe
    >>> half_blocks(Recipe.parse("F1-5R6-8").phases[0], "bfloat16")
    (6, 7)
    """
    if precision == "float32":
        return ()
    return tuple(range(phase.frozen_prefix + 1, NUM_BLOCKS))


def half_words(phase: Phase, precision: str) -> str:
    """Say which blocks compute in half precision; nothing in float32.

    Examples
    --------
    >>> from kerastransfer.recipe import Recipe
    >>> half_words(Recipe.parse("F1-7R8").phases[0], "float16")
    'the classifier alone is trained, in float32 and not in float16'
    """
    if precision == "float32":
        return ""
    numbers = half_blocks(phase, precision)
    if not numbers:
        return f"the classifier alone is trained, in float32 and not in {precision}"
    several = f"s {numbers[0]}-{numbers[-1]} compute"
    which = several if len(numbers) > 1 else f" {numbers[0]} computes"
    return f"block{which} in {precision} in training, the rest in float32"
