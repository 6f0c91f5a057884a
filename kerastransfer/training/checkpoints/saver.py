"""When checkpoints are written, and what goes into them."""

import dataclasses
import time
from collections.abc import Callable

from kerastransfer.backbones.network import Network
from kerastransfer.foundation import report
from kerastransfer.training.checkpoints.store import START, Checkpoint, CheckpointStore
from kerastransfer.training.engine import Engine
from kerastransfer.training.phase import BestWeights, PhaseProgress, PhaseResults
from kerastransfer.training.stopping import StopRequest, StopSignal


class CheckpointSaver:
    """Writes a run's checkpoints, and resumes the run from the last of them.

    Parameters
    ----------
    store : CheckpointStore or None
        None in a process that writes nothing.
    every : float
        Seconds between two checkpoints within a phase.
    stop_signal : StopSignal
        Knows how long training has taken.
    metrics_bytes : callable
        Brings ``metrics.jsonl`` to the disk, and says how long it is.
    checkpoint : Checkpoint
        Where the run goes on; by default, at its start.
    """

    def __init__(
        self,
        store: CheckpointStore | None,
        *,
        every: float,
        stop_signal: StopSignal,
        metrics_bytes: Callable[[], int] = lambda: 0,
        checkpoint: Checkpoint = START,
    ) -> None:
        self._store = store
        self._every = every
        self._stop_signal = stop_signal
        self._metrics_bytes = metrics_bytes
        self._checkpoint = checkpoint
        self._last = time.monotonic()
        self._results = checkpoint.results
        self._cached: bool | None = None
        self._blocks: frozenset[int] = frozenset()

    @property
    def results(self) -> PhaseResults:
        """Results of the phases that have ended, in this process or an earlier one."""
        return self._results

    def is_under_way(self, index: int) -> bool:
        """Whether an earlier process left the run within this phase."""
        return self._checkpoint.phase == index and self._checkpoint.progress is not None

    def is_cached(self, index: int) -> bool | None:
        """Whether a phase computes its frozen prefix once; None if not yet decided."""
        return self._checkpoint.cached if self._checkpoint.phase == index else None

    def restore(self, network: Network) -> None:
        """Give a network the weights with which the run goes on."""
        for block, weights in self._checkpoint.weights.items():
            network.assign(block, weights)

    def begin_phase(self, *, blocks: frozenset[int], cached: bool) -> None:
        """Take note of the phase that follows.

        Parameters
        ----------
        blocks : frozenset of int
            Blocks that were trained or drawn so far, or are in this phase.
        cached : bool
            Whether its frozen prefix is computed once.
        """
        self._blocks, self._cached = blocks, cached

    def save_start(self, network: Network) -> None:
        """Write a checkpoint of the phase that `begin_phase` noted, before its steps.

        Parameters
        ----------
        network : Network
            As the phase begins.
        """
        if self._store is not None:
            self._write(self._store, self._between_phases(network))

    def resume(self, engine: Engine, best: BestWeights) -> PhaseProgress:
        """Bring an optimiser and the best weights to where a phase was left.

        Parameters
        ----------
        engine : Engine
            Of the phase that begins; its network was restored before.

        Returns
        -------
        PhaseProgress
            Where the phase goes on.
        """
        # Each phase after this one begins at its start.
        checkpoint, self._checkpoint = self._checkpoint, START
        if checkpoint.progress is None:
            return PhaseProgress()
        variables = engine.optimizer.variables
        for variable, value in zip(variables, checkpoint.optimizer, strict=True):
            variable.assign(value)
        best.weights = {n: dict(weights) for n, weights in checkpoint.best.items()}
        return checkpoint.progress

    def save_progress(
        self,
        engine: Engine,
        best: BestWeights,
        *,
        progress: PhaseProgress,
        request: StopRequest,
    ) -> None:
        """Write a checkpoint within a phase, if one is due or the process is to stop.

        Parameters
        ----------
        engine : Engine
            Between two calls.
        request : StopRequest
            Of all processes.
        """
        due = time.monotonic() - self._last >= self._every
        if self._store is None or not (due or request.terminate or request.finish):
            return
        checkpoint = dataclasses.replace(
            self._between_phases(engine.phase.network),
            progress=progress,
            optimizer=tuple(value.numpy() for value in engine.optimizer.variables),
            best=best.weights,
        )
        self._write(self._store, checkpoint)

    def end_phase(self, network: Network, results: PhaseResults) -> None:
        """Write what a phase left, for the next one or for the end of the run.

        Parameters
        ----------
        network : Network
            With the best epoch's weights.
        results : tuple of PhaseResult
            The phase's among them.
        """
        self._results, self._cached = results, None
        if self._store is not None:
            self._write(self._store, self._between_phases(network))

    def _between_phases(self, network: Network) -> Checkpoint:
        return Checkpoint(
            phase=len(self._results),
            progress=None,
            results=self._results,
            cached=self._cached,
            seconds=self._stop_signal.seconds,
            metrics_bytes=self._metrics_bytes(),
            weights={n: network.snapshot(n) for n in sorted(self._blocks)},
        )

    def _write(self, store: CheckpointStore, checkpoint: Checkpoint) -> None:
        try:
            store.write(checkpoint)
        except OSError as error:
            report.warn(
                f"No checkpoint could be written ({error.strerror or error}); the one "
                "before it is kept, and training goes on."
            )
        self._last = time.monotonic()
