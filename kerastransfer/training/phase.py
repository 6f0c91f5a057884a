"""One phase of a recipe: the loop, validation, early stopping, the best weights."""

import dataclasses
import itertools
import math
from collections.abc import Iterator, Mapping
from typing import Any, Protocol

import keras
from numpy.typing import NDArray

from kerastransfer.backbones.network import Network
from kerastransfer.config.presets import PRESETS
from kerastransfer.errors import InputError
from kerastransfer.surgery import BlockPlan
from kerastransfer.training.batches import Batch
from kerastransfer.training.engine import Engine, PhaseSetup
from kerastransfer.training.schedule import SCHEDULES, Schedule
from kerastransfer.training.stopping import NOTHING, StopRequest, StopSignal


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class PhaseSchedule:
    """What a phase is within its run.

    Parameters
    ----------
    epochs : int
        At most.
    learning_rate : float
        At its highest, before factors.
    patience : int
        Epochs without a better one after which the phase ends; 0 for never.
    first_epoch, first_step : int
        Numbers of its first epoch and step within the run; shuffling, views and
        dropout follow from them.
    """

    epochs: int
    learning_rate: float
    patience: int = 0
    first_epoch: int = 0
    first_step: int = 0


@dataclasses.dataclass(slots=True)
class PhaseProgress:
    """How far a phase has come: beside weights, all that going on needs.

    Parameters
    ----------
    epoch, batch : int
        What comes next, from 0.
    step : int
        Steps taken.
    best_epoch : int
        From 0; -1 before the first is judged.
    best_val : dict
        That epoch's validation metrics.
    """

    epoch: int = 0
    batch: int = 0
    step: int = 0
    best_epoch: int = -1
    best_val: dict[str, float] = dataclasses.field(default_factory=dict)


@dataclasses.dataclass(frozen=True, slots=True)
class PhaseResult:
    """How a phase ended.

    Parameters
    ----------
    best_epoch : int
        From 0 within the phase; its weights are in the network.
    val : dict
        That epoch's validation metrics.
    epochs, steps : int
        Begun, and taken.
    stopped : {'epochs', 'patience', 'time limit'}
        Why it ended.
    cached : bool
        Whether its frozen prefix was computed once.
    """

    best_epoch: int
    val: dict[str, Any]
    epochs: int
    steps: int
    stopped: str
    cached: bool


class BestWeights:
    """The best epoch's weights, in memory.

    Parameters
    ----------
    network : Network
    plans : tuple of BlockPlan
        The phase's: what it does not train need not be kept.
    """

    def __init__(self, network: Network, plans: tuple[BlockPlan, ...]) -> None:
        self.network = network
        self.numbers = [plan.block for plan in plans if plan.trained]
        self.weights: dict[int, dict[str, NDArray[Any]]] = {}

    def offer(self, position: PhaseProgress, val: dict[str, float]) -> None:
        """Keep the weights, and note the epoch, if it is the best so far.

        The best is the epoch of highest validation accuracy, and among equals that of
        lowest negative log-likelihood. Without a validation set it is the last.
        """
        if not self.weights or not val or score(val) > score(position.best_val):
            position.best_epoch, position.best_val = position.epoch, val
            self.weights = {n: self.network.snapshot(n) for n in self.numbers}

    def restore(self) -> None:
        """Give the network the best epoch's weights."""
        for number, weights in self.weights.items():
            self.network.assign(number, weights)


class CheckpointHook(Protocol):
    """Who keeps what would be lost if the process were killed."""

    def resume(self, engine: Engine, best: BestWeights) -> PhaseProgress:
        """Bring engine and best to where the phase was left; say where that is."""

    def after(
        self,
        engine: Engine,
        best: BestWeights,
        position: PhaseProgress,
        told: StopRequest,
    ) -> None:
        """Take note, between two calls, of a place from which to go on."""


def train(
    job: PhaseSetup,
    span: PhaseSchedule,
    callbacks: keras.callbacks.CallbackList,
    *,
    keeper: CheckpointHook | None = None,
    halt: StopSignal | None = None,
) -> PhaseResult:
    """Train one phase, and leave the network with the best epoch's weights.

    Parameters
    ----------
    job : PhaseSetup
    span : PhaseSchedule
    callbacks : keras.callbacks.CallbackList
        Told of batches and epochs.
    keeper : CheckpointHook, optional
        Keeps checkpoints, and knows where to begin.
    halt : StopSignal, optional
        Knows when to stop early.

    Returns
    -------
    PhaseResult

    Raises
    ------
    InputError
        If a loss is not finite, or there is patience and no validation set.
    Terminated
        If the process, or another that takes part, was told to end.
    """
    return _Phase(job, span, callbacks, keeper, halt or NOTHING).run()


class _Phase:
    """What the steps of `train` share."""

    def __init__(
        self,
        job: PhaseSetup,
        span: PhaseSchedule,
        callbacks: keras.callbacks.CallbackList,
        keeper: CheckpointHook | None,
        halt: StopSignal,
    ) -> None:
        self.span, self.callbacks, self.keeper, self.halt = (
            *(span, callbacks, keeper),
            halt,
        )
        self.engine = Engine(job)
        self.best = BestWeights(job.network, job.plans)
        self.position = PhaseProgress()
        if keeper is not None:
            self.position = keeper.resume(self.engine, self.best)
        self.batches = math.ceil(job.source.num_images / job.config.batch_size)
        preset = PRESETS[job.config.preset]
        self.schedule: Schedule = SCHEDULES[preset.schedule]

    def run(self) -> PhaseResult:
        stopped = ""
        while not stopped:
            stopped = self._ended() or self._epoch()
        self.best.restore()
        position = self.position
        return PhaseResult(
            best_epoch=position.best_epoch,
            val=position.best_val,
            epochs=position.epoch,
            steps=position.step,
            stopped=stopped,
            cached=self.engine.first > 1,
        )

    def _ended(self) -> str:
        """Say why no epoch follows, if none does."""
        position, span = self.position, self.span
        if position.batch:
            return ""
        if position.epoch >= span.epochs:
            return "epochs"
        stale = position.epoch - 1 - position.best_epoch
        return "patience" if span.patience and stale >= span.patience else ""

    def _epoch(self) -> str:
        """Train an epoch, or what is left of it; say why the phase ends, if it does."""
        position, number = self.position, self.span.first_epoch + self.position.epoch
        self.callbacks.on_epoch_begin(number)
        told = StopRequest()
        for group in self._groups(number):
            told = self._steps(group)
            if told.stops:
                break
        self.engine.recompute_statistics(number)
        # The chief's, so that all agree on the best epoch and on when to stop.
        val = self.engine.job.replicas.broadcast_json(self.engine.evaluate())
        if self.span.patience and not val:
            raise InputError("--patience needs a validation set, and it is empty here.")
        self.best.offer(position, val)
        position.epoch, position.batch = position.epoch + 1, 0
        self.callbacks.on_epoch_end(number, val)
        if told.stops:
            return "time limit"  # with more time, the run goes on within the epoch
        self._keep(told)
        return ""

    def _groups(self, number: int) -> Iterator[list[Batch]]:
        """Group the epoch's batches into those of a call: all of one size."""
        job = self.engine.job
        source = job.source.train(number, job.replicas.part, self.position.batch)
        for _, alike in itertools.groupby(source, key=lambda batch: batch.size):
            while group := [*itertools.islice(alike, self.engine.steps_a_call)]:
                yield group

    def _steps(self, group: list[Batch]) -> StopRequest:
        """Take the steps of a call."""
        position = self.position
        first = position.batch
        rates = [self._rate(position.step + i) for i in range(len(group))]
        losses, signal = self.engine.take(
            group, rates, self.span.first_step + position.step, self.halt.signal()
        )
        position.batch += len(group)
        position.step += len(group)
        for i, (loss, rate) in enumerate(zip(losses, rates, strict=True)):
            self.callbacks.on_train_batch_begin(first + i)
            logs = {"loss": loss, "learning_rate": rate}
            self.callbacks.on_train_batch_end(first + i, logs)
        told = self.halt.read(signal)
        self._keep(told)
        return told

    def _keep(self, told: StopRequest) -> None:
        if self.keeper is not None:
            self.keeper.after(self.engine, self.best, self.position, told)
        if told.terminated:
            self.halt.terminate()

    def _rate(self, step: int) -> float:
        """Return a step's learning rate: a linear rise, then the schedule."""
        steps = self.span.epochs * self.batches
        warm = math.floor(self.engine.job.config.warmup * steps)
        if step < warm:
            return self.span.learning_rate * (step + 1) / (warm + 1)
        return self.span.learning_rate * self.schedule(step - warm, steps - warm)


def score(val: Mapping[str, float]) -> tuple[float, float]:
    """Return what is greater for the better of two validation results.

    Parameters
    ----------
    val : mapping
        ``accuracy`` and ``nll``; empty without a validation set.

    Returns
    -------
    tuple of float
        Accuracy first; among equals the likelihood decides.
    """
    return (val["accuracy"], -val["nll"]) if val else (0.0, 0.0)
