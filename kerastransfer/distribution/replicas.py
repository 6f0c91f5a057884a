"""Devices that train one network together, on one machine or on several.

Every replica takes its part of each batch; gradients are summed over all of them, so
any number of replicas takes the same steps. One loop serves them all: a single device
is the case of one replica.
"""

import contextlib
import dataclasses
import json
import os
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import numpy as np
import tensorflow as tf
from numpy.typing import NDArray

from kerastransfer.distribution.choice import Choice, resolve
from kerastransfer.errors import InputError


@dataclasses.dataclass(frozen=True, slots=True)
class ReplicaRange:
    """Which replicas of all are in this process.

    Parameters
    ----------
    first : int
        Number of the first one in this process, from 0.
    local : int
        How many are in this process.
    count : int
        How many there are in all processes.
    """

    first: int
    local: int
    count: int


WHOLE = ReplicaRange(first=0, local=1, count=1)
# What collective operations end with when a process that takes part is gone.
_LOST = (
    tf.errors.UnavailableError,
    tf.errors.AbortedError,
    tf.errors.CancelledError,
    tf.errors.DeadlineExceededError,
    tf.errors.InternalError,
)


class Replicas:
    """The devices of this process among all that train together; see `make`."""

    def __init__(self, strategy: tf.distribute.Strategy, part: ReplicaRange) -> None:
        self.strategy = strategy
        self.part = part
        self._adders: dict[np.dtype[Any], Callable[[Any], Any]] = {}

    @property
    def count(self) -> int:
        """How many replicas there are in all."""
        return self.part.count

    @property
    def chief(self) -> bool:
        """Whether this process writes files."""
        return self.part.first == 0

    @property
    def several_processes(self) -> bool:
        """Whether other processes take part."""
        return self.part.local < self.part.count

    def spread(self, parts: Sequence[Any]) -> Any:
        """Give each local replica its own values, as ``strategy.run`` takes them.

        Parameters
        ----------
        parts : sequence of named tuples of tensors
            One for each local replica.

        Returns
        -------
        named tuple
            With one replica its own part; else of per-replica values.
        """
        if self.count == 1:
            return parts[0]
        return type(parts[0])(*map(self._per_replica, zip(*parts, strict=True)))

    def first_here(self, results: Sequence[Any]) -> list[tf.Tensor]:
        """Return what the first local replica gave; the same where it was reduced."""
        if self.count == 1:
            return list(results)
        local = self.strategy.experimental_local_results
        return [tf.identity(local(result)[0]) for result in results]

    @contextlib.contextmanager
    def together(self) -> Iterator[None]:
        """Say in one line that another process is gone, where there are others."""
        try:
            yield
        except _LOST:
            if self.count == 1:
                raise
            raise InputError(
                "Another worker is gone; start the same command in every worker again: "
                "it goes on from the last checkpoint."
            ) from None

    def sum(self, value: float) -> float:
        """Add a number over all processes; a place where they wait for each other."""
        return float(self.sum_array(np.array(value, np.float64)))

    def leave(self) -> None:
        """Wait until no process needs the others any more; the last call of a job.

        A process that ends while another is still within a sum lets that one fail. So
        there are two: whoever has the first knows that all have come, and that the
        second fails does no harm.
        """
        self.sum(0.0)
        with contextlib.suppress(InputError):
            self.sum(0.0)

    def sum_array(self, value: NDArray[Any]) -> NDArray[Any]:
        """Add an array over all processes, each counting once; all wait for it."""
        if not self.several_processes:
            return value
        if value.dtype not in self._adders:
            self._adders[value.dtype] = self._adder(value.dtype)
        with self.together():
            sums = self._adders[value.dtype](value.ravel())
            total = self.strategy.experimental_local_results(sums)[0].numpy()
        return total.reshape(value.shape)

    def broadcast(self, value: NDArray[Any]) -> NDArray[Any]:
        """Return the chief's array in every process; shape and dtype are known to all.

        Parameters
        ----------
        value : array
            In the other processes only its shape and dtype count.
        """
        return self.sum_array(value if self.chief else np.zeros_like(value))

    def broadcast_json(self, value: Any) -> Any:
        """Return the chief's value, which JSON can hold, in every process."""
        if not self.several_processes:
            return value
        text = json.dumps(value).encode() if self.chief else b""
        length = int(self.sum(len(text)))
        codes = np.frombuffer(text.ljust(length), np.uint8).astype(np.int32)
        return json.loads(bytes(self.broadcast(codes).astype(np.uint8)))

    def _adder(self, dtype: np.dtype[Any]) -> Callable[[Any], Any]:
        def share(here: tf.Tensor) -> tf.Tensor:
            context = tf.distribute.get_replica_context()
            first = context.replica_id_in_sync_group == self.part.first
            mine = tf.where(first, here, tf.zeros_like(here))
            return context.all_reduce(tf.distribute.ReduceOp.SUM, mine)

        # Flat, so that one trace serves every shape.
        return tf.function(
            lambda here: self.strategy.run(share, (here,)),
            [tf.TensorSpec((None,), dtype)],
            autograph=False,
        )

    def _per_replica(self, values: Sequence[Any]) -> Any:
        """Make one per-replica value of the local replicas' values."""

        def of(context: tf.distribute.InputReplicationMode) -> tf.Tensor:
            replica = context.replica_id_in_sync_group - self.part.first
            return tf.convert_to_tensor(values[replica])

        return self.strategy.experimental_distribute_values_from_function(of)


def single() -> Replicas:
    """Return the one device that TensorFlow would choose."""
    return Replicas(tf.distribute.get_strategy(), WHOLE)


def make(choice: Choice) -> Replicas:
    """Bring devices together; before any other work of TensorFlow.

    Parameters
    ----------
    choice : Choice
        As the user made it.

    Raises
    ------
    InputError
        If there are no such devices, or the other workers cannot be reached.
    """
    _divide_cpu(choice)
    if choice.several_processes:
        # Before any other work: collective operations are set up as the runtime starts.
        return _multiworker(choice)
    gpus = [device.name for device in tf.config.list_logical_devices("GPU")]
    cpus = [device.name for device in tf.config.list_logical_devices("CPU")]
    resolved = resolve(choice, num_gpus=len(gpus), num_cpus=len(cpus))
    if resolved.strategy == "single":
        return single()
    names = gpus if resolved.kind == "GPU" else cpus
    count = len(resolved.numbers)
    strategy = tf.distribute.MirroredStrategy([names[i] for i in resolved.numbers])
    return Replicas(strategy, ReplicaRange(first=0, local=count, count=count))


def _divide_cpu(choice: Choice) -> None:
    """Make as many logical devices of a CPU as were asked for, if there is no GPU."""
    gpus = tf.config.list_physical_devices("GPU")
    if choice.several_processes:
        kind, there = ("GPU", len(gpus)) if gpus else ("CPU", 1)
        if (choice.devices or 1) > there:
            raise InputError(
                f"Expected {choice.devices} {kind}s for --devices, found {there}; each "
                "of several processes takes GPUs, or its CPU as one device."
            )
        if choice.devices is not None and gpus:
            tf.config.set_visible_devices(gpus[: choice.devices], "GPU")
    elif (choice.devices or 1) > 1 and not gpus:
        (cpu,) = tf.config.list_physical_devices("CPU")
        parts = [tf.config.LogicalDeviceConfiguration()] * (choice.devices or 1)
        tf.config.set_logical_device_configuration(cpu, parts)


def _multiworker(choice: Choice) -> Replicas:
    if choice.workers:
        task = {"type": "worker", "index": choice.worker}
        cluster = {"worker": list(choice.workers)}
        os.environ["TF_CONFIG"] = json.dumps({"cluster": cluster, "task": task})
    try:
        strategy = tf.distribute.MultiWorkerMirroredStrategy()
    except (tf.errors.OpError, RuntimeError, ValueError) as error:
        reason = str(error).split("\n", 1)[0]
        raise InputError(f"The workers could not come together: {reason}.") from None
    count = strategy.num_replicas_in_sync
    local = len(strategy.extended.worker_devices)
    first = choice.number * local
    if count % local:
        raise InputError(
            f"Expected as many devices on every worker, got {count} in all and {local} "
            "here; choose them with --devices."
        )
    return Replicas(strategy, ReplicaRange(first=first, local=local, count=count))
