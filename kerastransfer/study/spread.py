"""Spreading a study over processes, GPUs and machines, with Ray.

Each run is a task. Ray starts it again where its process was killed; the run then goes
on from its checkpoint. Workers meet in the study's folder, in the records and in the
caches, which every machine must see under the same paths; who comes second to one of
them waits at its lock.
"""

import contextlib
import dataclasses
import os
import socket
from collections.abc import Iterator, Sequence
from typing import Any

from kerastransfer.errors import InputError
from kerastransfer.foundation.quoting import printable, quoted
from kerastransfer.study.grid import Cell
from kerastransfer.study.runner import Begin
from kerastransfer.study.work import RunRow, Work

_RETRIES = 3  # of a run whose process was killed
_LONGEST_REASON = 200
_PATIENCE = 10  # seconds for the first word of a cluster
_HERE = "127.0.0.1"  # a cluster of one's own listens to nobody else


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Spread:
    """Carries the runs of a study out side by side.

    Parameters
    ----------
    workers : int, optional
        Runs at a time; by default as many as the cluster has room for.
    address : str, optional
        Of a Ray cluster that runs already, such as ``auto``; by default one is started
        on this machine, and ended with the study.
    cpus, gpus : float
        What a run needs, of what the cluster has.

    Raises
    ------
    InputError
        If a number makes no sense, or Ray is not installed.
    """

    workers: int | None = None
    address: str | None = None
    cpus: float = 1
    gpus: float = 0

    def __post_init__(self) -> None:
        if self.workers is not None and self.workers < 1:
            raise InputError(f"Expected --workers of 1 or more, got {self.workers}.")
        if self.cpus <= 0 or self.gpus < 0:
            raise InputError(
                "Expected --run-cpus above 0 and --run-gpus of 0 or more, got "
                f"{self.cpus:g} and {self.gpus:g}."
            )
        _import_ray()

    def __call__(
        self, cells: Sequence[Cell], work: Work, begin: Begin
    ) -> Iterator[tuple[Cell, RunRow]]:
        """Carry runs out, and yield each when it has ended."""
        ray = _import_ray()
        with self._cluster(ray):
            task = _task(ray, self, work)
            waiting, slots = list(reversed(cells)), self._slots(ray)
            running: dict[Any, Cell] = {}
            while waiting or running:
                while waiting and len(running) < slots:
                    cell = waiting.pop()
                    if begin(cell):
                        running[task.remote(cell)] = cell
                    else:
                        waiting.clear()
                if not running:
                    return
                (ended, *_), _ = ray.wait(list(running))
                cell = running.pop(ended)
                yield cell, _row(ray, ended, work, cell)

    @contextlib.contextmanager
    def _cluster(self, ray: Any) -> Iterator[None]:
        """Be in a cluster: the one that this process is in, or another."""
        if ray.is_initialized():
            yield
            return
        _check_address(self.address)
        os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")  # nobody is told
        own = {"_node_ip_address": _HERE, "include_dashboard": False}
        if self.workers is not None:
            own["num_cpus"] = max(1, round(self.workers * self.cpus))
        try:
            ray.init(
                address=self.address or "local",
                log_to_driver=False,
                **({} if self.address else own),
            )
        except (ConnectionError, ValueError, RuntimeError) as error:
            raise _no_cluster(self.address or "local", error) from error
        try:
            yield
        finally:
            ray.shutdown()

    def _slots(self, ray: Any) -> int:
        """Return how many runs there may be at a time."""
        have = ray.cluster_resources()
        rooms = [have.get("CPU", 0) // self.cpus]
        if self.gpus:
            rooms.append(have.get("GPU", 0) // self.gpus)
        room = int(min(rooms))
        if room < 1:
            raise InputError(
                f"Expected room for a run of {self.cpus:g} CPUs and {self.gpus:g} GPUs "
                f"in the cluster, which has {have.get('CPU', 0):g} and "
                f"{have.get('GPU', 0):g}; ask for fewer with --run-cpus and --run-gpus."
            )
        return room if self.workers is None else min(room, self.workers)


def _check_address(address: str | None) -> None:
    """Refuse an address where nobody listens, for which Ray would wait minutes.

    Raises
    ------
    InputError
    """
    host, colon, port = (address or "").rpartition(":")
    if "//" in host or not (colon and port.isdecimal()):  # a word, or Ray's own form
        return
    try:
        socket.create_connection((host.strip("[]"), int(port)), _PATIENCE).close()
    except (OSError, OverflowError) as error:
        raise _no_cluster(address, error) from None


def _no_cluster(address: str | None, error: Exception) -> InputError:
    return InputError(
        f"Expected a Ray cluster at {quoted(address)}: {_short(error)}; start one with "
        "'ray start --head'."
    )


def _task(ray: Any, spread: Spread, work: Work) -> Any:
    """Make a task of Ray's that carries out one run."""

    def carry_out(cell: Cell) -> RunRow:
        return work(cell)

    remote = ray.remote(
        num_cpus=spread.cpus, num_gpus=spread.gpus, max_retries=_RETRIES
    )
    return remote(carry_out)


def _row(ray: Any, ended: Any, work: Work, cell: Cell) -> RunRow:
    """Return what a task returned; a failure for one that never ended."""
    try:
        row: RunRow = ray.get(ended)
    except ray.exceptions.RayTaskError:  # a fault of ours, as it is without Ray
        raise
    except ray.exceptions.RayError as error:
        return work.failed(cell, f"the process that trained it ended: {_short(error)}")
    return row


def _short(error: BaseException) -> str:
    lines = str(error).strip().splitlines() or [type(error).__name__]
    return printable(lines[0], _LONGEST_REASON)


def _import_ray() -> Any:
    try:
        import ray
    except ImportError:
        raise InputError(
            "Expected Ray for --workers and --address; 'pip install "
            "kerastransfer[study]' brings it."
        ) from None
    return ray
