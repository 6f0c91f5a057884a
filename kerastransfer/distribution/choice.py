"""Which devices train a network, as a user chooses them. Needs no TensorFlow."""

import dataclasses
import json
import os
from typing import Any, Literal

from kerastransfer.errors import InputError
from kerastransfer.foundation import json_file

# Of a TF_CONFIG: whose processes train, in TensorFlow's order.
_TRAINERS = ("chief", "worker")
Strategy = Literal["auto", "single", "mirrored", "multiworker"]
STRATEGIES: tuple[Strategy, ...] = ("auto", "single", "mirrored", "multiworker")


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Choice:
    """A user's choice of devices. It decides no result.

    Parameters
    ----------
    strategy : {'auto', 'single', 'mirrored', 'multiworker'}
        With ``auto``, what the other fields and the machine's GPUs call for.
    devices : int, optional
        How many of this machine; None for all GPUs, or one CPU. On a machine without a
        GPU, so many logical devices are made of its CPU.
    workers : tuple of str
        ``host:port`` of every process that takes part, the chief first.
    worker : int, optional
        This process's place among them, from 0.

    Examples
    --------
    >>> Choice(workers=("a:1000", "b:1000"), worker=1).chief
    False
    """

    strategy: Strategy = "auto"
    devices: int | None = None
    workers: tuple[str, ...] = ()
    worker: int | None = None

    def __post_init__(self) -> None:
        if self.devices is not None and self.devices < 1:
            raise InputError(f"Expected --devices of 1 or more, got {self.devices}.")
        if (self.worker is None) != (not self.workers):
            raise InputError("Expected --workers and --worker together.")
        if self.worker is not None and not 0 <= self.worker < len(self.workers):
            raise InputError(
                f"Expected --worker from 0 to {len(self.workers) - 1}, got "
                f"{self.worker}."
            )
        if self.workers and self.strategy in ("single", "mirrored"):
            raise InputError(f"--workers does not go with --strategy {self.strategy}.")
        if self.strategy == "multiworker" and not (self.workers or tf_config()):
            raise InputError(
                "Expected --workers HOST:PORT,... --worker K, or TF_CONFIG, for "
                "--strategy multiworker."
            )
        if self.strategy == "single" and (self.devices or 1) > 1:
            raise InputError("--strategy single is one device; leave --devices out.")

    @property
    def chief(self) -> bool:
        """Whether this process is the one that writes."""
        return self.number == 0

    @property
    def number(self) -> int:
        """Which of all processes this is, the chief being 0."""
        if self.workers:
            return self.worker or 0
        return tf_config_number()

    @property
    def several_processes(self) -> bool:
        """Whether other processes take part."""
        if self.strategy in ("single", "mirrored"):
            return False
        return bool(self.workers) or tf_config()


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Resolved:
    """The devices of this machine that a choice comes to.

    Parameters
    ----------
    strategy : {'single', 'mirrored'}
    kind : {'GPU', 'CPU'}
    numbers : tuple of int
        Numbers of the devices, among those of their kind.
    """

    strategy: Strategy
    kind: str
    numbers: tuple[int, ...]


def resolve(choice: Choice, *, num_gpus: int, num_cpus: int) -> Resolved:
    """Decide which devices of this machine to use, where no other process takes part.

    Parameters
    ----------
    num_gpus, num_cpus : int
        Logical devices that this machine has.

    Raises
    ------
    InputError
        If there are fewer devices than were asked for.

    Examples
    --------
    >>> resolve(Choice(devices=2), num_gpus=4, num_cpus=1).numbers
    (0, 1)
    """
    kind, there = ("GPU", num_gpus) if num_gpus else ("CPU", num_cpus)
    usual = num_gpus or (num_cpus if choice.strategy == "mirrored" else 1)
    count = choice.devices or usual
    if count > there:
        raise InputError(f"Expected {count} {kind}s for --devices, found {there}.")
    numbers = tuple(range(count))
    if choice.strategy == "single" or (choice.strategy == "auto" and count == 1):
        return Resolved(strategy="single", kind=kind, numbers=(0,))
    return Resolved(strategy="mirrored", kind=kind, numbers=numbers)


def tf_config() -> bool:
    """Whether ``TF_CONFIG`` names several processes.

    Raises
    ------
    InputError
        If it cannot be read, or this process is none that trains.
    """
    return _tf_config()[1] > 1


def refuse_several_processes(what: str, cure: str = "unset it.") -> None:
    """Refuse a ``TF_CONFIG`` whose processes would train each trial together.

    Raises
    ------
    InputError
        With the cure.
    """
    if tf_config():
        raise InputError(
            f"Expected no TF_CONFIG of several processes with {what}: they would train "
            f"each trial together; {cure}"
        )


def tf_config_number() -> int:
    """Return which of the processes that ``TF_CONFIG`` names this is.

    TensorFlow counts the chief first, and then the workers; without a chief the first
    worker is it.

    Raises
    ------
    InputError
        If it cannot be read, or this process is none that trains.
    """
    return _tf_config()[0]


def _tf_config() -> tuple[int, int]:
    """Return this process's number and how many there are."""
    text = os.environ.get("TF_CONFIG", "")
    if not text:
        return 0, 1
    try:
        config = json_file.parse_object(text)
    except json_file.JsonDamageError as error:
        raise InputError(
            f"Expected a JSON object in TF_CONFIG, but {error}; mend it or unset it."
        ) from None
    counts = _count_tasks(config.get("cluster", {}))
    total = sum(counts.values())
    if total <= 1:  # this process alone, whatever it is called
        return 0, 1
    kind, index = _task(config.get("task"), counts)
    return index + (counts["chief"] if kind == "worker" else 0), total


def _count_tasks(cluster: Any) -> dict[str, int]:
    if not isinstance(cluster, dict) or not all(map(_is_addresses, cluster.values())):
        raise InputError(
            'Expected "cluster" of TF_CONFIG to be an object such as {"worker": '
            f'["host:port", ...]}}, got {json.dumps(cluster)}.'
        )
    odd = sorted(set(cluster) - set(_TRAINERS))
    if odd:
        raise InputError(
            f"Expected {' and '.join(_TRAINERS)} tasks in TF_CONFIG, got "
            f"{', '.join(odd)}; every process trains here, so leave them out."
        )
    counts = {kind: len(cluster.get(kind, [])) for kind in _TRAINERS}
    if counts["chief"] > 1:
        raise InputError(f"Expected one chief in TF_CONFIG, got {counts['chief']}.")
    return counts


def _is_addresses(value: Any) -> bool:
    return isinstance(value, list) and all(
        isinstance(address, str) for address in value
    )


def _task(task: Any, counts: dict[str, int]) -> tuple[str, int]:
    if not isinstance(task, dict):
        raise InputError(
            'Expected "task" of TF_CONFIG to be an object such as {"type": "worker", '
            f'"index": 0}}, got {json.dumps(task)}.'
        )
    kind: Any = task.get("type")
    index: Any = task.get("index")
    if kind not in _TRAINERS:
        raise InputError(
            f"Expected a task of type {' or '.join(_TRAINERS)} in TF_CONFIG, got "
            f"{json.dumps(kind)}; every process trains here."
        )
    whole = isinstance(index, int) and not isinstance(index, bool)
    if not whole or index not in range(counts[kind]):
        raise InputError(
            f"Expected a task's index below {counts[kind]}, the number of tasks of "
            f"type {kind}, in TF_CONFIG, got {json.dumps(index)}."
        )
    return str(kind), int(index)
