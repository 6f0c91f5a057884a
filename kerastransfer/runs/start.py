"""Starting runs: sources found, devices started, and the work done or only planned."""

import dataclasses
import functools
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from kerastransfer.config.run_options import RunOptions
from kerastransfer.config.train_config import TrainConfig
from kerastransfer.distribution.choice import Choice
from kerastransfer.distribution.start import start
from kerastransfer.errors import MissingError
from kerastransfer.foundation import system
from kerastransfer.foundation.home import records_home
from kerastransfer.foundation.progress import progress
from kerastransfer.foundation.quoting import quoted
from kerastransfer.foundation.report import say
from kerastransfer.records.find import find_or_convert
from kerastransfer.records.images.rules import ImageRules
from kerastransfer.records.sizes import Sizes
from kerastransfer.records.split.overview import Overview
from kerastransfer.records.write.convert import records_path
from kerastransfer.runs import finished, result_file
from kerastransfer.runs.finished import Run
from kerastransfer.runs.plan import RunCost, RunPlan
from kerastransfer.runs.sources import Sources
from kerastransfer.training.stopping import StopReason

if TYPE_CHECKING:
    import keras

    from kerastransfer.backbones.network import Network
    from kerastransfer.distribution.replicas import Replicas
    from kerastransfer.runs.execution import RunInputs
    from kerastransfer.training.caching import Caching
    from kerastransfer.training.setup import RunRecords, TrainSetup

AGAIN = "and the same command goes on."  # once the disk is not full any more


def train(
    sources: Sources,
    runs: Path,
    *,
    records_folder: Path | None = None,
    options: RunOptions | None = None,
    devices: Choice | None = None,
    callbacks: "Sequence[keras.callbacks.Callback]" = (),
    sharing_runs: int = 1,
) -> Run:
    """Train, evaluate and export a run, or go on with it, or return it if finished.

    Parameters
    ----------
    sources : Sources
        With a recipe in its settings.
    runs : Path
        The folder that gets the run's own.
    records_folder : Path, optional
        Holds converted datasets; by default the usual one.
    devices : Choice, optional
        By default one device, or all GPUs.
    sharing_runs : int
        How many runs of like length see the same images.

    Returns
    -------
    Run
        Without results in a process that is not the chief of several.
    """
    options = options or RunOptions()
    replicas = start(devices or Choice())
    from kerastransfer.runs import execution

    path = records_path(sources.dataset, records_folder or records_home())
    was_there = path.exists()
    records = find_or_convert(sources.dataset, records_folder)
    config = sources.config(Sizes.of_records(records))
    folder = Path(runs) / config.run_name
    if not options.restart and is_done(folder, options.time_limit):
        say("This run is finished; --restart trains it again.")
        return finished.read(folder)
    if replicas.chief and (was_there or records.metadata["rejected"]):
        say(str(Overview.of_metadata(records.metadata)))

    def export(network: "Network") -> None:
        from kerastransfer.export import saved_model

        preprocessing = sources.backbone.preprocessing
        saved_model.save(
            network,
            preprocessing,
            records.classes,
            folder / finished.SAVED_MODEL,
            ImageRules.of_metadata(records.metadata),
        )

    inputs = inputs_of(
        sources, records, options, replicas, callbacks, sharing_runs=sharing_runs
    )
    if options.export:
        inputs = dataclasses.replace(inputs, export=export)
    with system.telling_of_full_disk(folder, AGAIN):
        execution.train(config, inputs, folder)
    if not replicas.chief:
        return Run(folder=folder, config=config, classes=records.classes, result={})
    return finished.read(folder)


def inputs_of(
    sources: Sources,
    records: "RunRecords",
    options: RunOptions,
    replicas: "Replicas",
    callbacks: "Sequence[keras.callbacks.Callback]",
    *,
    sharing_runs: int = 1,
) -> "RunInputs":
    """Gather what a run is made from, beside its config; it exports nothing.

    Parameters
    ----------
    sharing_runs : int
        How many runs of like length see the same images.
    """
    from kerastransfer.runs.execution import RunInputs

    return RunInputs(
        records=records,
        source_weights=sources.weights,
        mean_image=sources.mean_image,
        caching=caching(options, sharing_runs=sharing_runs),
        replicas=replicas,
        checkpoint_every=options.checkpoint_every,
        time_limit=options.time_limit,
        restart=options.restart,
        with_probe=options.probe,
        callbacks=tuple(callbacks),
    )


def plan(
    sources: Sources,
    *,
    records_folder: Path | None = None,
    options: RunOptions | None = None,
    devices: Choice | None = None,
    measure: bool = False,
) -> RunPlan:
    """Say what `train` would do.

    Parameters
    ----------
    sources, records_folder, options, devices
        As for `train`.
    measure : bool
        Whether to take some steps, and predict time and memory; that converts the
        images if they have no records. Without it, TensorFlow is not imported.

    Raises
    ------
    MissingError
        If steps are to be taken, and there are no weights to take them with.
    """
    options = options or RunOptions()
    if measure and sources.to_download is not None:
        name = sources.to_download.name
        raise MissingError(
            f"Expected the weights of {quoted(name)} to take steps with, and a dry run "
            f"downloads nothing; run 'kerastransfer weights fetch {name}', or leave "
            "--measure out."
        )
    if not measure:
        sizes = Sizes.of_dataset(sources.dataset, records_folder)
        return _plan(sources, sources.config(sizes), sizes, options)
    replicas = start(devices or Choice())
    from kerastransfer.training.setup import TrainSetup

    records = find_or_convert(sources.dataset, records_folder)
    sizes = Sizes.of_records(records)
    config = sources.config(sizes)
    setup = TrainSetup.of(
        config,
        sources.backbone,
        records=records,
        source_weights=sources.weights,
        replicas=replicas,
        caching=caching(options),
    )
    cost = _measure(setup, sources, probe=options.probe)
    return _plan(sources, config, sizes, options, cost)


def caching(options: RunOptions, *, sharing_runs: int = 1) -> "Caching":
    """Say how frozen blocks are computed once, for so many runs of like length."""
    from kerastransfer.training.caching import Caching

    return Caching(
        mode=options.cache,
        limit=options.cache_limit,
        runs=sharing_runs,
        progress=functools.partial(progress, unit="crops"),
    )


def _plan(
    sources: Sources,
    config: TrainConfig,
    sizes: Sizes,
    options: RunOptions,
    cost: RunCost | None = None,
) -> RunPlan:
    return RunPlan(
        config=config,
        backbone=sources.backbone,
        sizes=sizes,
        cache=options.cache,
        cost=cost,
        to_download=sources.to_download,
    )


def _measure(setup: "TrainSetup", sources: Sources, *, probe: bool) -> RunCost:
    """Take a few steps of each phase, and of the probe's features."""
    from kerastransfer.features.responses import source_network
    from kerastransfer.runs import cost

    phases = cost.measure(setup)
    features = 0.0
    if sources.weights and probe:
        network = source_network(sources.backbone, sources.weights)
        features = cost.feature_seconds(setup, network)
    return RunCost(
        phases=tuple(phases), features=features, peak_bytes=cost.peak_bytes()
    )


def is_done(folder: Path, time_limit: float | None) -> bool:
    """Return whether a run is finished, and is given no more time than it had."""
    result = result_file.read_result(folder)
    if result is None:
        return False
    if result.get("stopped") != StopReason.TIME_LIMIT:
        return True
    return time_limit is not None and time_limit <= result["training_seconds"]
