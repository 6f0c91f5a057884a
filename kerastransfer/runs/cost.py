"""How long a run will take, and how much memory: measured on a few of its own steps."""

import dataclasses
import itertools
import resource
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np

from kerastransfer import surgery
from kerastransfer.backbones.network import Network
from kerastransfer.recipe import Phase
from kerastransfer.training import frozen_prefix, phases, source_features
from kerastransfer.training.batches import Batch, BatchSource
from kerastransfer.training.engine import Engine
from kerastransfer.training.setup import TrainSetup, image_batches

STEPS = 20
_VAL = 64  # images on which validation is timed


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class PhaseCost:
    """What a phase will take.

    Parameters
    ----------
    phase : str
    cached : bool
        Whether its frozen prefix is computed once.
    filling : float
        Seconds to compute what is not in the cache yet.
    step : float
        Seconds a step, reading its batch included.
    validation : float
        Seconds to judge an epoch, statistics of batch norms included.
    seconds : float
        In all.
    """

    phase: str
    cached: bool
    filling: float
    step: float
    validation: float
    seconds: float


def measure(setting: TrainSetup) -> list[PhaseCost]:
    """Take 20 steps of each phase on copies, and keep nothing.

    Parameters
    ----------
    setting : TrainSetup
        The run's.

    Returns
    -------
    list of PhaseCost
        One a phase.
    """
    recipe = setting.config.recipe
    network, _ = phases.begin(setting, None)
    return [
        _measure(setting, network, step, index)
        for index, step in enumerate(recipe.phases)
    ]


def peak_bytes() -> int:
    """Return the most memory that this process ever had, in bytes."""
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak if sys.platform == "darwin" else 1024 * peak


def feature_seconds(setting: TrainSetup, network: Network) -> float:
    """Predict how long the probe's features take, beyond those that are kept.

    Parameters
    ----------
    setting : TrainSetup
    network : Network
        With the source's weights.

    Returns
    -------
    float
    """
    positions = {
        "train": setting.train_positions,
        "val": setting.val_positions,
        "test": np.arange(setting.records.size("test")),
    }
    filler = source_features.open_filler(
        setting.records, network, setting.backbone, positions, setting.caching
    )
    return filler.num_missing * filler.seconds_an_image()


def _measure(
    setting: TrainSetup, network: Network, step: Phase, index: int
) -> PhaseCost:
    config, cut = setting.config, surgery.frozen_prefix(step)
    with tempfile.TemporaryDirectory() as scratch:
        # Fewer images give the same steps; caches of them are nobody's.
        few = dataclasses.replace(
            setting,
            train_positions=setting.train_positions[: STEPS * config.batch_size],
            val_positions=setting.val_positions[:_VAL],
            caching=dataclasses.replace(
                setting.caching, home=Path(scratch), limit=2**62, quiet=True
            ),
        )
        filling, cached = 0.0, False
        if cut and setting.caching.mode != "off" and config.augment == "views":
            filling, cached = _filling(setting, network, cut, index)
        source: BatchSource = image_batches(few)
        if cached:
            few = dataclasses.replace(few, config=dataclasses.replace(config, views=1))
            source = frozen_prefix.choose(
                image_batches(few),
                setting.records,
                network,
                setting.backbone,
                cut,
                epochs=1,
                caching=few.caching,
                decided=True,
            )
        engine = Engine(phases.make_job(few, network, step, source))
        seconds = _step_seconds(engine)
        validation = _second_time(engine.evaluate)
        validation *= len(setting.val_positions) / max(1, len(few.val_positions))
        validation += _second_time(lambda: engine.recompute_statistics(0))
    epochs = config.epochs[index]
    steps = epochs * -(-len(setting.train_positions) // config.batch_size)
    return PhaseCost(
        phase=str(step),
        cached=cached,
        filling=filling,
        step=seconds,
        validation=validation,
        seconds=filling + steps * seconds + epochs * validation,
    )


def _filling(
    setting: TrainSetup, network: Network, cut: int, index: int
) -> tuple[float, bool]:
    """Decide as the run would; return the seconds that filling takes."""
    images = image_batches(setting)
    filler = frozen_prefix.make_filler(
        images, setting.records, network, setting.backbone, cut, setting.caching
    )
    if not filler.missing:
        return 0.0, True
    epochs = setting.config.epochs[index]
    if frozen_prefix.reason_against(filler, images, epochs, cut, setting.caching):
        return 0.0, False
    an_output = filler.seconds_an_image()
    an_output += filler.cache.row_bytes * filler.seconds_a_byte()
    return filler.num_missing * an_output, True


def _batches(engine: Engine) -> Iterator[list[Batch]]:
    """Give whole batches for ever, as many together as a call takes."""
    size = min(engine.job.config.batch_size, engine.job.source.num_images)
    batches = (
        batch
        for epoch in itertools.count()
        for batch in engine.job.source.train(epoch, engine.job.replicas.part)
        if batch.size == size
    )
    while True:
        yield [*itertools.islice(batches, engine.steps_a_call)]


def _step_seconds(engine: Engine) -> float:
    """Take a call to trace the graph, and then 20 steps or more."""
    groups = _batches(engine)
    times = []
    for number in range(1 + -(-STEPS // engine.steps_a_call)):
        start = time.perf_counter()
        group = next(groups)
        rates = [1e-6] * len(group)
        engine.take(group, rates, number, 0.0)
        times.append((time.perf_counter() - start) / len(group))
    return statistics.median(times[1:])


def _second_time(work: Callable[[], object]) -> float:
    """Do something twice, for the first time traces a graph; return the second's."""
    work()
    start = time.perf_counter()
    work()
    return time.perf_counter() - start
