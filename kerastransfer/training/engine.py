"""The compiled work of a phase: steps, validation, batch-norm statistics.

Several steps are taken inside one graph call where batches come from a cache, for then
a step takes less time than a call does.
"""

import dataclasses
import math
from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np
import tensorflow as tf
from numpy.typing import NDArray

from kerastransfer import surgery
from kerastransfer.backbones import image_ops
from kerastransfer.backbones.dropout import Drop
from kerastransfer.backbones.network import Network
from kerastransfer.backbones.preprocessing import Preprocessing
from kerastransfer.config.presets import PRESETS
from kerastransfer.config.train_config import TrainConfig
from kerastransfer.distribution.replicas import Replicas
from kerastransfer.errors import InputError
from kerastransfer.surgery import BlockPlan
from kerastransfer.training import batch_norm
from kerastransfer.training import optimizer as optimizers
from kerastransfer.training.batches import Batch, BatchSource

_STEPS_A_CALL = 32  # on cached activations, with one replica
# Statistics of a layer with a million inputs an image are known well enough by then.
_STATISTICS_IMAGES = 4096


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class PhaseSetup:
    """What a phase works on.

    Parameters
    ----------
    network : Network
        With the weights the phase starts from; made within the replicas' scope.
    plans : tuple of BlockPlan
        The phase's; see `kerastransfer.surgery.plan`.
    source : BatchSource
        Batches for block ``source.first``.
    preprocessing : Preprocessing
        The backbone's.
    config : TrainConfig
    replicas : Replicas
    class_weights : array of shape (classes,), optional
        Weigh the losses; None for equal ones.
    """

    network: Network
    plans: tuple[BlockPlan, ...]
    source: BatchSource
    preprocessing: Preprocessing
    config: TrainConfig
    replicas: Replicas
    class_weights: NDArray[np.float32] | None = None


class Engine:
    """Compiled steps around one new optimiser.

    Parameters
    ----------
    job : PhaseSetup
    """

    def __init__(self, job: PhaseSetup) -> None:
        self.job = job
        self.first = job.source.first
        self.training = [plan.training for plan in job.plans]
        with job.replicas.strategy.scope():
            surgery.set_trainable(job.network, job.plans)
            trained = surgery.trained_variables(job.network, job.plans)
            self.variables = [variable for variable, _ in trained]
            preset = PRESETS[job.config.preset]
            self.optimizer = optimizers.make(preset, job.config.weight_decay, trained)
        self.moving = batch_norm.moving_layers(job.network, job.plans)
        for layer in self.moving:  # batch statistics of the whole batch
            layer.synchronized = job.replicas.count > 1
        self._compile()

    @property
    def steps_a_call(self) -> int:
        """How many steps are worth one call."""
        cached = self.first > 1 and self.job.replicas.count == 1
        return _STEPS_A_CALL if cached else 1

    def take(
        self, batches: Sequence[Batch], rates: Sequence[float], step: int, halt: float
    ) -> tuple[list[float], float]:
        """Take a step for each batch; batches of one call are of one size.

        Parameters
        ----------
        batches : sequence of Batch
        rates : sequence of float
            The learning rate of each step, before factors.
        step : int
            The first one's number in the run; dropout follows from it.
        halt : float
            What this process wants to tell all others: 0 for nothing.

        Returns
        -------
        losses : list of float
            The mean loss of each batch before its step, in nats.
        halt : float
            The sum of what all processes wanted to tell.

        Raises
        ------
        InputError
            If a loss is not finite.
        """
        parts = [
            (
                *(np.stack([x[i] for x in shares]) for i in range(4)),
                np.asarray(rates, np.float32),
                np.int64(step),
                np.int32(batches[0].size),
                np.float32(halt),
            )
            for shares in zip(*(batch.shares for batch in batches), strict=True)
        ]
        found, told = self.job.replicas.run(self._steps, parts)
        losses = [float(loss) for loss in found.numpy()]
        for loss, rate in zip(losses, rates, strict=True):
            if not math.isfinite(loss):
                raise InputError(
                    f"Expected a finite loss, got {loss} at a learning rate of "
                    f"{rate:.3g}; lower --learning-rate."
                )
        return losses, float(told)

    def evaluate(self) -> dict[str, float]:
        """Return accuracy and negative log-likelihood; empty without images.

        Raises
        ------
        InputError
            If the likelihood is not finite.
        """
        right, costs = [], []
        for inputs, labels in self.job.source.val():
            hits, losses = self._judge(inputs, labels)
            right.append(hits.numpy())
            costs.append(losses.numpy())
        if not right:
            return {}
        nll = float(np.concatenate(costs).mean(dtype=np.float64))
        if not math.isfinite(nll):
            raise InputError(
                f"Expected a finite validation loss, got {nll}; lower --learning-rate."
            )
        return {"accuracy": float(np.concatenate(right).mean()), "nll": nll}

    def recompute_statistics(self, epoch: int) -> None:
        """Bring moving statistics up to date with the weights."""
        if not self.moving:
            return
        with batch_norm.capturing(self.moving):
            batches = _first(self.job.source.train(epoch))
            batch_norm.recompute(self.moving, self._capture, batches)

    def _compile(self) -> None:
        # One trace for batches of every size, where one device takes them as they are.
        shape = self.job.network.blocks[self.first - 1].input_shape[1:]
        inputs = tf.TensorSpec((None, *shape), tf.float32)
        labels = tf.TensorSpec((None,), tf.int64)
        self._judge = tf.function(self._inference, [inputs, labels])
        self._capture = tf.function(self._training_mode, [inputs])
        signature = None
        if self.job.replicas.count == 1:
            signature = [
                tf.TensorSpec((None, None, *shape), tf.float32),
                tf.TensorSpec((None, None), tf.int64),
                tf.TensorSpec((None, None), tf.int32),
                tf.TensorSpec((None, None), tf.float32),
                tf.TensorSpec((None,), tf.float32),
                tf.TensorSpec((), tf.int64),
                tf.TensorSpec((), tf.int32),
                tf.TensorSpec((), tf.float32),
            ]
        self._steps = tf.function(self._run, signature)

    def _run(self, *arguments: Any) -> Any:
        return self.job.replicas.strategy.run(self._on_replica, arguments)

    def _on_replica(
        self,
        inputs: tf.Tensor,
        labels: tf.Tensor,
        rows: tf.Tensor,
        weights: tf.Tensor,
        rates: tf.Tensor,
        step: tf.Tensor,
        size: tf.Tensor,
        halt: tf.Tensor,
    ) -> tuple[tf.Tensor, tf.Tensor]:
        """Take steps on this replica's shares, of which the first axis counts."""
        if self.steps_a_call == 1:
            drop = Drop(self.job.config.seed, step, rows[0], size)
            loss, halt = self._step(
                (inputs[0], labels[0], weights[0]), drop, rates[0], halt
            )
            return loss[tf.newaxis], halt
        count = tf.shape(rates)[0]
        losses = tf.TensorArray(tf.float32, count)
        for i in tf.range(count):
            number = step + tf.cast(i, tf.int64)
            drop = Drop(self.job.config.seed, number, rows[i], size)
            loss, _ = self._step(
                (inputs[i], labels[i], weights[i]), drop, rates[i], halt
            )
            losses = losses.write(i, loss)
        return losses.stack(), halt

    def _step(
        self,
        share: tuple[tf.Tensor, tf.Tensor, tf.Tensor],
        drop: Drop,
        rate: tf.Tensor,
        halt: tf.Tensor,
    ) -> tuple[tf.Tensor, tf.Tensor]:
        inputs, labels, weights = share
        with tf.GradientTape() as tape:
            logits = self._training_mode(inputs, drop)
            losses = self._losses(labels, logits) * weights
            # The true number of images in the whole batch, so that a short last batch,
            # or an uneven share, weighs as it should.
            loss = tf.reduce_sum(losses) / tf.cast(drop.size, losses.dtype)
        values = [variable.value for variable in self.variables]
        gradients = tape.gradient(loss, values)
        if self.job.replicas.count > 1:
            context = tf.distribute.get_replica_context()
            loss, halt, *gradients = context.all_reduce(
                tf.distribute.ReduceOp.SUM, [loss, tf.identity(halt), *gradients]
            )
        if self.job.config.clip_norm:  # of the whole batch's gradient
            gradients, _ = tf.clip_by_global_norm(gradients, self.job.config.clip_norm)
        optimizers.apply(self.optimizer, rate, gradients, self.variables)
        return loss, halt

    def _losses(self, labels: tf.Tensor, logits: tf.Tensor) -> tf.Tensor:
        smoothing = self.job.config.label_smoothing
        if smoothing:
            classes = logits.shape[-1]
            truth = tf.one_hot(labels, classes) * (1 - smoothing) + smoothing / classes
            losses = tf.nn.softmax_cross_entropy_with_logits(truth, logits)
        else:
            losses = tf.nn.sparse_softmax_cross_entropy_with_logits(labels, logits)
        if self.job.class_weights is not None:
            losses *= tf.gather(tf.constant(self.job.class_weights), labels)
        return losses

    def _inputs(self, inputs: tf.Tensor) -> tf.Tensor:
        if self.first > 1:
            return inputs
        return image_ops.normalise(inputs, self.job.preprocessing)

    def _training_mode(self, inputs: tf.Tensor, drop: Drop | None = None) -> tf.Tensor:
        """Run the network as in training; without `drop`, up to the last batch norm."""
        training = self.training
        if drop is None:  # for statistics, which dropout does not touch
            training = [
                trains and plan.batch_norm != ""
                for trains, plan in zip(training, self.job.plans, strict=True)
            ]
        return self.job.network.forward(
            self._inputs(inputs), first=self.first, training=training, drop=drop
        )

    def _inference(
        self, inputs: tf.Tensor, labels: tf.Tensor
    ) -> tuple[tf.Tensor, tf.Tensor]:
        logits = self.job.network.forward(self._inputs(inputs), first=self.first)
        losses = tf.nn.sparse_softmax_cross_entropy_with_logits(labels, logits)
        return tf.argmax(logits, axis=-1) == labels, losses


def _first(batches: Iterable[Batch]) -> Iterable[tuple[Any, Any]]:
    images = 0
    for batch in batches:
        (share,) = batch.shares
        yield share.inputs, share.labels
        images += batch.size
        if images >= _STATISTICS_IMAGES:
            return
