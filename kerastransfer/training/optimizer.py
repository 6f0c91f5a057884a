"""One optimiser with a rate and a decay of its own for every weight.

Scaling gradients instead would do nothing under Adam, and several optimisers would
have no common schedule or gradient norm; so the rate is scaled where it is used.
"""

import dataclasses
from typing import Any

import keras
import tensorflow as tf

from kerastransfer.recipe import Action
from kerastransfer.surgery import BlockPlan
from kerastransfer.training.presets import Preset


@dataclasses.dataclass(frozen=True, slots=True)
class Rule:
    """How one weight is updated.

    Parameters
    ----------
    factor : float
        Multiplies the learning rate, decay's included.
    decay : float
        Weight decay; 0 for biases and norms.
    """

    factor: float
    decay: float


class _PerWeight:
    """Mixed into a Keras optimiser: applies each weight's rule in its update."""

    rules: tuple[Rule, ...] = ()
    decoupled = False

    def update_step(
        self, gradient: tf.Tensor, variable: tf.Variable, learning_rate: tf.Tensor
    ) -> None:
        rule = self.rules[self._get_variable_index(variable)]  # type: ignore[attr-defined]
        rate = tf.cast(learning_rate, variable.dtype) * rule.factor
        if rule.decay and self.decoupled:
            variable.assign_sub(variable * (rate * rule.decay))
        elif rule.decay:
            gradient = gradient + rule.decay * variable
        super().update_step(gradient, variable, rate)  # type: ignore[misc]


@keras.saving.register_keras_serializable("kerastransfer")
class PerWeightAdamW(_PerWeight, keras.optimizers.Adam):
    """Adam with decoupled decay [1]_, and a factor and a decay for every weight.

    References
    ----------
    .. [1] I. Loshchilov, F. Hutter, "Decoupled Weight Decay Regularization", ICLR 2019,
       Algorithm 2; as in Keras, the decay is multiplied by the learning rate.
    """

    decoupled = True


@keras.saving.register_keras_serializable("kerastransfer")
class PerWeightSGD(_PerWeight, keras.optimizers.SGD):
    """SGD as Caffe does it: decay is added to the gradient, before the momentum."""


_CLASSES: dict[str, tuple[type[keras.optimizers.Optimizer], dict[str, Any]]] = {
    "adamw": (PerWeightAdamW, {}),
    "sgd": (PerWeightSGD, {"momentum": 0.9}),
}


def make(
    preset: Preset,
    weight_decay: float,
    trained: list[tuple[keras.Variable, BlockPlan]],
) -> keras.optimizers.Optimizer:
    """Make a new optimiser for the weights that a phase trains.

    Parameters
    ----------
    preset : Preset
        Kind, and factors of biases and of re-drawn blocks.
    weight_decay : float
        Of kernels.
    trained : list of (keras.Variable, BlockPlan)
        As `kerastransfer.surgery.trained_variables` lists them.

    Returns
    -------
    keras.optimizers.Optimizer
        Built for exactly these weights; its ``learning_rate`` is the loop's to set.
    """
    kind, options = _CLASSES[preset.optimizer]
    optimizer = kind(**options)
    optimizer.build([variable for variable, _ in trained])
    optimizer.rules = tuple(
        _rule(preset, weight_decay, variable, plan) for variable, plan in trained
    )
    return optimizer


def _rule(
    preset: Preset, weight_decay: float, variable: keras.Variable, plan: BlockPlan
) -> Rule:
    factor = plan.step.factor
    if plan.step.action is Action.REDRAW:
        factor *= preset.new_factor
    if variable.name == "bias":
        factor *= preset.bias_factor
    # Kernels have two axes or more; biases, scales and shifts one: undecayed.
    return Rule(factor, weight_decay if len(variable.shape) > 1 else 0.0)
