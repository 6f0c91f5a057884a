"""One optimiser with a rate and a decay of its own for every weight.

Scaling gradients instead would do nothing under Adam, and several optimisers would
have no common schedule or gradient norm; so the rate is scaled where it is used.
"""

import dataclasses
from collections.abc import Iterable, Sequence
from typing import Any

import keras
import tensorflow as tf

from kerastransfer.config.presets import Preset
from kerastransfer.errors import InputError
from kerastransfer.surgery import BlockPlan


@dataclasses.dataclass(frozen=True, slots=True)
class Rule:
    """How one weight is updated.

    Parameters
    ----------
    factor : float
        Multiplies the learning rate, and with it the decay.
    decay : float
        Weight decay; 0 for biases and norms.
    """

    factor: float
    decay: float


class PerWeightOptimizer(keras.optimizers.Optimizer):
    """What both kinds share: rules, a rate given with each step, summed gradients."""

    rules: tuple[Rule, ...] = ()
    _rate: tf.Tensor | None = None
    _finite: tf.Tensor | None = None

    def apply(
        self,
        gradients: Sequence[tf.Tensor],
        variables: Sequence[keras.Variable] | None = None,
        *,
        rate: tf.Tensor | None = None,
        finite: tf.Tensor | None = None,
    ) -> None:
        """Update weights.

        Parameters
        ----------
        gradients : sequence of tensors
            Summed over all replicas.
        variables : sequence of keras.Variable, optional
            Those that the optimiser was made for, in the same order.
        rate : scalar tensor, optional
            The learning rate of this step before factors, as a part of the graph; by
            default the optimiser's ``learning_rate``.
        finite : scalar bool tensor, optional
            Where it is false, nothing is updated and no step is counted.
        """
        # Updates take it from here: where Keras handed it on, as it does its own, sums
        # over devices would round in another way.
        self._rate, self._finite = rate, finite
        try:
            super().apply(gradients, variables)
        finally:
            self._rate = self._finite = None
        if finite is not None:
            skipped = tf.cast(~finite, self.iterations.dtype)
            self.iterations.assign(self.iterations.value - skipped)

    def update_step(
        self, gradient: tf.Tensor, variable: tf.Variable, learning_rate: tf.Tensor
    ) -> None:
        """Update one weight by its rule, unless the step is skipped."""
        rule = self.rules[self._get_variable_index(variable)]

        def update() -> None:
            self._update(gradient, variable, learning_rate, rule)

        if self._finite is None:
            update()
        else:
            tf.cond(self._finite, update, lambda: None)

    def leave(self, indices: Iterable[int]) -> None:
        """Decay these weights no more, by their places among the trained ones."""
        rules = [*self.rules]
        for index in indices:
            rules[index] = dataclasses.replace(rules[index], decay=0.0)
        self.rules = tuple(rules)

    def rate_before_factors(self, learning_rate: tf.Tensor) -> tf.Tensor:
        """Return the rate that `apply` was given, else Keras's own."""
        return learning_rate if self._rate is None else self._rate

    def _all_reduce_sum_gradients(
        self, pairs: list[tuple[tf.Tensor, tf.Variable]]
    ) -> list[tuple[tf.Tensor, tf.Variable]]:
        """Leave gradients as they are: the step has summed them over all replicas.

        Keras would do it here, after clipping, and then the norm that is clipped would
        be that of a replica's share.
        """
        return pairs


@keras.saving.register_keras_serializable("kerastransfer")
class PerWeightAdamW(PerWeightOptimizer, keras.optimizers.Adam):
    """Adam with decoupled decay [1]_, and a factor and a decay for every weight.

    References
    ----------
    .. [1] I. Loshchilov, F. Hutter, "Decoupled Weight Decay Regularization", ICLR 2019,
       Algorithm 2; as in Keras, the decay is multiplied by the learning rate.
    """

    def _update(
        self,
        gradient: tf.Tensor,
        variable: tf.Variable,
        learning_rate: tf.Tensor,
        rule: Rule,
    ) -> None:
        index, dtype = self._get_variable_index(variable), variable.dtype
        rate = tf.cast(self.rate_before_factors(learning_rate), dtype) * rule.factor
        if rule.decay:
            variable.assign_sub(variable * (rate * rule.decay))
        step = tf.cast(self.iterations + 1, dtype)
        # TensorFlow's own kernel makes one pass over memory where Keras's formula, the
        # same one, makes many: on AlexNet's weights it is about four times faster.
        tf.raw_ops.ResourceApplyAdam(
            var=variable.handle,
            m=self._momentums[index].value.handle,
            v=self._velocities[index].value.handle,
            beta1_power=tf.pow(tf.cast(self.beta_1, dtype), step),
            beta2_power=tf.pow(tf.cast(self.beta_2, dtype), step),
            lr=rate,
            beta1=tf.cast(self.beta_1, dtype),
            beta2=tf.cast(self.beta_2, dtype),
            epsilon=tf.cast(self.epsilon, dtype),
            grad=gradient,
        )


@keras.saving.register_keras_serializable("kerastransfer")
class PerWeightSGD(PerWeightOptimizer, keras.optimizers.SGD):
    """SGD as Caffe does it: decay is added to the gradient, before the momentum."""

    def _update(
        self,
        gradient: tf.Tensor,
        variable: tf.Variable,
        learning_rate: tf.Tensor,
        rule: Rule,
    ) -> None:
        if rule.decay:
            gradient = gradient + rule.decay * variable
        rate = tf.cast(self.rate_before_factors(learning_rate), variable.dtype)
        rate *= rule.factor
        keras.optimizers.SGD.update_step(self, gradient, variable, rate)


_SPARED = ("bias", "gamma", "beta", "embed", "token", "position", "pos_")
_CLASSES: dict[str, tuple[type[PerWeightOptimizer], dict[str, Any]]] = {
    "adamw": (PerWeightAdamW, {}),
    "sgd": (PerWeightSGD, {"momentum": 0.9}),
}


def make(
    preset: Preset,
    weight_decay: float,
    trained: list[tuple[keras.Variable, BlockPlan]],
) -> PerWeightOptimizer:
    """Make a new optimiser for the weights that a phase trains.

    Parameters
    ----------
    preset : Preset
        Kind of optimiser, and rate factors of blocks and of biases.
    weight_decay : float
        Weight decay of kernels; biases and norms have none.
    trained : list of (keras.Variable, BlockPlan)
        As `kerastransfer.surgery.trained_variables` lists them.

    Returns
    -------
    PerWeightOptimizer
        Built for exactly these weights.
    """
    kind, options = _CLASSES[preset.optimizer]
    optimizer = kind(**options)
    optimizer.build([variable for variable, _ in trained])
    optimizer.rules = tuple(
        _rule(preset, weight_decay, variable, plan) for variable, plan in trained
    )
    return optimizer


def connected(
    gradients: Sequence[tf.Tensor | None],
    trained: Sequence[tuple[keras.Variable, BlockPlan]],
    optimizer: PerWeightOptimizer,
) -> list[tf.Tensor]:
    """Fill in the gradients of weights that the loss does not depend on.

    Parameters
    ----------
    gradients : sequence of tensor or None
        Of each weight; None where the loss does not depend on it.
    trained : sequence of (keras.Variable, BlockPlan)
        As `make` was given them.
    optimizer : PerWeightOptimizer
        It decays no weight that the loss does not depend on, such as DINOv2's token of
        masked patches: such a weight stays as it is.

    Returns
    -------
    list of tensor
        0 for such weights, so that several devices have one to sum.

    Raises
    ------
    InputError
        If the loss depends on no weight of a block.
    """
    reached = {
        plan.block
        for gradient, (_, plan) in zip(gradients, trained, strict=True)
        if gradient is not None
    }
    for block in sorted({plan.block for _, plan in trained} - reached):
        raise InputError(
            f"Expected block {block} to be trained, and the loss depends on none of "
            "its weights (a layer stops gradients); freeze it (F), or mend the network."
        )
    optimizer.leave(index for index, part in enumerate(gradients) if part is None)
    return [
        tf.zeros_like(variable.value) if gradient is None else gradient
        for gradient, (variable, _) in zip(gradients, trained, strict=True)
    ]


def _rule(
    preset: Preset, weight_decay: float, variable: keras.Variable, plan: BlockPlan
) -> Rule:
    factor = preset.factor_of(plan.step, plan.depth)
    if variable.name == "bias":
        factor *= preset.bias_factor
    return Rule(factor, weight_decay if _decays(variable) else 0.0)


def _decays(variable: keras.Variable) -> bool:
    """Whether a weight is a kernel, which has two axes or more longer than 1.

    Biases, scales and shifts have one, but for attention's biases, a row for each head,
    and norms over several axes. A transformer's tokens and position embeddings are no
    kernels either, nor is the query of an attention pool: a vector with axes in front.
    """
    spared = any(word in variable.name for word in _SPARED)
    return sum(length > 1 for length in variable.shape) > 1 and not spared
