"""One phase of a recipe: the loop, validation, and the best weights restored."""

import dataclasses
import math
from collections.abc import Iterable
from typing import Any

import keras
import numpy as np
import tensorflow as tf
from numpy.typing import NDArray

from kerastransfer import surgery
from kerastransfer.backbones import preprocessing
from kerastransfer.backbones.network import Network
from kerastransfer.backbones.preprocessing import Preprocessing
from kerastransfer.errors import InputError
from kerastransfer.surgery import BlockPlan
from kerastransfer.training import optimizer as optimizers
from kerastransfer.training import statistics
from kerastransfer.training.config import TrainConfig
from kerastransfer.training.presets import PRESETS
from kerastransfer.training.schedule import SCHEDULES
from kerastransfer.training.source import Batch, Source

# Statistics of a layer with a million inputs an image are known well enough by then.
_STATISTICS_IMAGES = 4096


@dataclasses.dataclass(frozen=True, slots=True)
class Outcome:
    """How a phase ended.

    Parameters
    ----------
    best_epoch : int
        From 0; its weights are in the network.
    val : dict
        That epoch's validation metrics.
    steps : int
        Taken.
    """

    best_epoch: int
    val: dict[str, Any]
    steps: int


def train(
    network: Network,
    plans: tuple[BlockPlan, ...],
    source: Source,
    facts: Preprocessing,
    config: TrainConfig,
    *,
    epochs: int,
    learning_rate: float,
    callbacks: keras.callbacks.CallbackList,
    first_epoch: int = 0,
) -> Outcome:
    """Train one phase, and leave the network with the best epoch's weights.

    The best is the epoch of highest validation accuracy, and among equals that of
    lowest negative log-likelihood. Without a validation set it is the last.

    Parameters
    ----------
    network : Network
        With the weights the phase starts from.
    plans : tuple of BlockPlan
        The phase's; see `kerastransfer.surgery.plan`.
    source : Source
        Batches for block ``source.first``.
    facts : Preprocessing
        The backbone's.
    config : TrainConfig
        For the preset, the decay and the batch size.
    epochs : int
        How many.
    learning_rate : float
        At its highest, before factors.
    callbacks : keras.callbacks.CallbackList
        Told of batches and epochs.
    first_epoch : int
        Number of this phase's first epoch within the run; shuffling and views follow
        from it.

    Returns
    -------
    Outcome
    """
    loop = _Loop(network, plans, source.first, facts, config)
    steps = epochs * math.ceil(source.num_images / config.batch_size)
    schedule = SCHEDULES[PRESETS[config.preset].schedule]
    best, step = _Best(network, plans), 0
    for epoch in range(epochs):
        number = first_epoch + epoch
        callbacks.on_epoch_begin(number)
        for index, (inputs, labels) in enumerate(source.train(number)):
            callbacks.on_train_batch_begin(index)
            rate = learning_rate * schedule(step, steps)
            loss = loop.step(inputs, labels, rate)
            step += 1
            logs = {"loss": loss, "learning_rate": rate}
            callbacks.on_train_batch_end(index, logs)
        loop.recompute_statistics(source, number)
        val = loop.evaluate(source.val())
        best.offer(epoch, val)
        callbacks.on_epoch_end(number, val)
    best.restore()
    return Outcome(best.epoch, best.val, step)


class _Loop:
    """The compiled steps of a phase, around one new optimiser."""

    def __init__(
        self,
        network: Network,
        plans: tuple[BlockPlan, ...],
        first: int,
        facts: Preprocessing,
        config: TrainConfig,
    ) -> None:
        surgery.set_trainable(network, plans)
        self.network = network
        self.first = first
        self.facts = facts
        self.training = [plan.training for plan in plans]
        trained = surgery.trained_variables(network, plans)
        self.variables = [variable for variable, _ in trained]
        self.optimizer = optimizers.make(
            PRESETS[config.preset], config.weight_decay, trained
        )
        self.moving = statistics.moving_layers(network, plans)
        # One trace for batches of every size.
        shape = network.blocks[first - 1].input_shape[1:]
        inputs = tf.TensorSpec((None, *shape), tf.float32)
        labels = tf.TensorSpec((None,), tf.int64)
        self._step = tf.function(self._train_step, [inputs, labels])
        self._judge = tf.function(self._inference, [inputs, labels])
        self._capture = tf.function(self._training_mode, [inputs])

    def step(self, inputs: tf.Tensor, labels: tf.Tensor, rate: float) -> float:
        """Take one step; return the mean loss of the batch before it, in nats."""
        self.optimizer.learning_rate = rate
        loss = float(self._step(inputs, labels))
        if not math.isfinite(loss):
            raise InputError(
                f"Expected a finite loss, got {loss} at a learning rate of {rate:.3g}; "
                "lower --learning-rate."
            )
        return loss

    def evaluate(self, batches: Iterable[Batch]) -> dict[str, float]:
        """Return accuracy and negative log-likelihood; empty without images."""
        right, costs = [], []
        for inputs, labels in batches:
            hits, losses = self._judge(inputs, labels)
            right.append(hits.numpy())
            costs.append(losses.numpy())
        if not right:
            return {}
        return {
            "accuracy": float(np.concatenate(right).mean()),
            "nll": float(np.concatenate(costs).mean(dtype=np.float64)),
        }

    def recompute_statistics(self, source: Source, epoch: int) -> None:
        """Bring moving statistics up to date with the weights."""
        if not self.moving:
            return
        with statistics.capturing(self.moving):
            statistics.recompute(
                self.moving, self._capture, _first(source.train(epoch))
            )

    def _inputs(self, inputs: tf.Tensor) -> tf.Tensor:
        return (
            preprocessing.normalise(inputs, self.facts) if self.first == 1 else inputs
        )

    def _training_mode(self, inputs: tf.Tensor) -> tf.Tensor:
        return self.network.forward(
            self._inputs(inputs), first=self.first, training=self.training
        )

    def _inference(
        self, inputs: tf.Tensor, labels: tf.Tensor
    ) -> tuple[tf.Tensor, tf.Tensor]:
        logits = self.network.forward(self._inputs(inputs), first=self.first)
        losses = tf.nn.sparse_softmax_cross_entropy_with_logits(labels, logits)
        return tf.argmax(logits, axis=-1) == labels, losses

    def _train_step(self, inputs: tf.Tensor, labels: tf.Tensor) -> tf.Tensor:
        with tf.GradientTape() as tape:
            logits = self._training_mode(inputs)
            losses = tf.nn.sparse_softmax_cross_entropy_with_logits(labels, logits)
            # The true number of images, so that a short last batch weighs as it should.
            loss = tf.reduce_sum(losses) / tf.cast(tf.size(labels), losses.dtype)
        values = [variable.value for variable in self.variables]
        self.optimizer.apply(tape.gradient(loss, values), self.variables)
        return loss


class _Best:
    """The best epoch's weights, in memory."""

    def __init__(self, network: Network, plans: tuple[BlockPlan, ...]) -> None:
        self.network = network
        self.numbers = [plan.number for plan in plans if plan.trained]
        self.score: tuple[float, float] = (-math.inf, -math.inf)
        self.weights: dict[int, dict[str, NDArray[Any]]] = {}
        self.epoch = 0
        self.val: dict[str, float] = {}

    def offer(self, epoch: int, val: dict[str, float]) -> None:
        score = (val["accuracy"], -val["nll"]) if val else (0.0, float(epoch))
        if score > self.score:
            self.score, self.epoch, self.val = score, epoch, val
            self.weights = {n: self.network.snapshot(n) for n in self.numbers}

    def restore(self) -> None:
        for number, weights in self.weights.items():
            self.network.assign(number, weights)


def _first(batches: Iterable[Batch]) -> Iterable[Batch]:
    images = 0
    for batch in batches:
        yield batch
        images += len(batch[1])
        if images >= _STATISTICS_IMAGES:
            return
