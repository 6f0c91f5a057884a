"""Everything that decides a run's result, as one frozen value. Needs no TensorFlow."""

import dataclasses
import hashlib
import json
import re
from collections.abc import Mapping
from pathlib import PurePath
from typing import Any, Self

from kerastransfer import views
from kerastransfer.backbones import spec
from kerastransfer.backbones.default import WORDS
from kerastransfer.backbones.preprocessing import FITS, Fit
from kerastransfer.config import settings
from kerastransfer.config.presets import PRESETS
from kerastransfer.config.settings import Group, SearchScale, setting
from kerastransfer.errors import InputError, UnknownNameError
from kerastransfer.recipe import Recipe
from kerastransfer.surgery import BATCH_NORMS, BatchNorm


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class TrainConfig:
    """A run. Devices, folders and caches are not in it: they decide no result.

    Every field is declared once, here; a field without a default takes one that
    depends on the data or on the preset (`kerastransfer.config.defaults`). The table
    in ``docs/settings.md`` shows them all.
    """

    dataset: str = setting(
        help="The images: a known name, folder:DIR, csv:FILE, parquet:PATH or "
        "tfds:NAME.",
        group=Group.DATA,
        metavar="NAME",
        default_words="none; always needed",
    )
    records: str = setting(help="Hash of the records that were trained on.")
    weights: str = setting(help="Hash of the source's weights; empty if none are used.")
    mean_image: str = setting("", help="Hash of the mean image; empty without one.")
    images_per_class: int | None = setting(
        help="Training images of each class.",
        group=Group.DATA,
        metavar="N",
        default_words="all there are",
    )
    draw: int = setting(
        0,
        help="Which training subset is drawn; validation and test sets stay the same.",
        group=Group.DATA,
        metavar="D",
        range=settings.NOT_NEGATIVE,
    )
    seed: int = setting(
        0,
        help="What shuffling, views, dropout and re-drawn weights follow from.",
        group=Group.SCHEDULE,
        metavar="S",
        range=settings.SEED,
    )
    backbone: str = setting(
        help="The pretrained network.",
        group=Group.RECIPE,
        metavar="NAME",
        default_words=WORDS,
    )
    recipe: Recipe = setting(
        help="What happens to each block, such as F1-7R8, FT1-7R8 or F1-7R8+FT1-8.",
        group=Group.RECIPE,
        metavar="RECIPE",
        default_words="none; always needed",
    )
    preset: str = setting(
        help="Defaults that belong together: default, transformer, or caffe for the "
        "study's era.",
        group=Group.SCHEDULE,
        metavar="NAME",
        default_words="transformer for a transformer, else default",
    )
    epochs: tuple[int, ...] = setting(
        help="Passes over the training images, one number for each phase or for all.",
        group=Group.SCHEDULE,
        metavar="N[,N]",
        range=settings.ONE_OR_MORE,
        default_words="about 2,000 steps for a classifier alone, 200 for tuned blocks",
        search=SearchScale.HALF_TO_DOUBLE,
    )
    learning_rate: tuple[float, ...] = setting(
        help="Highest learning rate, one number for each phase or for all.",
        group=Group.SCHEDULE,
        metavar="X[,X]",
        range=settings.ABOVE_ZERO,
        default_words="the preset's: 0.002 for a classifier alone, 0.0001 where one of "
        "blocks 1 to 5 is fine-tuned, else 0.0005 (of a transformer 0.0002)",
        search=SearchScale.LOG_SCALE,
    )
    batch_size: int = setting(
        help="Images in one step.",
        group=Group.SCHEDULE,
        metavar="N",
        range=settings.ONE_OR_MORE,
        default_words="the preset's: 32",
    )
    weight_decay: float = setting(
        help="Weight decay of kernels; biases, norms, tokens and position embeddings "
        "are never decayed.",
        group=Group.SCHEDULE,
        metavar="X",
        range=settings.NOT_NEGATIVE,
        default_words="the preset's: 0.01, of a transformer 0.05, of a classifier "
        "alone 0.01",
        search=SearchScale.LOG_SCALE,
    )
    views: int = setting(
        1,
        help="Fixed crops of an image: centre (1), with its mirror image (2), centre "
        "and corners (5), or both (10).",
        group=Group.IMAGES,
        metavar="V",
        search=SearchScale.ALL_CHOICES,
    )
    mirror: bool = setting(
        help="Whether an image seen in a mirror is of the same class.",
        group=Group.IMAGES,
        metavar="yes|no",
        default_words="as the dataset says; no for images of your own",
    )
    augment: str = setting(
        "views",
        help="Train on fixed views, or on a new random crop in every epoch.",
        group=Group.IMAGES,
        choices=("views", "random"),
    )
    fit: Fit = setting(
        "crop",
        help="How an image that is not square is brought to the network: cut off what "
        "lies beyond the crop, or see it whole, with borders (pad) or warped (squash).",
        group=Group.IMAGES,
        choices=FITS,
        later=True,
    )
    batch_norm: BatchNorm = setting(
        "keep",
        help="In fine-tuned blocks, keep the source's batch statistics or adapt them.",
        group=Group.RECIPE,
        choices=BATCH_NORMS,
    )
    warmup: float = setting(
        0.0,
        help="Fraction of a phase's steps over which the learning rate rises from 0.",
        group=Group.SCHEDULE,
        metavar="X",
        range=settings.FRACTION,
        default_words="the preset's: 0; of a transformer 0.1 in every phase, unless "
        "the classifier alone is trained",
    )
    patience: tuple[int, ...] = setting(
        (),
        help="End a phase after so many epochs without a better one (0: never), one "
        "number for each phase or for all.",
        group=Group.SCHEDULE,
        metavar="N[,N]",
        range=settings.ZERO_OR_MORE,
        default_words="0",
    )
    label_smoothing: float = setting(
        0.0,
        help="Fraction of each label that is spread evenly over all classes.",
        group=Group.SCHEDULE,
        metavar="X",
        range=settings.FRACTION,
    )
    class_weights: str = setting(
        "none",
        help="With 'auto', every class counts as much as any other, however rare.",
        group=Group.SCHEDULE,
        choices=("none", "auto"),
    )
    clip_norm: float = setting(
        0.0,
        help="Largest norm of a step's gradient; 0 for no limit.",
        group=Group.SCHEDULE,
        metavar="X",
        range=settings.NOT_NEGATIVE,
        default_words="the preset's: 0; of a transformer 1 in every phase, unless the "
        "classifier alone is trained",
    )
    precision: str = setting(
        "float32",
        help="In what blocks from the first trained one up to the classifier compute "
        "in training's steps; weights, validation, caches and exports are float32.",
        group=Group.SCHEDULE,
        choices=("float32", "bfloat16", "float16"),
        later=True,
    )
    cache_dtype: str = setting(
        "float32",
        help="Precision in which frozen blocks' outputs are kept; float16 takes half "
        "the space.",
        group=Group.CACHE,
        choices=("float32", "float16"),
    )

    def __post_init__(self) -> None:
        if self.preset not in PRESETS:
            raise UnknownNameError("preset", self.preset, PRESETS)
        for field in dataclasses.fields(self):
            value = getattr(self, field.name)
            if field.name in PER_PHASE:
                settings.check_phases(field, value, self.recipe)
            else:
                settings.check_range(field, value)
        views.check(self.views, self.mirror)

    @property
    def hash(self) -> str:
        """SHA-256 of the config, in hexadecimal.

        Settings that came later count only where they differ from their default, so
        that runs from before have the hash and the name that they had.
        """
        fields = self.as_dict()
        for field in dataclasses.fields(self):
            later = settings.setting_of(field).later
            if later and getattr(self, field.name) == field.default:
                del fields[field.name]
        text = json.dumps(fields, sort_keys=True)
        return hashlib.sha256(text.encode()).hexdigest()

    @property
    def run_name(self) -> str:
        """Folder name that says what the run is."""
        shots = "all" if self.images_per_class is None else self.images_per_class
        # Of a folder or a file the last name will do: the hash tells them apart.
        kind, _, path = self.dataset.partition(":")
        name = f"{kind}-{PurePath(path).stem}" if path else kind
        text = (
            f"{name}_{spec.short(self.backbone)}_{self.recipe}"
            f"_n{shots}_d{self.draw}_s{self.seed}_{self.hash[:8]}"
        )
        return re.sub(r"[^A-Za-z0-9._+@-]+", "-", text)

    def as_dict(self) -> dict[str, Any]:
        """Return the fields as JSON can hold them; the recipe as text."""
        lists = {name: list(getattr(self, name)) for name in PER_PHASE}
        fields = {f.name: getattr(self, f.name) for f in dataclasses.fields(self)}
        return {**fields, "recipe": str(self.recipe), **lists}

    @classmethod
    def from_dict(cls, fields: Mapping[str, Any]) -> Self:
        """Read the fields back; the inverse of `as_dict`.

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
        recipe = Recipe.of(fields["recipe"])
        return cls(**{**fields, **lists, "recipe": recipe})


# Fields with a value for each phase, and those that are found and not chosen.
PER_PHASE = tuple(
    field.name
    for field in dataclasses.fields(TrainConfig)
    if settings.is_per_phase(field)
)
HASHES = tuple(
    field.name
    for field in dataclasses.fields(TrainConfig)
    if settings.setting_of(field).group is None
)


def check_types(fields: Mapping[str, Any]) -> None:
    """Refuse values of another type than their field's; see `settings.check_types`."""
    settings.check_types(TrainConfig, fields)
