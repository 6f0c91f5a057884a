"""The compiled work of a phase: steps, validation, batch-norm statistics.

Several steps are taken inside one graph call where batches come from a cache, for then
a step takes less time than a call does.
"""

import functools
import math
from collections.abc import Sequence

import numpy as np
import tensorflow as tf
from numpy.typing import NDArray

from kerastransfer import surgery
from kerastransfer.backbones import image_ops
from kerastransfer.backbones.dropout import Drop
from kerastransfer.config.presets import PRESETS
from kerastransfer.errors import InputError
from kerastransfer.training import batch_norm, precision
from kerastransfer.training import optimizer as optimizers
from kerastransfer.training.batches import Batch, ReplicaBatch
from kerastransfer.training.loss_scale import LossScale
from kerastransfer.training.phase import PhaseSetup
from kerastransfer.training.step_inputs import StepInputs

_STEPS_PER_CALL = 32  # on cached activations, with one replica

# No step branches on a tensor, so its Python need not be rewritten to be traced.
_as_it_is = tf.autograph.experimental.do_not_convert


class Engine:
    """Compiled steps around one new optimiser."""

    def __init__(self, phase: PhaseSetup) -> None:
        setup, network, plans = phase.setup, phase.network, phase.plans()
        self.phase, self.plans = phase, plans
        self.config, self.replicas = setup.config, setup.replicas
        self.first = phase.source.first
        self.training = [plan.training for plan in plans]
        with self.replicas.strategy.scope():
            surgery.set_trainable(network, plans)
            trained = surgery.trained_variables(network, plans)
            self.variables = [variable for variable, _ in trained]
            self._trained = trained
            preset = PRESETS[self.config.preset]
            self.optimizer = optimizers.make(preset, self.config.weight_decay, trained)
            recipe_phase = self.config.recipe.phases[phase.index]
            half = surgery.half_blocks(recipe_phase, self.config.precision)
            # A graph is traced in it.
            self._computing = functools.partial(
                _as_it_is(precision.computing), network, half, self.config.precision
            )
            scales = half and self.config.precision == "float16"
            self.loss_scale = LossScale(self.optimizer) if scales else None
        self.moving = batch_norm.moving_layers(network, plans)
        for layer in self.moving:  # batch statistics of the whole batch
            layer.synchronized = self.replicas.count > 1
        self._class_weights = setup.class_weights()
        self._compile()

    @property
    def steps_per_call(self) -> int:
        """How many steps are worth one call."""
        cached = self.first > 1 and self.replicas.count == 1
        return _STEPS_PER_CALL if cached else 1

    def take(
        self,
        batches: Sequence[Batch],
        *,
        rates: Sequence[float],
        first_step: int,
        votes: NDArray[np.float32],
    ) -> tuple[list[float], NDArray[np.float32]]:
        """Take a step for each batch.

        Parameters
        ----------
        batches : sequence of Batch
            At most `steps_per_call`, and all of one size.
        rates : sequence of float
            Learning rates of the steps, before factors.
        first_step : int
            The first one's number in the run; dropout follows from it.
        votes : array of shape (2,)
            This process's; see `kerastransfer.training.stopping.StopSignal`.

        Returns
        -------
        losses : list of float
            The mean loss of each batch before its step, in nats.
        votes : array of shape (2,)
            Summed over all replicas.

        Raises
        ------
        InputError
            If a loss is not finite.
        """
        by_replica = zip(*(batch.shares for batch in batches), strict=True)
        parts = [
            self._join(
                shares,
                rates=np.asarray(rates, np.float32)[:, np.newaxis],
                steps=np.arange(first_step, first_step + len(batches)),
                size=batches[0].size,
                votes=votes,
            )
            for shares in by_replica
        ]
        with self.replicas.together():
            results = self._steps(self.replicas.spread(parts))
            losses, votes = (x.numpy() for x in self.replicas.first_here(results))
        losses = np.atleast_1d(losses).tolist()
        for loss, rate in zip(losses, rates, strict=True):
            if not math.isfinite(loss):
                half = self.loss_scale is not None
                raise InputError(
                    f"Expected a finite loss, got {loss} at a learning rate of "
                    f"{rate:.3g}; lower --learning-rate"
                    f"{' or take --precision bfloat16' if half else ''}."
                )
        return losses, votes

    def evaluate(self) -> dict[str, float]:
        """Return accuracy and negative log-likelihood; empty without images.

        Raises
        ------
        InputError
            If the likelihood is not finite.
        """
        right, costs = [], []
        for inputs, labels in self.phase.source.val():
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
            batch_norm.recompute(
                self.moving, self._capture, self.phase.source.train(epoch)
            )

    def _compile(self) -> None:
        # One trace for batches of every size, where one device takes them as they are.
        shape = self.phase.network.blocks[self.first - 1].input_shape[1:]
        dtype = self.phase.source.dtype
        inputs = tf.TensorSpec((None, *shape), dtype)
        labels = tf.TensorSpec((None,), tf.int64)
        self._judge = tf.function(self._inference, [inputs, labels], autograph=False)
        self._capture = tf.function(self._training_mode, [inputs], autograph=False)
        several = self.steps_per_call > 1
        axis = (None,) if several else ()
        signature = StepInputs(
            inputs=tf.TensorSpec((*axis, None, *shape), dtype),
            labels=tf.TensorSpec((*axis, None), tf.int64),
            rows=tf.TensorSpec((*axis, None), tf.int32),
            weights=tf.TensorSpec((*axis, None), tf.float32),
            rate=tf.TensorSpec((*axis, 1), tf.float32),
            step=tf.TensorSpec(axis, tf.int64),
            size=tf.TensorSpec((), tf.int32),
            votes=tf.TensorSpec((2,), tf.float32),
        )
        self._steps = tf.function(
            self._take_several if several else self._take_one,
            [signature] if self.replicas.count == 1 else None,
            autograph=several,  # for its loop alone
        )

    def _join(
        self,
        shares: Sequence[ReplicaBatch],
        *,
        rates: NDArray[np.float32],
        steps: NDArray[np.int64],
        size: int,
        votes: NDArray[np.float32],
    ) -> StepInputs:
        """Join one replica's shares of the batches of a call."""
        same = {"size": np.int32(size), "votes": votes}
        if self.steps_per_call == 1:
            (share,) = shares
            return StepInputs(**share._asdict(), rate=rates[0], step=steps[0], **same)
        stacked = {
            name: np.stack([getattr(share, name) for share in shares])
            for name in ReplicaBatch._fields
        }
        return StepInputs(**stacked, rate=rates, step=steps, **same)

    def _take_one(self, inputs: StepInputs) -> tuple[tf.Tensor, tf.Tensor]:
        """Take a step on all replicas."""
        with self._computing():
            return self.replicas.strategy.run(_as_it_is(self._step), (inputs,))

    def _take_several(self, inputs: StepInputs) -> tuple[tf.Tensor, tf.Tensor]:
        """Take as many steps as there are rates, on the one replica there is."""
        count = tf.shape(inputs.rate)[0]
        losses = tf.TensorArray(tf.float32, count)
        with self._computing():
            for i in tf.range(count):
                one = StepInputs(
                    inputs=inputs.inputs[i],
                    labels=inputs.labels[i],
                    rows=inputs.rows[i],
                    weights=inputs.weights[i],
                    rate=inputs.rate[i],
                    step=inputs.step[i],
                    size=inputs.size,
                    votes=inputs.votes,
                )
                loss, _ = self.replicas.strategy.run(_as_it_is(self._step), (one,))
                losses = losses.write(i, loss)
        return losses.stack(), inputs.votes

    def _step(self, share: StepInputs) -> tuple[tf.Tensor, tf.Tensor]:
        """Take a step on one replica; return the loss and the votes of all."""
        drop = Drop(self.config.seed, share.step, share.rows, share.size)
        with tf.GradientTape() as tape:
            logits = self._training_mode(share.inputs, drop)
            losses = self._losses(share.labels, logits) * share.weights
            # The true number of images in the whole batch, so that a short last batch,
            # or an uneven share, weighs as it should.
            loss = tf.reduce_sum(losses) / tf.cast(share.size, losses.dtype)
            scale = self.loss_scale
            scaled = loss if scale is None else scale.multiply(loss)
        values = [variable.value for variable in self.variables]
        gradients, votes = tape.gradient(scaled, values), share.votes
        gradients = optimizers.connected(gradients, self._trained, self.optimizer)
        if self.replicas.count > 1:
            context = tf.distribute.get_replica_context()
            loss, votes, *gradients = context.all_reduce(
                tf.distribute.ReduceOp.SUM, [loss, tf.identity(votes), *gradients]
            )
        finite = None
        if scale is not None:
            gradients, finite = scale.divide(gradients)
            scale.update(finite)
        if self.config.clip_norm:  # of the whole batch's gradient
            gradients, _ = tf.clip_by_global_norm(gradients, self.config.clip_norm)
        rate = share.rate[0]
        self.optimizer.apply(gradients, self.variables, rate=rate, finite=finite)
        return loss, votes

    def _losses(self, labels: tf.Tensor, logits: tf.Tensor) -> tf.Tensor:
        smoothing = self.config.label_smoothing
        if smoothing:
            classes = logits.shape[-1]
            truth = tf.one_hot(labels, classes) * (1 - smoothing) + smoothing / classes
            losses = tf.nn.softmax_cross_entropy_with_logits(truth, logits)
        else:
            losses = tf.nn.sparse_softmax_cross_entropy_with_logits(labels, logits)
        if self._class_weights is not None:
            losses *= tf.gather(tf.constant(self._class_weights), labels)
        return losses

    def _inputs(self, inputs: tf.Tensor) -> tf.Tensor:
        if self.first > 1:
            return inputs
        return image_ops.normalise(inputs, self.phase.setup.backbone.preprocessing)

    def _training_mode(self, inputs: tf.Tensor, drop: Drop | None = None) -> tf.Tensor:
        """Run the network as in training; without `drop`, up to the last batch norm."""
        training = self.training
        if drop is None:  # for statistics, which dropout does not touch
            training = [
                trains and plan.batch_norm != ""
                for trains, plan in zip(training, self.plans, strict=True)
            ]
        return self.phase.network.forward(
            self._inputs(inputs), first=self.first, training=training, drop=drop
        )

    def _inference(
        self, inputs: tf.Tensor, labels: tf.Tensor
    ) -> tuple[tf.Tensor, tf.Tensor]:
        logits = self.phase.network.forward(self._inputs(inputs), first=self.first)
        losses = tf.nn.sparse_softmax_cross_entropy_with_logits(labels, logits)
        return tf.argmax(logits, axis=-1) == labels, losses
