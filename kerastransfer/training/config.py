"""Everything that decides a run's result, as one frozen value. Needs no TensorFlow."""

import dataclasses
import hashlib
import json
import math
import re
from pathlib import PurePath
from typing import Any, Self

from kerastransfer import views
from kerastransfer.errors import InputError, UnknownNameError
from kerastransfer.recipe import Recipe
from kerastransfer.surgery import BATCH_NORMS, BatchNorm
from kerastransfer.training.presets import PRESETS

AUGMENTS = ("views", "random")
# Fields with a value for each phase.
PER_PHASE = ("epochs", "learning_rate")


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class TrainConfig:
    """A run. Devices, folders and caches are not in it: they decide no result.

    Parameters
    ----------
    dataset : str
        As given on the command line.
    records, weights, mean_image : str
        Hashes of the records, of the source's weights (empty where none are used) and
        of the mean image (empty where the mean pixel is subtracted).
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
    mean_image: str = ""
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
        lists = {name: list(getattr(self, name)) for name in PER_PHASE}
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
        return cls(**fields | {name: tuple(fields[name]) for name in PER_PHASE})


def _check_choice(flag: str, value: str, choices: tuple[str, ...]) -> None:
    if value not in choices:
        raise InputError(f"Expected {flag} to be one of {choices}, got {value!r}.")
