"""Everything that decides a run's result, as one frozen value. Needs no TensorFlow."""

import dataclasses
import hashlib
import json
import math
import re
from collections.abc import Callable, Mapping
from pathlib import PurePath
from typing import Any, Self

from kerastransfer import views
from kerastransfer.errors import InputError, UnknownNameError
from kerastransfer.recipe import Recipe
from kerastransfer.surgery import BATCH_NORMS, BatchNorm
from kerastransfer.training.presets import PRESETS

AUGMENTS = ("views", "random")
CLASS_WEIGHTS = ("none", "auto")
CACHES = ("auto", "on", "off")
CACHE_DTYPES = ("float32", "float16")

# What decides no result, and so is no field of a config.
CACHE_LIMIT = 20 * 2**30  # bytes of one cache
CHECKPOINT_EVERY = 60.0  # seconds

# What each field must be, in words and as a check.
_Range = tuple[str, Callable[[float], bool]]
_PHASE_RANGES: dict[str, _Range] = {
    "epochs": ("1 or more", lambda x: x >= 1),
    "learning_rate": ("above 0", lambda x: 0 < x < math.inf),
    "patience": ("0 or more", lambda x: x >= 0),
}
_RANGES: dict[str, _Range] = {
    "batch_size": ("> 0", lambda x: x > 0),
    "weight_decay": (">= 0", lambda x: 0 <= x < math.inf),
    "warmup": ("from 0 to below 1", lambda x: 0 <= x < 1),
    "label_smoothing": ("from 0 to below 1", lambda x: 0 <= x < 1),
    "clip_norm": (">= 0", lambda x: 0 <= x < math.inf),
    "seed": (">= 0 and below 2**32", lambda x: 0 <= x < 2**32),  # as NumPy's
    "draw": (">= 0", lambda x: x >= 0),
}
_CHOICES = {
    "augment": AUGMENTS,
    "class_weights": CLASS_WEIGHTS,
    "cache_dtype": CACHE_DTYPES,
    "batch_norm": BATCH_NORMS,
}
HASHES = ("records", "weights", "mean_image")  # fields that have no flags
# Fields with a value for each phase.
PER_PHASE = tuple(_PHASE_RANGES)


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
    warmup : float
        Part of a phase's steps in which the rate rises from 0; a fraction.
    patience : tuple of int
        One a phase: epochs without a better one after which it ends; 0 for all.
    label_smoothing : float
        Share of each label that is spread over all classes.
    class_weights : {'none', 'auto'}
        Whether rare classes weigh more.
    clip_norm : float
        Most that the gradient's norm may be; 0 for anything.
    views : {1, 2, 5, 10}
    mirror : bool
        Whether a mirror image keeps its class.
    augment : {'views', 'random'}
    batch_norm : {'keep', 'adapt'}
    cache_dtype : {'float32', 'float16'}
        How a frozen prefix's outputs are kept, if they are.
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
    warmup: float = 0.0
    patience: tuple[int, ...] = ()
    label_smoothing: float = 0.0
    class_weights: str = "none"
    clip_norm: float = 0.0
    cache_dtype: str = "float32"

    def __post_init__(self) -> None:
        if self.preset not in PRESETS:
            raise UnknownNameError("preset", self.preset, PRESETS)
        self._check_phases()
        for field, (wanted, holds) in _RANGES.items():
            value = getattr(self, field)
            if not holds(value):
                raise InputError(f"Expected {_flag(field)} {wanted}, got {value}.")
        for field, choices in _CHOICES.items():
            value = getattr(self, field)
            if value not in choices:
                raise InputError(
                    f"Expected {_flag(field)} to be one of {choices}, got {value!r}."
                )
        views.check(self.views, self.mirror)

    def _check_phases(self) -> None:
        count = len(Recipe.parse(self.recipe).phases)
        for field, (wanted, holds) in _PHASE_RANGES.items():
            values = getattr(self, field)
            none = field == "patience" and not values
            if not none and not (len(values) == count and all(map(holds, values))):
                raise InputError(
                    f"Expected {count} {_flag(field)}, each {wanted}, for recipe "
                    f"{self.recipe!r}, got {list(values)}."
                )

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
            If a field is unknown or of another type, or one without a default is
            missing.
        """
        known = {field.name for field in dataclasses.fields(cls)}
        optional = {
            field.name
            for field in dataclasses.fields(cls)
            if field.default is not dataclasses.MISSING
        }
        odd = sorted((set(fields) ^ known) - (optional - set(fields)))
        if odd:
            raise InputError(
                f"Expected a run's config with the fields {sorted(known)}, "
                f"got one that differs in {odd}."
            )
        check_types(fields)
        lists = {name: tuple(fields[name]) for name in PER_PHASE if name in fields}
        return cls(**fields | lists)


def check_types(fields: Mapping[str, Any]) -> None:
    """Refuse values of another type than their field's; ranges are not looked at.

    Parameters
    ----------
    fields : mapping
        Some of `TrainConfig`'s, as JSON or flags gave them; others are passed over.

    Raises
    ------
    InputError
        Naming the first that does not fit.
    """
    for field in dataclasses.fields(TrainConfig):
        wanted, holds = _TYPES[field.type]
        if field.name in fields and not holds(fields[field.name]):
            name = field.name if field.name in HASHES else _flag(field.name)
            got = fields[field.name]
            raise InputError(f"Expected {name} to be {wanted}, got {got!r}.")


def _is_text(value: Any) -> bool:
    return isinstance(value, str)


def _is_whole(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _all(holds: Callable[[Any], bool], values: Any) -> bool:
    return isinstance(values, list | tuple) and all(map(holds, values))


# What a field's type means to a user, and a check, for JSON holds anything.
_TYPES: dict[Any, tuple[str, Callable[[Any], bool]]] = {
    str: ("text", _is_text),
    BatchNorm: ("text", _is_text),
    bool: ("yes or no (true or false in JSON)", lambda x: isinstance(x, bool)),
    int: ("a whole number", _is_whole),
    int | None: ("a whole number", lambda x: x is None or _is_whole(x)),
    float: ("a number", _is_number),
    tuple[int, ...]: ("a list of whole numbers", lambda x: _all(_is_whole, x)),
    tuple[float, ...]: ("a list of numbers", lambda x: _all(_is_number, x)),
}


def _flag(field: str) -> str:
    return f"--{field.replace('_', '-')}"
