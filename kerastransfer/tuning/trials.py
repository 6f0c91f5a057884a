"""Trials of a search, kept in its folder and read back. Needs no TensorFlow."""

import dataclasses
from pathlib import Path
from typing import Any

import numpy as np

from kerastransfer.config.train_config import TrainConfig
from kerastransfer.errors import InputError
from kerastransfer.evaluation.intervals import Estimate, wilson
from kerastransfer.evaluation.paired import Comparison, compare
from kerastransfer.foundation import atomic, json_file
from kerastransfer.foundation.quoting import quoted

_RESULT = "trial_result.json"


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Trial:
    """A config and how good it was, on the validation set.

    Parameters
    ----------
    number : int
        From 1, in the order in which they were begun.
    wrong : tuple of int
        Validation images that were classified wrongly, by position.
    num_val : int
        Validation images.
    nll : float
        Mean negative log-likelihood, in nats.
    share : float
        Part of its epochs that was trained: less than 1 in Hyperband's first rounds.
    seconds : float
        Of training.
    """

    number: int
    config: TrainConfig
    wrong: tuple[int, ...]
    num_val: int
    nll: float
    share: float
    seconds: float

    @property
    def accuracy(self) -> Estimate:
        """Share of validation images that were right, with its interval."""
        return wilson(self.num_val - len(self.wrong), self.num_val)

    def compare(self, other: "Trial") -> Comparison:
        """Compare with another trial, image by image.

        Parameters
        ----------
        other : Trial
            Of the same search.
        """
        right = np.ones((2, self.num_val), np.int64)
        right[0, list(self.wrong)] = 0
        right[1, list(other.wrong)] = 0
        return compare(np.ones(self.num_val, np.int64), right[0], right[1])

    def as_dict(self) -> dict[str, Any]:
        """Return the fields as JSON can hold them."""
        config = self.config.as_dict()
        return {**dataclasses.asdict(self), "config": config, "wrong": [*self.wrong]}


def write(trial: Trial, folder: Path) -> None:
    """Keep a finished trial.

    Parameters
    ----------
    folder : Path
        The trial's own.
    """
    atomic.write_json(folder / _RESULT, trial.as_dict())


def find(folder: Path) -> Trial | None:
    """Read a trial that `write` left.

    Parameters
    ----------
    folder : Path
        The trial's own.

    Raises
    ------
    InputError
        If the file is not what `write` leaves.
    """
    path = folder / _RESULT
    return _read(path) if path.exists() else None


def read(folder: Path) -> list[Trial]:
    """Read the finished trials, the best first.

    Parameters
    ----------
    folder : Path
        The search's.

    Returns
    -------
    list of Trial
        Whole ones come before those that were cut short: only they can be chosen.

    Raises
    ------
    InputError
        If a file is not what `write` leaves.
    """
    return sorted(map(_read, folder.glob(f"trial_*/{_RESULT}")), key=_rank)


def _read(path: Path) -> Trial:
    try:
        fields = json_file.read_object(path)
        config = TrainConfig.from_dict(fields.pop("config"))
        wrong = tuple(fields.pop("wrong"))
        return Trial(config=config, wrong=wrong, **fields)
    except (ValueError, KeyError, TypeError) as error:
        raise InputError(f"Expected a trial in {quoted(path)}: {error}.") from None


def _rank(trial: Trial) -> tuple[bool, int, float, int]:
    return (trial.share < 1, len(trial.wrong), trial.nll, trial.number)
