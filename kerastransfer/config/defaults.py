"""A config from what the user chose, and defaults for the rest. Needs no TensorFlow."""

import dataclasses
import math
from collections.abc import Mapping
from typing import Any

from kerastransfer.config.presets import PRESETS, Preset, usual
from kerastransfer.config.train_config import (
    HASHES,
    PER_PHASE,
    TrainConfig,
    check_types,
)
from kerastransfer.errors import InputError, UnknownNameError
from kerastransfer.foundation.quoting import quoted
from kerastransfer.recipe import NUM_BLOCKS, Phase, Recipe
from kerastransfer.surgery import frozen_prefix


def head_only(phase: Phase) -> bool:
    """Return whether a phase trains the classifier alone."""
    return frozen_prefix(phase) == NUM_BLOCKS - 1


def default_epochs(phase: Phase, num_images: int, batch_size: int) -> int:
    """Choose how long to train a phase, from how much it has to see.

    Parameters
    ----------
    phase : Phase
        A classifier alone needs more steps than tuned layers do, and costs little.

    Returns
    -------
    int
        Epochs.
    """
    steps_an_epoch = math.ceil(num_images / batch_size)
    steps, least, most = (2000, 10, 200) if head_only(phase) else (200, 4, 40)
    return min(most, max(least, math.ceil(steps / steps_an_epoch)))


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class DataSummary:
    """What a config's defaults depend on.

    Parameters
    ----------
    records, weights, mean_image : str
        Hashes; see `TrainConfig`.
    num_images : int
        In the training subset.
    mirror : bool
        Whether a mirror image is known to keep its class.
    transformer : bool
        Whether the network is one.
    """

    records: str
    weights: str
    num_images: int
    mirror: bool
    mean_image: str = ""
    transformer: bool = False


def preset_of(chosen: Mapping[str, Any], summary: DataSummary) -> tuple[str, Preset]:
    """Return the preset that was chosen, else the network's usual one, and its name.

    Raises
    ------
    UnknownNameError
        If there is no such preset.
    """
    name = chosen.get("preset", usual(transformer=summary.transformer))
    if name not in PRESETS:
        raise UnknownNameError("preset", name, PRESETS)
    return name, PRESETS[name]


def check(chosen: Mapping[str, Any], *, mirror: bool = True) -> None:
    """Refuse what is wrong whatever the data are; before they are looked at.

    Parameters
    ----------
    chosen : mapping
        As for `resolve`.
    mirror : bool
        Whether a mirror image keeps its class, for all that is known.

    Raises
    ------
    InputError
        As `resolve` does, but for other hashes.
    """
    hashes = {name: chosen.get(name, "") for name in HASHES}
    resolve(chosen, DataSummary(**hashes, num_images=1, mirror=mirror))


def resolve(chosen: Mapping[str, Any], summary: DataSummary) -> TrainConfig:
    """Fill what was not chosen with defaults.

    Parameters
    ----------
    chosen : mapping
        Fields of `TrainConfig` that the user set; at least ``dataset``, ``backbone``
        and ``recipe``. A single number of epochs, or rate, stands for every phase.
    summary : DataSummary
        Of the data and the weights at hand.

    Raises
    ------
    InputError
        If a value is out of range or of another type, or if the config that was chosen
        names other records, weights or mean image than those at hand.
    """
    check_types(chosen)
    hashes = {name: getattr(summary, name) for name in HASHES}
    for name, got in hashes.items():
        wanted = chosen.get(name)
        if wanted is not None and wanted != got:
            raise InputError(
                f"Expected {name} with hash {quoted(wanted[:12])}, as the config says, "
                f"got {quoted(got[:12])}; take them from where the config was made, or "
                f"leave {quoted(name)} out of it."
            )
    recipe = Recipe.of(chosen["recipe"])
    name, preset = preset_of(chosen, summary)
    depending: dict[str, Any] = {
        "images_per_class": None,
        "preset": name,
        "batch_size": preset.batch_size,
        **preset.steadying(recipe),
        "mirror": summary.mirror,
        "patience": [0],
    }
    fields = {**depending, **chosen, **hashes, "recipe": recipe}
    batch_size = max(1, fields["batch_size"])
    fields.setdefault(
        "epochs",
        [default_epochs(p, summary.num_images, batch_size) for p in recipe.phases],
    )
    fields.setdefault(
        "learning_rate", [preset.rate_of(phase) for phase in recipe.phases]
    )
    for field in PER_PHASE:
        if len(fields[field]) == 1:
            fields[field] = [*fields[field]] * len(recipe.phases)
    return TrainConfig.from_dict(fields)
