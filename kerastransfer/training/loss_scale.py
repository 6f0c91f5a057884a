"""Loss scaling: without it, small gradients are zero in float16 [1]_.

References
----------
.. [1] P. Micikevicius et al., "Mixed Precision Training", ICLR 2018, section 3.2.
"""

from collections.abc import Sequence

import keras
import tensorflow as tf

from kerastransfer.errors import InputError
from kerastransfer.foundation.progress import counted

# As Keras and PyTorch begin and grow.
_START = 2.0**15
_STEPS_TO_DOUBLE = 2000
_LEAST = 1.0  # what overflows then is no large gradient but no number


class LossScale:
    """The number that a loss is multiplied by before its gradient is taken.

    A power of two, so that dividing a gradient by it rounds nothing. It is halved where
    a gradient overflows, and that step is skipped; it is doubled after 2,000 steps
    without. Its variables are the optimiser's, and so a checkpoint has them.

    Parameters
    ----------
    optimizer : keras.optimizers.Optimizer
        Built; its replicas' scope is entered.

    Attributes
    ----------
    scale : keras.Variable
        Of float32; dimensionless.
    skipped : keras.Variable
        Number of steps that were skipped.
    """

    def __init__(self, optimizer: keras.optimizers.Optimizer) -> None:
        start = keras.initializers.Constant(_START)
        # Every replica would set them to the same values.
        once = {"aggregation": "only_first_replica"}
        self.scale = optimizer.add_variable(
            (), start, "float32", name="loss_scale", **once
        )
        self._since = optimizer.add_variable(
            (), "zeros", "int64", name="steps_since_overflow", **once
        )
        self.skipped = optimizer.add_variable(
            (), "zeros", "int64", name="skipped_steps", **once
        )

    def multiply(self, loss: tf.Tensor) -> tf.Tensor:
        """Return the loss to take gradients of."""
        return loss * self.scale.value

    def divide(
        self, gradients: Sequence[tf.Tensor]
    ) -> tuple[list[tf.Tensor], tf.Tensor]:
        """Return the gradients of the loss itself, and whether all are finite."""
        finite = [tf.reduce_all(tf.math.is_finite(x)) for x in gradients]
        return [x / self.scale.value for x in gradients], tf.reduce_all(finite)

    def check(self, steps: int) -> int:
        """Refuse to go on where scaling does not help.

        Parameters
        ----------
        steps : int
            Of the phase until now.

        Returns
        -------
        int
            How many of them changed nothing.

        Raises
        ------
        InputError
            If every step was skipped, or gradients overflow without scaling too.
        """
        skipped = int(self.skipped.numpy())
        if 0 < steps <= skipped or float(self.scale.numpy()) < _LEAST:
            raise InputError(
                "Expected gradients that are finite in float16, and those of "
                f"{counted(skipped, 'step')} of {steps:,} were not, however little the "
                "loss was scaled; take --precision bfloat16 or a lower --learning-rate."
            )
        return skipped

    def update(self, finite: tf.Tensor) -> None:
        """Choose the next step's scale.

        Parameters
        ----------
        finite : scalar bool tensor
            Whether this step's gradients were.
        """
        since = tf.where(finite, self._since.value + 1, 0)
        doubles = since >= _STEPS_TO_DOUBLE
        grown = tf.where(doubles, 2 * self.scale.value, self.scale.value)
        self.scale.assign(tf.where(finite, grown, self.scale.value / 2))
        self._since.assign(tf.where(doubles, tf.zeros_like(since), since))
        self.skipped.assign(self.skipped.value + tf.cast(~finite, tf.int64))
