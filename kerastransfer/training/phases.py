"""A recipe's phases, one after the other: from the source's weights to the trained."""

import dataclasses
from collections.abc import Callable

import keras
import numpy as np
from numpy.typing import NDArray

from kerastransfer import surgery
from kerastransfer.backbones.network import Network
from kerastransfer.config.train_config import TrainConfig
from kerastransfer.foundation.report import say
from kerastransfer.recipe import Action, Phase
from kerastransfer.training import frozen_prefix, phase
from kerastransfer.training.batches import BatchSource
from kerastransfer.training.checkpoint_saver import CheckpointSaver
from kerastransfer.training.checkpoints import Checkpoint
from kerastransfer.training.engine import PhaseSetup
from kerastransfer.training.phase import PhaseResult, PhaseSchedule
from kerastransfer.training.setup import TrainSetup, image_batches
from kerastransfer.training.stopping import NOTHING, StopSignal

PhaseResults = tuple[PhaseResult, ...]


def begin(
    setting: TrainSetup, found: Checkpoint | None
) -> tuple[Network, PhaseResults]:
    """Make the network as the run begins, or as it was left.

    Parameters
    ----------
    setting : TrainSetup
    found : Checkpoint or None
        Where to go on.

    Returns
    -------
    network : Network
        Made within the replicas' scope.
    outcomes : tuple of PhaseResult
        Of the phases that are done.
    """
    with setting.replicas.strategy.scope():
        network = surgery.draw(
            setting.config.recipe.phases[0],
            setting.backbone,
            setting.num_classes,
            setting.config.seed,
            setting.source_weights,
        )
    if found is None:
        return network, ()
    for number, weights in found.weights.items():
        network.assign(number, weights)
    return network, found.outcomes


def train(
    setting: TrainSetup,
    network: Network,
    outcomes: PhaseResults,
    callbacks: keras.callbacks.CallbackList,
    checkpointer: CheckpointSaver,
    halt: StopSignal,
    *,
    found: Checkpoint | None = None,
    after: Callable[[int, Network], None] = lambda index, network: None,
) -> PhaseResults:
    """Train phase after phase, and leave the network with the last one's best weights.

    Parameters
    ----------
    setting : TrainSetup
    network : Network
    outcomes : tuple of PhaseResult
        Of the phases that are done; see `begin`.
    callbacks : keras.callbacks.CallbackList
    checkpointer : CheckpointSaver
    halt : StopSignal
    found : Checkpoint, optional
        Where to go on.
    after : callable
        Given a phase's index and the network that it leaves.

    Returns
    -------
    tuple of PhaseResult
        Of the phases that were trained: all, unless time was up.
    """
    phases = setting.config.recipe.phases
    for index in range(len(outcomes), len(phases)):
        known = found if found and index == len(found.outcomes) else None
        source = _begin(setting, network, outcomes, checkpointer, halt, known)
        outcome = phase.train(
            make_job(setting, network, phases[index], source),
            _span(setting.config, index, outcomes),
            callbacks,
            keeper=checkpointer,
            halt=halt,
        )
        outcomes = (*outcomes, outcome)
        after(index, network)
        if outcome.stopped == "time limit":
            say(_stopped_early(index, len(phases)))
            break
        checkpointer.end(network, outcomes)
        told = halt.read(setting.replicas.sum(halt.signal()))
        if told.terminated:
            halt.terminate()
        if told.stops and index + 1 < len(phases):
            say(_stopped_early(index, len(phases)))
            outcome = dataclasses.replace(outcome, stopped="time limit")
            return (*outcomes[:-1], outcome)
    return outcomes


def _begin(
    setting: TrainSetup,
    network: Network,
    outcomes: PhaseResults,
    checkpointer: CheckpointSaver,
    halt: StopSignal,
    found: Checkpoint | None,
) -> BatchSource:
    """Re-draw what the next phase re-draws, and choose what it trains on.

    `found` is where this very phase was left, if it was begun.
    """
    phases = setting.config.recipe.phases
    index = len(outcomes)
    if index and (found is None or found.position is None):
        # Another seed than the first phase's, or R would draw the same weights.
        seed = setting.config.seed + index
        step = phases[index]
        surgery.redraw(network, step, setting.backbone, setting.num_classes, seed)
    decided = found.cached if found is not None else None
    source = choose_source(setting, network, index, decided, halt)
    length = _length(setting, index)
    say(f"Phase {index + 1} of {len(phases)}: {phases[index]}, {length}")
    touched = _touched(phases[: index + 1])
    checkpointer.begin(index, outcomes, touched, source.first > 1)
    if decided is None and surgery.frozen_prefix(phases[index]):
        checkpointer.keep_decision(network)
    return source


def class_weights(labels: NDArray[np.int64], num_classes: int) -> NDArray[np.float32]:
    """Weigh classes so that each counts as much as any other.

    Parameters
    ----------
    labels : array of shape (n,)
        Of the training images.
    num_classes : int

    Returns
    -------
    array of shape (num_classes,)
        n / (classes * images of the class), as scikit-learn's "balanced"; 0 for a
        class without images.
    """
    counts = np.bincount(labels, minlength=num_classes)
    present = np.count_nonzero(counts)
    return np.where(counts, len(labels) / (present * np.maximum(counts, 1)), 0).astype(
        np.float32
    )


def make_job(
    setting: TrainSetup, network: Network, step: Phase, source: BatchSource
) -> PhaseSetup:
    """Put together what a phase works on.

    Parameters
    ----------
    setting : TrainSetup
    network : Network
        As the phase begins.
    step : Phase
    source : BatchSource

    Returns
    -------
    PhaseSetup
    """
    config, records = setting.config, setting.records
    weights = None
    if config.class_weights == "auto":
        labels = records.labels("train")[setting.train_positions]
        weights = class_weights(labels, setting.num_classes)
    return PhaseSetup(
        network=network,
        plans=surgery.plan(
            step, setting.backbone, setting.num_classes, config.batch_norm
        ),
        source=source,
        preprocessing=setting.backbone.preprocessing,
        config=config,
        replicas=setting.replicas,
        class_weights=weights,
    )


def choose_source(
    setting: TrainSetup,
    network: Network,
    index: int,
    decided: bool | None,
    halt: StopSignal = NOTHING,
) -> BatchSource:
    """Choose what a phase trains on; what the chief chooses, all do.

    Parameters
    ----------
    setting : TrainSetup
    network : Network
        With the weights that the phase starts from, in its frozen blocks at least.
    index : int
        The phase's, from 0.
    decided : bool or None
        Whether its prefix is computed once, where that was decided before.
    halt : StopSignal
        Knows when to stop computing it; what is done stays.

    Returns
    -------
    BatchSource

    Raises
    ------
    Terminated
        If the process was told to end meanwhile.
    """
    images = image_batches(setting)
    cut = surgery.frozen_prefix(setting.config.recipe.phases[index])

    def choose(decided: bool | None) -> BatchSource:
        return frozen_prefix.choose(
            images,
            setting.records,
            network,
            setting.backbone,
            cut,
            epochs=setting.config.epochs[index],
            caching=setting.caching,
            decided=decided,
            check=halt.check,
        )

    replicas = setting.replicas
    source = choose(decided) if replicas.chief else None
    cached = replicas.sum(float(source is not None and source.first > 1)) > 0
    return choose(cached) if source is None else source


def _span(config: TrainConfig, index: int, outcomes: PhaseResults) -> PhaseSchedule:
    return PhaseSchedule(
        epochs=config.epochs[index],
        learning_rate=config.learning_rate[index],
        patience=config.patience[index] if config.patience else 0,
        first_epoch=sum(outcome.epochs for outcome in outcomes),
        first_step=sum(outcome.steps for outcome in outcomes),
    )


def _touched(phases: tuple[Phase, ...]) -> frozenset[int]:
    """List the blocks that do not hold what the source or the first draw left."""
    return frozenset(
        number
        for each in phases
        for number, step in enumerate(each.steps, start=1)
        if step.action is not Action.FREEZE
    )


def _length(setting: TrainSetup, index: int) -> str:
    epochs = setting.config.epochs[index]
    patience = setting.config.patience[index] if setting.config.patience else 0
    return f"{epochs} epochs" + (f" or {patience} without a better" if patience else "")


def _stopped_early(index: int, phases: int) -> str:
    left = f"; {phases - index - 1} phases were not begun" if index + 1 < phases else ""
    return f"Time is up in phase {index + 1}: its best epoch is kept{left}."
