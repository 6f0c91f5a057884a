"""Defaults that belong together. Needs no TensorFlow."""

import dataclasses

from kerastransfer.recipe import NUM_BLOCKS, Action, Phase

_DEEP = 5  # blocks, of which a fine-tuned one is learnt more slowly


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Preset:
    """Defaults that belong together.

    Parameters
    ----------
    optimizer : {'adamw', 'sgd'}
    head_rate : float
        Learning rate of a phase that trains the classifier alone.
    deep_rate : float
        Learning rate of a phase that fine-tunes one of blocks 1 to 5, before factors.
    learning_rate : float
        Learning rate of every other phase, before factors.
    schedule : {'cosine', 'step'}
    new_factor : float
        Multiplies the rate of re-drawn blocks.
    bias_factor : float
        Multiplies the rate of biases.
    """

    optimizer: str
    head_rate: float
    deep_rate: float
    learning_rate: float
    weight_decay: float
    schedule: str
    batch_size: int
    new_factor: float = 1.0
    bias_factor: float = 1.0

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


PRESETS: dict[str, Preset] = {
    "default": Preset(
        optimizer="adamw",
        head_rate=2e-3,
        deep_rate=1e-4,
        learning_rate=5e-4,
        weight_decay=0.01,
        schedule="cosine",
        batch_size=32,
    ),
    # The study's era: BVLC/caffe, models/finetune_flickr_style (solver and train_val).
    "caffe": Preset(
        optimizer="sgd",
        head_rate=1e-3,
        deep_rate=1e-3,
        learning_rate=1e-3,
        weight_decay=5e-4,
        schedule="step",
        batch_size=50,
        new_factor=10.0,
        bias_factor=2.0,
    ),
}
