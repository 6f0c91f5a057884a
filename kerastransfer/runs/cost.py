"""How long a run will take, and how much memory: measured on a few of its own steps."""

import dataclasses
import itertools
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

from kerastransfer import surgery
from kerastransfer.backbones.network import Network
from kerastransfer.training import frozen_prefix, source_features
from kerastransfer.training.batches import Batch, BatchSource
from kerastransfer.training.engine import Engine
from kerastransfer.training.phase import PhaseSetup
from kerastransfer.training.setup import TrainSetup
from kerastransfer.training.stopping import StopSignal

STEPS = 20
_VAL = 64  # images on which validation is timed


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class PhaseCost:
    """How long a phase will take.

    Parameters
    ----------
    phase : str
        As the recipe spells it.
    cached : bool
        Whether its frozen prefix is computed once.
    filling : float
        Seconds to compute what is not in the cache yet.
    step : float
        Seconds for each step, reading its batch included.
    validation : float
        Seconds to evaluate an epoch, statistics of batch norms included.
    seconds : float
        Seconds in all.
    """

    phase: str
    cached: bool
    filling: float
    step: float
    validation: float
    seconds: float


def measure(setup: TrainSetup) -> list[PhaseCost]:
    """Take 20 steps of each phase on a copy of the network, and keep nothing.

    Parameters
    ----------
    setup : TrainSetup
        The run's.

    Returns
    -------
    list of PhaseCost
        One for each phase.
    """
    network = setup.make_network()
    return [
        _measure(setup, network, index)
        for index in range(len(setup.config.recipe.phases))
    ]


def peak_bytes() -> int | None:
    """Return the most memory that this process ever had; None where it is unknown.

    Windows does not tell.
    """
    try:
        import resource
    except ImportError:
        return None
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak if sys.platform == "darwin" else 1024 * peak


def feature_seconds(setup: TrainSetup, network: Network) -> float:
    """Predict how long the probe's features take, beyond those that are kept.

    Parameters
    ----------
    setup : TrainSetup
        The run's.
    network : Network
        With the source's weights.
    """
    filler = source_features.open_filler(
        setup.records,
        network,
        setup.backbone,
        positions=setup.positions,
        caching=setup.caching,
    )
    return filler.num_missing * filler.seconds_an_image()


def _measure(setup: TrainSetup, network: Network, index: int) -> PhaseCost:
    config = setup.config
    filling, cached = _filling(setup, network, index)
    with tempfile.TemporaryDirectory() as scratch:
        few = _with_few_images(setup, Path(scratch))
        source: BatchSource = few.images()
        if cached:
            one_view = dataclasses.replace(config, views=1)
            few = dataclasses.replace(few, config=one_view)
            num_frozen = surgery.frozen_prefix(config.recipe.phases[index])
            source = frozen_prefix.choose(
                few, network, num_frozen, epochs=1, decided=True
            )
        engine = Engine(
            PhaseSetup(setup=few, index=index, network=network, source=source)
        )
        step = _step_seconds(engine)
        validation = _second_time(engine.evaluate)
        validation *= len(setup.positions["val"]) / max(1, len(few.positions["val"]))
        validation += _second_time(lambda: engine.recompute_statistics(0))
    epochs = config.epochs[index]
    steps = epochs * -(-len(setup.positions["train"]) // config.batch_size)
    return PhaseCost(
        phase=str(config.recipe.phases[index]),
        cached=cached,
        filling=filling,
        step=step,
        validation=validation,
        seconds=filling + steps * step + epochs * validation,
    )


def _with_few_images(setup: TrainSetup, scratch: Path) -> TrainSetup:
    """Leave as many images as the measured steps take, and cache them elsewhere.

    Fewer images give the same steps, and nobody else needs a cache of them.
    """
    positions = setup.positions
    return dataclasses.replace(
        setup,
        positions={
            **positions,
            "train": positions["train"][: STEPS * setup.config.batch_size],
            "val": positions["val"][:_VAL],
        },
        caching=dataclasses.replace(
            setup.caching, home=scratch, limit=2**62, quiet=True
        ),
    )


def _filling(setup: TrainSetup, network: Network, index: int) -> tuple[float, bool]:
    """Decide as the run would whether to fill a cache.

    Returns
    -------
    seconds : float
        What filling it takes.
    cached : bool
        Whether there will be a cache.
    """
    config, caching = setup.config, setup.caching
    num_frozen = surgery.frozen_prefix(config.recipe.phases[index])
    if not num_frozen or caching.mode == "off" or config.augment != "views":
        return 0.0, False
    filler = frozen_prefix.make_filler(setup, network, num_frozen)
    if not filler.missing:
        return 0.0, True
    problem = frozen_prefix.cache_problem(
        filler,
        setup.images(),
        num_frozen,
        epochs=config.epochs[index],
        caching=caching,
    )
    if problem is not None:
        return 0.0, False
    per_output = filler.seconds_an_image()
    per_output += filler.cache.row_bytes * filler.seconds_a_byte()
    return filler.num_missing * per_output, True


def _calls(engine: Engine) -> Iterator[list[Batch]]:
    """Give whole batches for ever, as many together as a call takes."""
    source, replicas = engine.phase.source, engine.replicas
    size = min(engine.config.batch_size, source.num_images)
    batches = (
        batch
        for epoch in itertools.count()
        for batch in source.train(epoch, replicas.part)
        if batch.size == size
    )
    while True:
        yield [*itertools.islice(batches, engine.steps_per_call)]


def _step_seconds(engine: Engine) -> float:
    """Take a call to trace the graph, and then 20 steps or more."""
    calls, votes = _calls(engine), StopSignal().votes()
    times = []
    for number in range(1 + -(-STEPS // engine.steps_per_call)):
        start = time.perf_counter()
        batches = next(calls)
        rates = [1e-6] * len(batches)
        engine.take(batches, rates=rates, first_step=number, votes=votes)
        times.append((time.perf_counter() - start) / len(batches))
    return statistics.median(times[1:])


def _second_time(work: Callable[[], object]) -> float:
    """Do something twice, for the first time traces a graph; return the second's."""
    work()
    start = time.perf_counter()
    work()
    return time.perf_counter() - start
