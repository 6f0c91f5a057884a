"""What ``result.json`` says beside the run's own measurements."""

import importlib.metadata
from typing import Any

import numpy as np

from kerastransfer import __version__
from kerastransfer.config.train_config import TrainConfig
from kerastransfer.training.phase import PhaseResults
from kerastransfer.training.setup import RunRecords


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


def identity(config: TrainConfig, records: RunRecords) -> dict[str, Any]:
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


def ending(results: PhaseResults, kept_phase: int) -> dict[str, Any]:
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
