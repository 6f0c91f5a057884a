"""What a preset does to a recipe, in sentences. Needs no TensorFlow."""

import dataclasses

from kerastransfer.config import settings
from kerastransfer.config.presets import PRESETS, Preset, usual
from kerastransfer.config.train_config import TrainConfig
from kerastransfer.recipe import Recipe

_OPTIMIZERS = {"adamw": "AdamW", "sgd": "SGD with momentum 0.9"}
(_LENGTH,) = (
    settings.default_words(field)
    for field in dataclasses.fields(TrainConfig)
    if field.name == "epochs"
)
_SCHEDULES = {
    "cosine": "falls along half a cosine towards 0",
    "step": "falls to a tenth after each fifth of the phase",
}


def sentences(name: str, recipe: Recipe, num_layers: int) -> list[str]:
    """Say what a recipe is trained with where nothing else is chosen, and from where.

    Parameters
    ----------
    name : str
        A preset's.
    num_layers : int
        The network's layers as a transformer; 0 for another network.

    Examples
    --------
    >>> for line in sentences("caffe", Recipe.parse("F1-7R8"), 0):
    ...     print(line)
    Defaults: --preset caffe. Whatever is set otherwise wins.
    SGD with momentum 0.9, batches of 50, weight decay 0.0005, which spares biases and norms.
    Length of a phase: about 2,000 steps for a classifier alone, 200 for tuned blocks.
    In a phase the learning rate falls to a tenth after each fifth of the phase.
    Re-drawn blocks learn 10 times as fast, biases 2 times.
    All are those of Caffe's example of fine-tuning (BVLC/caffe, models/finetune_flickr_style).
    """  # noqa: E501 - as it is printed
    preset = PRESETS[name]
    spared = "biases and norms"
    if num_layers:
        spared = "biases, norms, layer scales, tokens and position embeddings"
    return [
        _chosen(name, num_layers),
        f"{_OPTIMIZERS[preset.optimizer]}, batches of {preset.batch_size}, weight "
        f"decay {preset.steadying(recipe)['weight_decay']:g}, which spares {spared}.",
        f"Length of a phase: {_LENGTH}.",
        _schedule(preset, recipe),
        *_factors(preset, num_layers),
        preset.origin,
    ]


def _chosen(name: str, num_layers: int) -> str:
    why = ""
    if name == usual(transformer=num_layers > 0):
        why = ", for a network that is no transformer"
        if num_layers:
            why = f", for a transformer of {num_layers} layers"
    return f"Defaults: --preset {name}{why}. Whatever is set otherwise wins."


def _schedule(preset: Preset, recipe: Recipe) -> str:
    steady, falls = preset.steadying(recipe), _SCHEDULES[preset.schedule]
    if not steady["warmup"]:
        return f"In a phase the learning rate {falls}."
    text = (
        f"In a phase the learning rate rises over the first {steady['warmup']:.0%} of "
        f"the steps, then {falls}"
    )
    if steady["clip_norm"]:
        text += f"; a step's gradient has a norm of {steady['clip_norm']:g} at most"
    return f"{text}."


def _factors(preset: Preset, num_layers: int) -> list[str]:
    lines = []
    if preset.layer_factor != 1:
        each = "layer from the classifier down to its middle"
        if not num_layers:
            each = "block from the classifier down to it"
        lines.append(
            f"The rate of a fine-tuned block is multiplied by {preset.layer_factor:g} "
            f"once for each {each}; a re-drawn block is not slowed."
        )
    if (preset.new_factor, preset.bias_factor) != (1, 1):
        lines.append(
            f"Re-drawn blocks learn {preset.new_factor:g} times as fast, biases "
            f"{preset.bias_factor:g} times."
        )
    return lines or ["All blocks learn at the phase's rate, but for factors (@)."]
