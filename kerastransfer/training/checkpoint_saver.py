"""When checkpoints are written, and what goes into them."""

import dataclasses
import time
from collections.abc import Callable

from kerastransfer.backbones.network import Network
from kerastransfer.foundation import report
from kerastransfer.training.checkpoints import Checkpoint, CheckpointStore
from kerastransfer.training.engine import Engine
from kerastransfer.training.phase import BestWeights, PhaseProgress, PhaseResult
from kerastransfer.training.stopping import StopRequest, StopSignal


class CheckpointSaver:
    """Keeps a run's checkpoints; implements `phase.Keeper`.

    Parameters
    ----------
    store : CheckpointStore or None
        None in a process that writes nothing.
    every : float
        Seconds between two checkpoints within a phase.
    halt : StopSignal
        Knows how long training has taken.
    metrics_bytes : callable
        Brings ``metrics.jsonl`` to the disk, and says how long it is.
    found : Checkpoint, optional
        Where to go on.
    """

    def __init__(
        self,
        store: CheckpointStore | None,
        *,
        every: float,
        halt: StopSignal,
        metrics_bytes: Callable[[], int],
        found: Checkpoint | None = None,
    ) -> None:
        self._store = store
        self._every = every
        self._halt = halt
        self._metrics_bytes = metrics_bytes
        self._found = found
        self._last = time.monotonic()
        self._phase = 0
        self._outcomes: tuple[PhaseResult, ...] = ()
        self._cached: bool | None = None
        self._touched: frozenset[int] = frozenset()

    def begin(
        self,
        phase: int,
        outcomes: tuple[PhaseResult, ...],
        touched: frozenset[int],
        cached: bool,
    ) -> None:
        """Take note of the phase that begins.

        Parameters
        ----------
        phase : int
            From 0.
        outcomes : tuple of PhaseResult
            Of those before.
        touched : frozenset of int
            Blocks that were trained or drawn so far, this phase included.
        cached : bool
            Whether its prefix is computed once.
        """
        self._phase, self._outcomes = phase, outcomes
        self._touched, self._cached = touched, cached

    def keep_decision(self, network: Network) -> None:
        """Keep what `begin` was told: a run that goes on must not decide anew.

        Parameters
        ----------
        network : Network
            As the phase begins.
        """
        if self._store is not None:
            self._write(self._store, self._checkpoint(network))

    def resume(self, engine: Engine, best: BestWeights) -> PhaseProgress:
        """See `phase.Keeper`; the network's weights are already in place."""
        found, self._found = self._found, None
        if found is None or found.position is None:
            return PhaseProgress()
        variables = engine.optimizer.variables
        for variable, value in zip(variables, found.optimizer, strict=True):
            variable.assign(value)
        best.weights = {n: dict(weights) for n, weights in found.best.items()}
        return found.position

    def after(
        self,
        engine: Engine,
        best: BestWeights,
        position: PhaseProgress,
        told: StopRequest,
    ) -> None:
        """See `phase.Keeper`."""
        due = time.monotonic() - self._last >= self._every
        if self._store is None or not (due or told.terminated or told.stops):
            return
        optimizer = tuple(each.numpy() for each in engine.optimizer.variables)
        plain = self._checkpoint(engine.job.network)
        checkpoint = dataclasses.replace(
            plain, position=position, optimizer=optimizer, best=best.weights
        )
        self._write(self._store, checkpoint)

    def end(self, network: Network, outcomes: tuple[PhaseResult, ...]) -> None:
        """Keep what a phase left, for the next one or for the end.

        Parameters
        ----------
        network : Network
            With the best epoch's weights.
        outcomes : tuple of PhaseResult
            The phase's among them.
        """
        self._phase, self._outcomes = self._phase + 1, outcomes
        self._cached = None
        if self._store is not None:
            self._write(self._store, self._checkpoint(network))

    def _checkpoint(self, network: Network) -> Checkpoint:
        return Checkpoint(
            phase=self._phase,
            position=None,
            outcomes=self._outcomes,
            cached=self._cached,
            seconds=self._halt.seconds,
            metrics_bytes=self._metrics_bytes(),
            weights={n: network.snapshot(n) for n in sorted(self._touched)},
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
