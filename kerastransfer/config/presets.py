"""Defaults that belong together. Needs no TensorFlow."""

import dataclasses

from kerastransfer.recipe import NUM_BLOCKS, Action, Phase, Recipe, Step

_DEEP = 5  # blocks, of which a fine-tuned one is learnt more slowly


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Preset:
    """Defaults that belong together.

    Parameters
    ----------
    origin : str
        Where they are from, as sentences.
    optimizer : {'adamw', 'sgd'}
    head_rate : float
        Learning rate of a phase that trains the classifier alone.
    deep_rate : float
        Learning rate of a phase that fine-tunes one of blocks 1 to 5, before factors.
    learning_rate : float
        Learning rate of every other phase, before factors.
    schedule : {'cosine', 'step'}
    weight_decay, head_decay : float
        Weight decay of a recipe; of one that trains the classifier alone.
    new_factor : float
        Multiplies the rate of re-drawn blocks.
    bias_factor : float
        Multiplies the rate of biases.
    layer_factor : float
        Multiplies the rate of a fine-tuned block once for each layer of its depth; see
        `kerastransfer.backbones.backbone.Backbone.depth`.
    warmup : float
        Fraction of a phase's steps over which the rate rises, where a recipe trains
        more than the classifier.
    clip_norm : float
        Largest norm of a step's gradient there; 0 for no limit.
    """

    origin: str
    optimizer: str
    head_rate: float
    deep_rate: float
    learning_rate: float
    weight_decay: float
    head_decay: float
    schedule: str
    batch_size: int
    new_factor: float = 1.0
    bias_factor: float = 1.0
    layer_factor: float = 1.0
    warmup: float = 0.0
    clip_norm: float = 0.0

    def rate_of(self, phase: Phase) -> float:
        """Return a phase's learning rate, before factors.

        Examples
        --------
        >>> first, second = Recipe.parse("F1-7R8+FT1-8").phases
        >>> PRESETS["default"].rate_of(first), PRESETS["default"].rate_of(second)
        (0.002, 0.0001)
        """
        if phase.frozen_prefix == NUM_BLOCKS - 1:
            return self.head_rate
        tuned = [step.action is Action.FINE_TUNE for step in phase.steps[:_DEEP]]
        return self.deep_rate if any(tuned) else self.learning_rate

    def factor_of(self, step: Step, depth: float) -> float:
        """Return what multiplies a phase's rate in one block, biases left aside.

        Parameters
        ----------
        depth : float
            The block's. A re-drawn one is not slowed by it: nothing of the source is in
            it that could be lost.

        Examples
        --------
        >>> tuned = Step(Action.FINE_TUNE, 0.1)
        >>> PRESETS["default"].factor_of(tuned, 2.0)
        0.1
        >>> round(PRESETS["transformer"].factor_of(tuned, 2.0), 5)  # 0.1 x 0.75 x 0.75
        0.05625
        """
        if step.action is Action.REDRAW:
            return step.factor * self.new_factor
        return step.factor * self.layer_factor**depth

    def steadying(self, recipe: Recipe) -> dict[str, float]:
        """Return weight decay, warm-up and limit of the gradient, for all phases.

        Examples
        --------
        >>> PRESETS["transformer"].steadying(Recipe.parse("F1-7R8+FT1-8"))
        {'weight_decay': 0.05, 'warmup': 0.1, 'clip_norm': 1.0}
        >>> PRESETS["transformer"].steadying(Recipe.parse("F1-7R8"))
        {'weight_decay': 0.01, 'warmup': 0.0, 'clip_norm': 0.0}
        """
        decay, warmup, norm = self.weight_decay, self.warmup, self.clip_norm
        if all(phase.frozen_prefix >= NUM_BLOCKS - 1 for phase in recipe.phases):
            decay, warmup, norm = self.head_decay, 0.0, 0.0
        return {"weight_decay": decay, "warmup": warmup, "clip_norm": norm}


PRESETS: dict[str, Preset] = {
    "default": Preset(
        origin="Rates and numbers of steps were chosen by this package's own trials of "
        "EfficientNet-Lite0 on small sets (BUILD_NOTES.md, docs/studies/modern).",
        optimizer="adamw",
        head_rate=2e-3,
        deep_rate=1e-4,
        learning_rate=5e-4,
        weight_decay=0.01,
        head_decay=0.01,
        schedule="cosine",
        batch_size=32,
    ),
    # The study's era: the solver and train_val of what it names.
    "caffe": Preset(
        origin="All are those of Caffe's example of fine-tuning (BVLC/caffe, "
        "models/finetune_flickr_style).",
        optimizer="sgd",
        head_rate=1e-3,
        deep_rate=1e-3,
        learning_rate=1e-3,
        weight_decay=5e-4,
        head_decay=5e-4,
        schedule="step",
        batch_size=50,
        new_factor=10.0,
        bias_factor=2.0,
    ),
    # Brought to batches of 32 by the rule that both papers use (rate in proportion to
    # the batch), ViT-B's rates are 6e-5 (MAE) and 1.2e-4 (BEiT). The rate where only
    # upper blocks are trained is ours, between theirs and that of a convolutional net.
    "transformer": Preset(
        origin="Rates that fall by layer, warm-up and weight decay are as BEiT (Bao et "
        "al. 2022) and MAE (He et al. 2022) are fine-tuned: 0.65 to 0.75 a layer, 6e-5 "
        "to 1.2e-4 for batches of 32, 5 to 20 % of the steps, 0.05. The limit of the "
        "gradient is that of ViT (Dosovitskiy et al. 2021). A recipe of a "
        "classifier alone is that of other networks.",
        optimizer="adamw",
        head_rate=2e-3,
        deep_rate=1e-4,
        learning_rate=2e-4,
        weight_decay=0.05,
        head_decay=0.01,
        schedule="cosine",
        batch_size=32,
        layer_factor=0.75,
        warmup=0.1,
        clip_norm=1.0,
    ),
}


def usual(*, transformer: bool) -> str:
    """Name the preset of a network of which nothing else was said.

    A ConvNeXt is no transformer here: rates that fall by layer are in its authors'
    fine-tuning too, but what they gain on few images was not measured. With
    ``--preset transformer`` each of a convolutional network's blocks is one layer.
    """
    return "transformer" if transformer else "default"
