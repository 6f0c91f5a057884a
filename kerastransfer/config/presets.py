"""Defaults that belong together. Needs no TensorFlow."""

import dataclasses


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
    schedule : {'cosine', 'step'}
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

    def rate_of(self, head_only: bool) -> float:
        """Return the learning rate of a phase that trains the classifier alone or not.

        Before factors.
        """
        return self.head_rate if head_only else self.learning_rate


PRESETS: dict[str, Preset] = {
    "default": Preset(
        optimizer="adamw",
        head_rate=2e-3,
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
