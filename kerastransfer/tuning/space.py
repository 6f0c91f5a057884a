"""What is searched: the recipe, and rates, factors, decay, epochs and views for it."""

import dataclasses
import math
from collections.abc import Mapping
from typing import Any

import keras_tuner

from kerastransfer.config.defaults import (
    DataSummary,
    default_epochs,
    preset_of,
    resolve,
)
from kerastransfer.config.presets import Preset
from kerastransfer.config.settings import SearchScale, setting_of
from kerastransfer.config.train_config import TrainConfig
from kerastransfer.recipe import Action, Phase, Recipe

# Around the preset's value: a tenth to ten times.
_AROUND = 10.0
_FACTORS = (1.0, 0.3, 0.1)
_LENGTHS = (0.5, 1.0, 2.0)
_DIGITS = 3  # of a rate; more would be noise
# The field that varies by recipe and phase, and what stands for the one of epochs.
_RATE, _LENGTH = "learning_rate", "length"


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Space:
    """What may vary.

    Parameters
    ----------
    recipes : tuple of str
        In their canonical spelling.
    chosen : mapping
        Fields of `TrainConfig` that the user set: they do not vary.
    summary : DataSummary
        Of the data and the weights at hand.
    """

    recipes: tuple[str, ...]
    chosen: Mapping[str, Any]
    summary: DataSummary

    def declare(self) -> keras_tuner.HyperParameters:
        """List the hyperparameters, those of a recipe under that recipe.

        What varies, and how, stands with each setting of `TrainConfig`.
        """
        hp = keras_tuner.HyperParameters()
        hp.Choice("recipe", list(self.recipes))
        for text in self.recipes:
            with hp.conditional_scope("recipe", [text]):
                self._declare_recipe(hp, text)
        for field in dataclasses.fields(TrainConfig):
            scale = setting_of(field).search
            if field.name in self.chosen or field.name == _RATE:
                continue
            if scale is SearchScale.LOG_SCALE:
                _log(hp, field.name, getattr(self._preset, field.name))
            elif scale is SearchScale.HALF_TO_DOUBLE:
                hp.Choice(_LENGTH, list(_LENGTHS), default=1.0)
            elif scale is SearchScale.ALL_CHOICES:
                hp.Choice(field.name, self._views())
        return hp

    def config(self, values: Mapping[str, Any], share: float = 1.0) -> TrainConfig:
        """Turn values into a config.

        Parameters
        ----------
        values : mapping of str to number or str
            Of the hyperparameters.
        share : float
            Part of the epochs that are to be trained: 0 to 1.
        """
        text = values["recipe"]
        phases = Recipe.parse(text).phases
        fields = dict(self.chosen)
        factor = values.get(f"{text}: factor", 1.0)
        fields["recipe"] = str(Recipe(tuple(_scaled(p, factor) for p in phases)))
        names = [_rate_name(text, phase) for phase in phases]
        if names[0] in values:
            fields[_RATE] = [_rounded(values[name]) for name in names]
        for field in dataclasses.fields(TrainConfig):
            if field.name in values and field.name != "recipe":
                value = values[field.name]
                exact = not isinstance(value, float)
                fields[field.name] = value if exact else _rounded(value)
        size = fields.get("batch_size") or self._preset.batch_size
        epochs = fields.get("epochs") or [
            values[_LENGTH] * default_epochs(phase, self.summary.num_images, size)
            for phase in phases
        ]
        fields["epochs"] = [max(1, math.ceil(share * count)) for count in epochs]
        return resolve(fields, self.summary)

    @property
    def _preset(self) -> Preset:
        return preset_of(self.chosen, self.summary)[1]

    def _views(self) -> list[int]:
        mirror = bool(self.chosen.get("mirror", self.summary.mirror))
        return [1, 2, 5, 10] if mirror else [1, 5]

    def _declare_recipe(self, hp: keras_tuner.HyperParameters, text: str) -> None:
        phases = Recipe.parse(text).phases
        if _RATE not in self.chosen:  # one for each phase, in the recipe's own scope
            for phase in dict.fromkeys(phases):
                usual = self._preset.rate_of(phase)
                _log(hp, _rate_name(text, phase), usual)
        if any(_scalable(phase) for phase in phases):
            hp.Choice(f"{text}: factor", list(_FACTORS))


def _rate_name(text: str, phase: Phase) -> str:
    return f"{text}: learning_rate of {phase}"


def _log(hp: keras_tuner.HyperParameters, name: str, usual: float) -> None:
    low, high = usual / _AROUND, usual * _AROUND
    hp.Float(name, low, high, sampling="log", default=usual)


def _rounded(value: float) -> float:
    return float(f"{value:.{_DIGITS}g}")


def _scalable(phase: Phase) -> bool:
    """Whether blocks are fine-tuned beside re-drawn ones, with no factor given."""
    actions = {step.action for step in phase.steps}
    given = any(step.factor != 1 for step in phase.steps)
    return {Action.FINE_TUNE, Action.REDRAW} <= actions and not given


def _scaled(phase: Phase, factor: float) -> Phase:
    if not _scalable(phase):
        return phase
    steps = tuple(
        dataclasses.replace(step, factor=factor)
        if step.action is Action.FINE_TUNE
        else step
        for step in phase.steps
    )
    return Phase(steps)
