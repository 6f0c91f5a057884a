"""Everything that decides a run's result, as one frozen value. Needs no TensorFlow."""

import dataclasses
import hashlib
import json
import math
import re
from collections.abc import Mapping
from pathlib import PurePath
from typing import Any, Self

from kerastransfer import views
from kerastransfer.errors import InputError, UnknownNameError
from kerastransfer.recipe import NUM_BLOCKS, Phase, Recipe
from kerastransfer.surgery import BATCH_NORMS, BatchNorm, frozen_prefix

AUGMENTS = ("views", "random")
# Fields with a value for each phase.
_PER_PHASE = ("epochs", "learning_rate")


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Preset:
    """Defaults that belong together.

    Parameters
    ----------
    optimizer : {'adamw', 'sgd'}
    head_rate : float
        Learning rate of a phase that trains the classifier alone.
    learning_rate : float
        Learning rate of every other phase, before factors.
    weight_decay : float
    schedule : {'cosine', 'step'}
    batch_size : int
    new_factor : float
        Multiplies the rate of re-drawn blocks.
    bias_factor : float
        Multiplies the rate of biases.
    """

    optimizer: str
    head_rate: float
    learning_rate: float
    weight_decay: float
    schedule: str
    batch_size: int
    new_factor: float = 1.0
    bias_factor: float = 1.0


PRESETS: dict[str, Preset] = {
    "default": Preset(
        optimizer="adamw",
        head_rate=5e-3,
        learning_rate=5e-4,
        weight_decay=0.01,
        schedule="cosine",
        batch_size=32,
    ),
    # The study's era: BVLC/caffe, models/finetune_flickr_style (solver and train_val).
    "caffe": Preset(
        optimizer="sgd",
        head_rate=1e-3,
        learning_rate=1e-3,
        weight_decay=5e-4,
        schedule="step",
        batch_size=50,
        new_factor=10.0,
        bias_factor=2.0,
    ),
}


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class TrainConfig:
    """A run. Devices, folders and caches are not in it: they decide no result.

    Parameters
    ----------
    dataset : str
        As given on the command line.
    records, weights : str
        Hashes of the records and of the source's weights (empty where none are used).
    images_per_class : int or None
        None for all there are.
    draw, seed : int
        Which training subset; what training's randomness follows from.
    backbone, recipe, preset : str
        Names; the recipe in its canonical spelling.
    epochs : tuple of int
        One a phase.
    learning_rate : tuple of float
        One a phase.
    batch_size : int
    weight_decay : float
    views : {1, 2, 5, 10}
    mirror : bool
        Whether a mirror image keeps its class.
    augment : {'views', 'random'}
    batch_norm : {'keep', 'adapt'}
    """

    dataset: str
    records: str
    weights: str
    images_per_class: int | None
    draw: int
    seed: int
    backbone: str
    recipe: str
    preset: str
    epochs: tuple[int, ...]
    learning_rate: tuple[float, ...]
    batch_size: int
    weight_decay: float
    views: int
    mirror: bool
    augment: str
    batch_norm: BatchNorm

    def __post_init__(self) -> None:
        phases = Recipe.parse(self.recipe).phases
        if self.preset not in PRESETS:
            raise UnknownNameError("preset", self.preset, PRESETS)
        if len(self.epochs) != len(phases) or min(self.epochs) < 1:
            raise InputError(
                f"Expected {len(phases)} --epochs, each 1 or more, for recipe "
                f"{self.recipe!r}, got {list(self.epochs)}."
            )
        rates = self.learning_rate
        if len(rates) != len(phases) or not all(0 < rate < math.inf for rate in rates):
            raise InputError(
                f"Expected {len(phases)} --learning-rate, each above 0, for recipe "
                f"{self.recipe!r}, got {list(rates)}."
            )
        if self.batch_size < 1:
            raise InputError(f"Expected --batch-size > 0, got {self.batch_size}.")
        if not 0 <= self.weight_decay < math.inf:
            raise InputError(f"Expected --weight-decay >= 0, got {self.weight_decay}.")
        _check_choice("--augment", self.augment, AUGMENTS)
        _check_choice("--batch-norm", self.batch_norm, BATCH_NORMS)
        if self.seed < 0 or self.draw < 0:
            raise InputError(
                f"Expected --seed and --draw >= 0, got {self.seed} and {self.draw}."
            )
        views.check(self.views, self.mirror)

    @property
    def hash(self) -> str:
        """SHA-256 of the config, in hexadecimal."""
        text = json.dumps(self.as_dict(), sort_keys=True)
        return hashlib.sha256(text.encode()).hexdigest()

    @property
    def run_name(self) -> str:
        """Folder name that says what the run is."""
        shots = "all" if self.images_per_class is None else self.images_per_class
        # Of a folder or a file the last name will do: the hash tells them apart.
        kind, _, path = self.dataset.partition(":")
        name = f"{kind}-{PurePath(path).stem}" if path else kind
        text = (
            f"{name}_{self.backbone}_{self.recipe}"
            f"_n{shots}_d{self.draw}_s{self.seed}_{self.hash[:8]}"
        )
        return re.sub(r"[^A-Za-z0-9._+@-]+", "-", text)

    def as_dict(self) -> dict[str, Any]:
        """Return the fields as JSON can hold them."""
        lists = {name: list(getattr(self, name)) for name in _PER_PHASE}
        return {**dataclasses.asdict(self), **lists}

    @classmethod
    def from_dict(cls, fields: dict[str, Any]) -> Self:
        """Read the fields back; the inverse of `as_dict`.

        Parameters
        ----------
        fields : dict

        Returns
        -------
        TrainConfig

        Raises
        ------
        InputError
            If a field is unknown or missing.
        """
        known = {field.name for field in dataclasses.fields(cls)}
        if set(fields) != known:
            odd = sorted(set(fields) ^ known)
            raise InputError(
                f"Expected a run's config with the fields {sorted(known)}, "
                f"got one that differs in {odd}."
            )
        return cls(**fields | {name: tuple(fields[name]) for name in _PER_PHASE})


def _check_choice(flag: str, value: str, choices: tuple[str, ...]) -> None:
    if value not in choices:
        raise InputError(f"Expected {flag} to be one of {choices}, got {value!r}.")


def head_only(phase: Phase) -> bool:
    """Return whether a phase trains the classifier alone.

    Parameters
    ----------
    phase : Phase

    Returns
    -------
    bool
    """
    return frozen_prefix(phase) == NUM_BLOCKS - 1


def default_epochs(phase: Phase, num_images: int, batch_size: int) -> int:
    """Choose how long to train a phase, from how much it has to see.

    Parameters
    ----------
    phase : Phase
        A classifier alone needs more steps than tuned layers do, and costs little.
    num_images, batch_size : int

    Returns
    -------
    int
        Epochs.
    """
    steps_an_epoch = math.ceil(num_images / batch_size)
    steps, least, most = (2000, 10, 200) if head_only(phase) else (200, 4, 40)
    return min(most, max(least, math.ceil(steps / steps_an_epoch)))


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Facts:
    """What a config's defaults depend on.

    Parameters
    ----------
    records, weights : str
        Hashes; see `TrainConfig`.
    num_images : int
        In the training subset.
    mirror : bool
        Whether a mirror image is known to keep its class.
    """

    records: str
    weights: str
    num_images: int
    mirror: bool


def resolve(chosen: Mapping[str, Any], facts: Facts) -> TrainConfig:
    """Fill what was not chosen with defaults.

    Parameters
    ----------
    chosen : mapping
        Fields of `TrainConfig` that the user set; at least ``dataset``, ``backbone``
        and ``recipe``. A single number of epochs, or rate, stands for every phase.
    facts : Facts
        Of the data and the weights at hand.

    Returns
    -------
    TrainConfig

    Raises
    ------
    InputError
        If a value is out of range, or if the config that was chosen names other
        records or weights than those at hand.
    """
    for name in ("records", "weights"):
        wanted, got = chosen.get(name), getattr(facts, name)
        if wanted is not None and wanted != got:
            raise InputError(
                f"Expected {name} with hash {wanted[:12]!r}, as the config says, got "
                f"{got[:12]!r}; take them from where the config was made, or leave "
                f"{name!r} out of it."
            )
    phases = Recipe.parse(chosen["recipe"]).phases
    name = chosen.get("preset", "default")
    if name not in PRESETS:
        raise UnknownNameError("preset", name, PRESETS)
    preset = PRESETS[name]
    defaults: dict[str, Any] = {
        "images_per_class": None,
        "draw": 0,
        "seed": 0,
        "preset": name,
        "batch_size": preset.batch_size,
        "weight_decay": preset.weight_decay,
        "views": 1,
        "mirror": facts.mirror,
        "augment": "views",
        "batch_norm": "keep",
    }
    fields = {**defaults, **chosen, "records": facts.records, "weights": facts.weights}
    fields["recipe"] = str(Recipe(phases))
    batch_size = max(1, fields["batch_size"])
    fields.setdefault(
        "epochs", [default_epochs(p, facts.num_images, batch_size) for p in phases]
    )
    fields.setdefault(
        "learning_rate",
        [preset.head_rate if head_only(p) else preset.learning_rate for p in phases],
    )
    for field in _PER_PHASE:
        if len(fields[field]) == 1:
            fields[field] = [*fields[field]] * len(phases)
    return TrainConfig.from_dict(fields)
