"""Which devices a user means. Needs no TensorFlow."""

import dataclasses
import json
import os
from typing import Any, Literal

from kerastransfer.errors import InputError

Strategy = Literal["auto", "single", "mirrored", "multiworker"]
STRATEGIES: tuple[Strategy, ...] = ("auto", "single", "mirrored", "multiworker")


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Choice:
    """What a user says of devices. It decides no result.

    Parameters
    ----------
    strategy : {'auto', 'single', 'mirrored', 'multiworker'}
    devices : int, optional
        How many of this machine; None for all GPUs, or one CPU. On a machine without a
        GPU, so many logical devices are made of its CPU.
    workers : tuple of str
        ``host:port`` of every process that takes part, the chief first.
    worker : int
        Which of them this is.
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
        if self.workers:
            return self.worker == 0
        return tf_config_index() == 0

    @property
    def several_processes(self) -> bool:
        """Whether other processes take part."""
        if self.strategy in ("single", "mirrored"):
            return False
        return bool(self.workers) or tf_config()


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Resolved:
    """What a choice comes to on a machine.

    Parameters
    ----------
    strategy : {'single', 'mirrored'}
    kind : {'GPU', 'CPU'}
    numbers : tuple of int
        Of this machine's devices of that kind.
    """

    strategy: Strategy
    kind: str
    numbers: tuple[int, ...]


def resolve(choice: Choice, *, num_gpus: int, num_cpus: int) -> Resolved:
    """Decide which devices of this machine to use, where no other process takes part.

    Parameters
    ----------
    choice : Choice
    num_gpus, num_cpus : int
        Logical devices there are.

    Returns
    -------
    Resolved

    Raises
    ------
    InputError
        If there are fewer devices than were asked for.
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
    """Whether ``TF_CONFIG`` names several workers."""
    return len(_tf_config().get("cluster", {}).get("worker", [])) > 1


def tf_config_index() -> int:
    """Return which of the workers that ``TF_CONFIG`` names this is."""
    return int(_tf_config().get("task", {}).get("index", 0))


def _tf_config() -> dict[str, Any]:
    text = os.environ.get("TF_CONFIG", "")
    if not text:
        return {}
    try:
        found = json.loads(text)
    except ValueError as error:
        raise InputError(f"Expected JSON in TF_CONFIG: {error}.") from None
    if not isinstance(found, dict):
        raise InputError("Expected a JSON object in TF_CONFIG.")
    return found
