"""The training loop: a recipe's phases, their epochs, and the steps of an epoch.

From here the way down is short: `PhaseLoop.train_epoch` gives the batches of a call to
`kerastransfer.training.engine.Engine.take`, whose compiled step computes the gradient.
"""

import dataclasses
import itertools
from collections.abc import Callable, Iterator, Sequence

import keras

from kerastransfer import surgery
from kerastransfer.backbones.network import Network
from kerastransfer.errors import InputError
from kerastransfer.foundation.progress import counted
from kerastransfer.foundation.report import say
from kerastransfer.recipe import Action, Phase
from kerastransfer.training import frozen_prefix
from kerastransfer.training.batches import Batch, BatchSource
from kerastransfer.training.checkpoints.saver import CheckpointSaver
from kerastransfer.training.engine import Engine
from kerastransfer.training.phase import (
    BestWeights,
    PhaseProgress,
    PhaseResult,
    PhaseResults,
    PhaseSetup,
)
from kerastransfer.training.setup import TrainSetup
from kerastransfer.training.stopping import StopReason, StopRequest, StopSignal


def train_phases(
    setup: TrainSetup,
    network: Network,
    *,
    callbacks: keras.callbacks.CallbackList,
    saver: CheckpointSaver,
    stop_signal: StopSignal,
    after_phase: Callable[[int, Network], None] = lambda index, network: None,
) -> PhaseResults:
    """Train phase after phase, and leave the network with the last one's best weights.

    Parameters
    ----------
    network : Network
        As `TrainSetup.make_network` makes it, or as the saver restored it.
    callbacks : keras.callbacks.CallbackList
        Called at the begin and end of epochs and steps.
    saver : CheckpointSaver
        Writes checkpoints, and knows where an earlier process left the run.
    after_phase : callable
        Called with a phase's index and the network that it leaves.

    Returns
    -------
    tuple of PhaseResult
        Of the phases that were trained: all, unless the time limit was reached.
    """
    num_phases, results = len(setup.config.recipe.phases), saver.results
    for index in range(len(results), num_phases):
        if index and not saver.is_under_way(index):
            _redraw(setup, network, index)
        source = _choose_source(setup, network, index, saver, stop_signal)
        loop = PhaseLoop(
            PhaseSetup.after(results, setup=setup, network=network, source=source),
            callbacks,
            saver=saver,
            stop_signal=stop_signal,
        )
        while loop.stop_reason is None:
            loop.train_epoch()
        results = (*results, loop.finish())
        after_phase(index, network)
        if loop.stop_reason is StopReason.TIME_LIMIT:
            say(_time_is_up(index, num_phases))
            break
        saver.end_phase(network, results)
        votes = setup.replicas.sum_array(stop_signal.votes())
        request = StopRequest.from_votes(votes)
        if request.terminate:
            stop_signal.terminate()
        if request.finish and index + 1 < num_phases:
            say(_time_is_up(index, num_phases))
            early = dataclasses.replace(results[-1], stopped=StopReason.TIME_LIMIT)
            return (*results[:-1], early)
    return results


class PhaseLoop:
    """The epochs of one phase.

    Call `train_epoch` until there is a `stop_reason`, and then `finish`.

    Parameters
    ----------
    callbacks : keras.callbacks.CallbackList
        Called at the begin and end of epochs and steps.
    saver : CheckpointSaver, optional
        Writes checkpoints, and knows where an earlier process left the phase.
    stop_signal : StopSignal, optional
        Knows when to stop early.

    Attributes
    ----------
    stop_reason : StopReason or None
        Why no epoch follows; None while one does.
    """

    def __init__(
        self,
        phase: PhaseSetup,
        callbacks: keras.callbacks.CallbackList,
        *,
        saver: CheckpointSaver | None = None,
        stop_signal: StopSignal | None = None,
    ) -> None:
        self.phase = phase
        self.engine = Engine(phase)
        self._callbacks = callbacks
        self._saver = saver
        self._stop_signal = stop_signal or StopSignal()
        self._best = BestWeights(phase.network, self.engine.plans)
        self._progress = PhaseProgress()
        if saver is not None:
            self._progress = saver.resume(self.engine, self._best)
        self.stop_reason = self._reason_to_stop()

    def train_epoch(self) -> None:
        """Train an epoch, or what is left of it, and evaluate it.

        Raises
        ------
        InputError
            If a loss is not finite, or there is patience and no validation set.
        Terminated
            If this process, or another that takes part, was told to end.
        """
        phase, progress = self.phase, self._progress
        epoch = phase.first_epoch + progress.epoch
        self._callbacks.on_epoch_begin(epoch)
        request = StopRequest()
        for batches in self._calls(epoch):
            rates = [phase.rate(progress.step + i) for i in range(len(batches))]
            losses, votes = self.engine.take(
                batches,
                rates=rates,
                first_step=phase.first_step + progress.step,
                votes=self._stop_signal.votes(),
            )
            self._note_steps(losses, rates)
            request = StopRequest.from_votes(votes)
            self._save(request)
            if request.finish:
                break
        self._evaluate(epoch)
        if request.finish:
            # No checkpoint: with more time, the run goes on within this epoch.
            self.stop_reason = StopReason.TIME_LIMIT
        else:
            self._save(request)
            self.stop_reason = self._reason_to_stop()

    def finish(self) -> PhaseResult:
        """Leave the network with the best epoch's weights, and say how it went."""
        assert self.stop_reason is not None, "there are epochs to train"
        self._best.restore()
        progress = self._progress
        self._say_skipped()
        return PhaseResult(
            best_epoch=progress.best_epoch,
            val=progress.best_val,
            epochs=progress.epoch,
            steps=progress.step,
            stopped=self.stop_reason,
            cached=self.engine.first > 1,
        )

    def _say_skipped(self) -> None:
        scale, steps = self.engine.loss_scale, self._progress.step
        skipped = scale.check(steps) if scale is not None else 0
        if skipped:
            say(
                f"{counted(skipped, 'step')} of {steps:,} changed nothing, for "
                "gradients overflowed float16 (the loss was scaled less after each)."
            )

    def _reason_to_stop(self) -> StopReason | None:
        progress, patience = self._progress, self.phase.patience
        if progress.batch:  # within an epoch
            return None
        if progress.epoch >= self.phase.epochs:
            return StopReason.EPOCHS
        without_better = progress.epoch - 1 - progress.best_epoch
        return StopReason.PATIENCE if 0 < patience <= without_better else None

    def _calls(self, epoch: int) -> Iterator[list[Batch]]:
        """Group the rest of an epoch's batches by call; those of a call are of a size.

        A call takes as many steps as the engine can.
        """
        phase = self.phase
        part = phase.setup.replicas.part
        batches = phase.source.train(epoch, part, self._progress.batch)
        for _, alike in itertools.groupby(batches, key=lambda batch: batch.size):
            while call := [*itertools.islice(alike, self.engine.steps_per_call)]:
                yield call

    def _note_steps(self, losses: Sequence[float], rates: Sequence[float]) -> None:
        """Count the steps of a call, and let callbacks know of each."""
        first = self._progress.batch
        self._progress.batch += len(losses)
        self._progress.step += len(losses)
        for batch, (loss, rate) in enumerate(zip(losses, rates, strict=True), first):
            self._callbacks.on_train_batch_begin(batch)
            logs = {"loss": loss, "learning_rate": rate}
            self._callbacks.on_train_batch_end(batch, logs)

    def _evaluate(self, epoch: int) -> None:
        """Evaluate the network, and keep its weights if they are the best so far."""
        progress = self._progress
        self.engine.recompute_statistics(epoch)
        # The chief's, so that all agree on the best epoch and on when to stop.
        replicas = self.phase.setup.replicas
        val = replicas.broadcast_json(self.engine.evaluate())
        if self.phase.patience and not val:
            raise InputError("--patience needs a validation set, and it is empty here.")
        self._best.offer(progress, val)
        progress.epoch, progress.batch = progress.epoch + 1, 0
        self._callbacks.on_epoch_end(epoch, val)

    def _save(self, request: StopRequest) -> None:
        if self._saver is not None:
            self._saver.save_progress(
                self.engine, self._best, progress=self._progress, request=request
            )
        if request.terminate:
            self._stop_signal.terminate()


def _redraw(setup: TrainSetup, network: Network, index: int) -> None:
    """Draw the R blocks of a later phase anew."""
    surgery.redraw(
        network,
        setup.config.recipe.phases[index],
        setup.backbone,
        setup.num_classes,
        # Another seed than the first phase's, or R would draw the same weights.
        setup.config.seed + index,
    )


def _choose_source(
    setup: TrainSetup,
    network: Network,
    index: int,
    saver: CheckpointSaver,
    stop_signal: StopSignal,
) -> BatchSource:
    """Choose what a phase trains on, announce the phase, and keep the choice."""
    phases, known = setup.config.recipe.phases, saver.is_cached(index)
    source = frozen_prefix.choose_source(
        setup, network, index, cached=known, check=stop_signal.check
    )
    half = surgery.half_words(phases[index], setup.config.precision)
    words = filter(None, (str(phases[index]), _length(setup, index), half))
    say(f"Phase {index + 1} of {len(phases)}: {', '.join(words)}")
    saver.begin_phase(blocks=_changed(phases[: index + 1]), cached=source.first > 1)
    if known is None and surgery.frozen_prefix(phases[index]):
        # A run that is resumed must not choose anew: what it measures may differ.
        saver.save_start(network)
    return source


def _changed(phases: Sequence[Phase]) -> frozenset[int]:
    """List the blocks that do not hold what the source or the first draw left."""
    return frozenset(
        block
        for phase in phases
        for block, step in enumerate(phase.steps, start=1)
        if step.action is not Action.FREEZE
    )


def _length(setup: TrainSetup, index: int) -> str:
    epochs = setup.config.epochs[index]
    patience = setup.config.patience[index] if setup.config.patience else 0
    rest = f" or {patience} without a better" if patience else ""
    return counted(epochs, "epoch") + rest


def _time_is_up(index: int, num_phases: int) -> str:
    left = num_phases - index - 1
    rest = f"; {left} phases were not begun" if left else ""
    return f"Time is up in phase {index + 1}: its best epoch is kept{rest}."
