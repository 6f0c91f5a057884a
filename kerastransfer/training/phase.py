"""A phase of a recipe: what it works on, how far it is, and how it ended."""

import dataclasses
import math
from collections.abc import Callable, Mapping
from typing import Any, Self

from numpy.typing import NDArray

from kerastransfer.backbones.network import Network
from kerastransfer.config.presets import PRESETS
from kerastransfer.surgery import BlockPlan
from kerastransfer.training.batches import BatchSource
from kerastransfer.training.setup import TrainSetup
from kerastransfer.training.stopping import StopReason

# Caffe's fine-tuning example (BVLC/caffe, models/finetune_flickr_style) divides the
# rate by ten after each fifth of the run: stepsize 20000, max_iter 100000.
_DROPS = 5
_GAMMA = 0.1


def cosine(step: int, steps: int) -> float:
    """Fall from 1 towards 0 along half a cosine.

    Parameters
    ----------
    step, steps : int
        The step from 0, and how many there are.

    Returns
    -------
    float
        The fraction of the learning rate to use; dimensionless.
    """
    return 0.5 * (1 + math.cos(math.pi * step / steps))


def staircase(step: int, steps: int) -> float:
    """Fall to a tenth after each fifth of the run.

    Parameters
    ----------
    step, steps : int
        The step from 0, and how many there are.

    Returns
    -------
    float
        The fraction of the learning rate to use; dimensionless.
    """
    return _GAMMA ** (_DROPS * step // steps)


SCHEDULES: dict[str, Callable[[int, int], float]] = {
    "cosine": cosine,
    "step": staircase,
}


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class PhaseSetup:
    """What one phase works on, and its place in the run.

    Parameters
    ----------
    setup : TrainSetup
        What all phases share.
    index : int
        Which of the recipe's phases, from 0.
    network : Network
        With the weights that the phase starts from; made within the replicas' scope.
    source : BatchSource
        Batches for block ``source.first``.
    first_epoch, first_step : int
        Numbers of the phase's first epoch and step within the run; shuffling, views and
        dropout follow from them.
    """

    setup: TrainSetup
    index: int
    network: Network
    source: BatchSource
    first_epoch: int = 0
    first_step: int = 0

    @classmethod
    def after(
        cls,
        results: "PhaseResults",
        *,
        setup: TrainSetup,
        network: Network,
        source: BatchSource,
    ) -> Self:
        """Set up the phase that follows those that have ended."""
        return cls(
            setup=setup,
            index=len(results),
            network=network,
            source=source,
            first_epoch=sum(result.epochs for result in results),
            first_step=sum(result.steps for result in results),
        )

    @property
    def epochs(self) -> int:
        """How many epochs the phase takes at most."""
        return self.setup.config.epochs[self.index]

    @property
    def patience(self) -> int:
        """Epochs without a better one after which the phase ends; 0 for never."""
        patience = self.setup.config.patience
        return patience[self.index] if patience else 0

    def plans(self) -> tuple[BlockPlan, ...]:
        """Work out what the phase does to each block."""
        return self.setup.plans(self.index)

    def rate(self, step: int) -> float:
        """Return a step's learning rate: a linear rise, then the preset's schedule.

        Parameters
        ----------
        step : int
            From 0 within the phase.

        Returns
        -------
        float
            Before the factors of blocks and biases.
        """
        config = self.setup.config
        highest = config.learning_rate[self.index]
        batches = math.ceil(self.source.num_images / config.batch_size)
        steps = self.epochs * batches
        warm = math.floor(config.warmup * steps)
        if step < warm:
            return highest * (step + 1) / (warm + 1)
        schedule = SCHEDULES[PRESETS[config.preset].schedule]
        return highest * schedule(step - warm, steps - warm)


@dataclasses.dataclass(slots=True)
class PhaseProgress:
    """How far a phase has come: beside weights, all that resuming it needs.

    Parameters
    ----------
    epoch, batch : int
        What comes next, from 0.
    step : int
        Steps taken.
    best_epoch : int
        From 0; -1 before the first epoch is evaluated.
    best_val : dict
        That epoch's validation metrics.
    """

    epoch: int = 0
    batch: int = 0
    step: int = 0
    best_epoch: int = -1
    best_val: dict[str, float] = dataclasses.field(default_factory=dict)


@dataclasses.dataclass(frozen=True, slots=True)
class PhaseResult:
    """How a phase ended.

    Parameters
    ----------
    best_epoch : int
        From 0 within the phase; its weights are in the network.
    val : dict
        That epoch's validation metrics.
    epochs, steps : int
        Epochs begun, and steps taken.
    cached : bool
        Whether the outputs of its frozen prefix were computed once.
    """

    best_epoch: int
    val: dict[str, Any]
    epochs: int
    steps: int
    stopped: StopReason
    cached: bool

    @classmethod
    def from_dict(cls, fields: Mapping[str, Any]) -> Self:
        """Read what `as_dict` wrote."""
        return cls(**{**fields, "stopped": StopReason(fields["stopped"])})

    def as_dict(self) -> dict[str, Any]:
        """Return the fields as JSON can hold them."""
        return {**dataclasses.asdict(self), "stopped": self.stopped.value}


PhaseResults = tuple[PhaseResult, ...]


class BestWeights:
    """The best epoch's weights, in memory.

    Parameters
    ----------
    plans : tuple of BlockPlan
        The phase's: what it does not train need not be kept.
    """

    def __init__(self, network: Network, plans: tuple[BlockPlan, ...]) -> None:
        self._network = network
        self._blocks = [plan.block for plan in plans if plan.trained]
        self.weights: dict[int, dict[str, NDArray[Any]]] = {}

    def offer(self, progress: PhaseProgress, val: dict[str, float]) -> None:
        """Keep the weights, and note the epoch, if it is the best so far.

        The best is the epoch of highest validation accuracy, and among equals that of
        lowest negative log-likelihood. Without a validation set it is the last.
        """
        if not self.weights or not val or score(val) > score(progress.best_val):
            progress.best_epoch, progress.best_val = progress.epoch, val
            self.weights = {n: self._network.snapshot(n) for n in self._blocks}

    def restore(self) -> None:
        """Give the network the best epoch's weights."""
        for block, weights in self.weights.items():
            self._network.assign(block, weights)


def score(val: Mapping[str, float]) -> tuple[float, float]:
    """Return what is greater for the better of two validation results.

    Parameters
    ----------
    val : mapping
        ``accuracy`` and ``nll``; empty without a validation set.

    Returns
    -------
    tuple of float
        Accuracy first; among equals the likelihood decides.
    """
    return (val["accuracy"], -val["nll"]) if val else (0.0, 0.0)
