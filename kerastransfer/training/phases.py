"""A recipe's phases, one after the other: from the source's weights to the trained."""

import dataclasses
from collections.abc import Callable

import keras
import numpy as np
from numpy.typing import NDArray

from kerastransfer import surgery
from kerastransfer.backbones.network import Network
from kerastransfer.recipe import Action, Phase, Recipe
from kerastransfer.training import phase, prefix
from kerastransfer.training.batches import Source
from kerastransfer.training.checkpointer import Checkpointer
from kerastransfer.training.checkpoints import Checkpoint
from kerastransfer.training.config import TrainConfig
from kerastransfer.training.console import say
from kerastransfer.training.engine import Job
from kerastransfer.training.halting import NOTHING, Halt
from kerastransfer.training.phase import Outcome, Span
from kerastransfer.training.setting import Setting, make_images

Outcomes = tuple[Outcome, ...]


def begin(setting: Setting, found: Checkpoint | None) -> tuple[Network, Outcomes]:
    """Make the network as the run begins, or as it was left.

    Parameters
    ----------
    setting : Setting
    found : Checkpoint or None
        Where to go on.

    Returns
    -------
    network : Network
        Made within the replicas' scope.
    outcomes : tuple of Outcome
        Of the phases that are done.
    """
    with setting.replicas.strategy.scope():
        network = surgery.draw(
            Recipe.parse(setting.config.recipe).phases[0],
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
    setting: Setting,
    network: Network,
    outcomes: Outcomes,
    callbacks: keras.callbacks.CallbackList,
    checkpointer: Checkpointer,
    halt: Halt,
    *,
    found: Checkpoint | None = None,
    after: Callable[[int, Network], None] = lambda index, network: None,
) -> Outcomes:
    """Train phase after phase, and leave the network with the last one's best weights.

    Parameters
    ----------
    setting : Setting
    network : Network
    outcomes : tuple of Outcome
        Of the phases that are done; see `begin`.
    callbacks : keras.callbacks.CallbackList
    checkpointer : Checkpointer
    halt : Halt
    found : Checkpoint, optional
        Where to go on.
    after : callable
        Given a phase's index and the network that it leaves.

    Returns
    -------
    tuple of Outcome
        Of the phases that were trained: all, unless time was up.
    """
    phases = Recipe.parse(setting.config.recipe).phases
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
    setting: Setting,
    network: Network,
    outcomes: Outcomes,
    checkpointer: Checkpointer,
    halt: Halt,
    found: Checkpoint | None,
) -> Source:
    """Re-draw what the next phase re-draws, and choose what it trains on.

    `found` is where this very phase was left, if it was begun.
    """
    phases = Recipe.parse(setting.config.recipe).phases
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


def make_job(setting: Setting, network: Network, step: Phase, source: Source) -> Job:
    """Put together what a phase works on.

    Parameters
    ----------
    setting : Setting
    network : Network
        As the phase begins.
    step : Phase
    source : Source

    Returns
    -------
    Job
    """
    config, records = setting.config, setting.records
    weights = None
    if config.class_weights == "auto":
        labels = records.labels("train")[setting.train_positions]
        weights = class_weights(labels, setting.num_classes)
    return Job(
        network=network,
        plans=surgery.plan(
            step, setting.backbone, setting.num_classes, config.batch_norm
        ),
        source=source,
        facts=setting.backbone.preprocessing,
        config=config,
        replicas=setting.replicas,
        class_weights=weights,
    )


def choose_source(
    setting: Setting,
    network: Network,
    index: int,
    decided: bool | None,
    halt: Halt = NOTHING,
) -> Source:
    """Choose what a phase trains on; what the chief chooses, all do.

    Parameters
    ----------
    setting : Setting
    network : Network
        With the weights that the phase starts from, in its frozen blocks at least.
    index : int
        The phase's, from 0.
    decided : bool or None
        Whether its prefix is computed once, where that was decided before.
    halt : Halt
        Knows when to stop computing it; what is done stays.

    Returns
    -------
    Source

    Raises
    ------
    Terminated
        If the process was told to end meanwhile.
    """
    images = make_images(setting)
    cut = surgery.frozen_prefix(Recipe.parse(setting.config.recipe).phases[index])

    def choose(decided: bool | None) -> Source:
        return prefix.choose(
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


def _span(config: TrainConfig, index: int, outcomes: Outcomes) -> Span:
    return Span(
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


def _length(setting: Setting, index: int) -> str:
    epochs = setting.config.epochs[index]
    patience = setting.config.patience[index] if setting.config.patience else 0
    return f"{epochs} epochs" + (f" or {patience} without a better" if patience else "")


def _stopped_early(index: int, phases: int) -> str:
    left = f"; {phases - index - 1} phases were not begun" if index + 1 < phases else ""
    return f"Time is up in phase {index + 1}: its best epoch is kept{left}."
