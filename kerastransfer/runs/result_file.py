"""What ``result.json`` says beside the run's own measurements, and how it is read."""

import importlib.metadata
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from kerastransfer import __version__
from kerastransfer.config.train_config import TrainConfig
from kerastransfer.errors import InputError
from kerastransfer.export.seals import RESULT
from kerastransfer.foundation import json_file
from kerastransfer.foundation.quoting import quoted

if TYPE_CHECKING:
    from kerastransfer.training.phase import PhaseResults
    from kerastransfer.training.setup import RunRecords


# Without these a result is none.
_NEEDED = {"recipe", "dataset", "backbone", "test", "probe"}


def chosen(config: TrainConfig) -> dict[str, Any]:
    """Return the settings by which results are told apart."""
    return {
        "recipe": str(config.recipe),
        "backbone": config.backbone,
        "dataset": config.dataset,
        "images_per_class": config.images_per_class,
        "seed": config.seed,
        "draw": config.draw,
    }


def identity(config: TrainConfig, records: "RunRecords") -> dict[str, Any]:
    """Say what ran, on what, with which releases."""
    positions = records.positions(config.images_per_class, config.draw)["train"]
    counts = np.bincount(
        records.labels("train")[positions], minlength=len(records.classes)
    )
    return {
        **chosen(config),
        "config_hash": config.hash,
        "train_counts": dict(zip(records.classes, counts.tolist(), strict=True)),
        "versions": {"kerastransfer": __version__}
        | {
            name: importlib.metadata.version(name)
            for name in ("tensorflow", "keras", "numpy")
        },
    }


def ending(results: "PhaseResults", kept_phase: int) -> dict[str, Any]:
    """Say how training ended.

    Parameters
    ----------
    results : tuple of PhaseResult
        Of the phases that were begun.
    kept_phase : int
        Number, from 1, of the phase whose weights are the run's.
    """
    return {
        "phases": [phase.as_dict() for phase in results],
        "kept_phase": kept_phase,
        "stopped": results[-1].stopped.value,
    }


def read_result(folder: Path) -> dict[str, Any] | None:
    """Return a finished run's ``result.json``, or None where there is none.

    Raises
    ------
    InputError
        If the file is damaged.
    """
    return read_fields(folder / RESULT, _NEEDED, "a run's result")


def read_fields(path: Path, needed: set[str], what: str) -> dict[str, Any] | None:
    """Read a result that is written last of all, or None where it is not there.

    Parameters
    ----------
    needed : set of str
        Without these keys it is none.
    what : str
        What it is, for messages.

    Raises
    ------
    InputError
        If the file is damaged.
    """
    if not path.is_file():
        return None
    try:
        result = json_file.read_object(path)
        if not result.keys() >= needed:
            raise ValueError(f"{sorted(needed - result.keys())} are not there")
    except ValueError as error:
        raise InputError(
            f"Expected {what} in {quoted(path)}: {error}; --restart trains it again."
        ) from None
    return result
