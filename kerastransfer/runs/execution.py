"""A run: from a config to a folder that holds everything it produced."""

import contextlib
import dataclasses
import gc
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

import keras
from numpy.typing import NDArray

from kerastransfer import surgery
from kerastransfer.backbones import table as backbones
from kerastransfer.backbones.keras_models.graph import layers_within
from kerastransfer.backbones.mean_image import MeanImage
from kerastransfer.backbones.network import Network
from kerastransfer.config.run_options import CHECKPOINT_EVERY
from kerastransfer.config.train_config import TrainConfig
from kerastransfer.distribution.replicas import Replicas, single
from kerastransfer.export import seals
from kerastransfer.features.responses import source_network
from kerastransfer.foundation import atomic
from kerastransfer.foundation.report import say
from kerastransfer.records.images import rules
from kerastransfer.records.images.rules import ImageRules
from kerastransfer.runs import evaluation, result_file, run_folder
from kerastransfer.runs.against_probe import ProbeAnswers
from kerastransfer.runs.logs import MetricsLog, TensorBoardLog, TrainingProgress
from kerastransfer.training import phase_loop, source_features
from kerastransfer.training.caching import Caching
from kerastransfer.training.checkpoints.saver import CheckpointSaver
from kerastransfer.training.checkpoints.store import START, Checkpoint, CheckpointStore
from kerastransfer.training.setup import RunRecords, TrainSetup
from kerastransfer.training.source_features import SplitFeatures
from kerastransfer.training.stopping import StopReason, StopSignal


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class RunInputs:
    """What a run is made from, beside its config.

    Parameters
    ----------
    records : RunRecords
        The images and labels of all splits.
    source_weights : mapping of str to array
        The pretrained weights; empty where the recipe keeps none.
    mean_image : MeanImage, optional
        The one that the config's hash names.
    caching : Caching
        Whether and where outputs of frozen blocks are kept.
    replicas : Replicas
        The devices; by default the one that TensorFlow would choose.
    checkpoint_every : float
        Seconds between two checkpoints within a phase.
    time_limit : float, optional
        Seconds of training after which it ends with the best epoch so far.
    restart : bool
        Whether to forget what an unfinished run left.
    with_probe : bool
        Whether to measure the number to beat first.
    export : callable, optional
        Called with the trained network before ``result.json`` is written.
    callbacks : tuple of keras.callbacks.Callback
        Called after the run's own.
    about : mapping of str to value
        What else ``result.json`` says of the run.
    """

    records: RunRecords
    source_weights: Mapping[str, NDArray[Any]]
    mean_image: MeanImage | None = None
    caching: Caching = dataclasses.field(default_factory=Caching)
    replicas: Replicas = dataclasses.field(default_factory=single)
    checkpoint_every: float = CHECKPOINT_EVERY
    time_limit: float | None = None
    restart: bool = False
    with_probe: bool = True
    export: Callable[[Network], None] | None = None
    callbacks: tuple[keras.callbacks.Callback, ...] = ()
    about: Mapping[str, Any] = dataclasses.field(default_factory=dict)


def train(
    config: TrainConfig, inputs: RunInputs, folder: Path
) -> tuple[Network, dict[str, Any]]:
    """Train, evaluate, and write the run's files, ``result.json`` last.

    A run that was begun and has not finished goes on from its last checkpoint.

    Parameters
    ----------
    folder : Path
        Gets ``config.json``, ``labels.txt``, ``metrics.jsonl``, ``tensorboard/``,
        ``checkpoints/``, ``predictions/``, ``model.keras`` and ``result.json``.

    Returns
    -------
    network : Network
        With the best epoch's weights.
    result : dict
        What ``result.json`` holds; empty in a process that is not the chief.

    Raises
    ------
    InputError
        If the run cannot be resumed, or a loss is not finite.
    Terminated
        If the process was told to end; a checkpoint is there.
    """
    _begin(config.seed)
    chief, result = inputs.replicas.chief, dict[str, Any]()
    with run_folder.locked(folder) if chief else contextlib.nullcontext():
        started = time.monotonic()
        setup = _make_setup(config, inputs)
        store, checkpoint = _open_folder(setup, inputs, folder)
        spent = checkpoint.seconds
        network = setup.make_network()
        features = _source_features(setup, inputs, network) if chief else {}
        probe = ProbeAnswers.of(features) if features and inputs.with_probe else None
        stop_signal = StopSignal(inputs.time_limit, spent=spent, chief=chief)
        logs = _make_logs(setup, folder, checkpoint) if chief else None
        saver = CheckpointSaver(
            store,
            every=inputs.checkpoint_every,
            stop_signal=stop_signal,
            metrics_bytes=logs[0].num_bytes if logs else lambda: 0,
            checkpoint=checkpoint,
        )
        saver.restore(network)
        called = [*(logs or ()), *inputs.callbacks]
        with _training(setup, network, called) as callbacks, stop_signal.listening():
            results = phase_loop.train_phases(
                setup,
                network,
                callbacks=callbacks,
                saver=saver,
                stop_signal=stop_signal,
                after_phase=_weights_saver(folder if chief else None),
            )
        training_seconds, classes = stop_signal.seconds, inputs.records.classes
        if chief:
            kept = run_folder.keep_better(folder, network, results)
            answers = evaluation.classify(setup, network, features, classes, folder)
            result = {
                **evaluation.measure(setup, answers),
                "probe": probe and probe.beside(answers["test"], results).as_dict(),
                **result_file.identity(config, inputs.records),
                **inputs.about,
                **result_file.ending(results, kept),
                "training_seconds": round(training_seconds, 1),
                "seconds": round(spent + time.monotonic() - started, 1),
            }
            _leave_as_phase(setup, network, kept)
            _write(network, result, inputs=inputs, folder=folder)
        # A run whose time was up may be given more.
        if store is not None and results[-1].stopped is not StopReason.TIME_LIMIT:
            store.clear()
    inputs.replicas.leave()  # nobody before the chief is done
    return network, result


def _begin(seed: int) -> None:
    """Leave nothing of the runs before this one in the process."""
    gc.collect()  # networks are in cycles, which Python frees late
    keras.utils.set_random_seed(seed)


def _weights_saver(folder: Path | None) -> Callable[[int, Network], None]:
    """Return what writes each phase's weights into the run's folder, if it may."""

    def save(index: int, network: Network) -> None:
        if folder is not None:
            run_folder.save_weights(folder, index + 1, network)

    return save


def _make_setup(config: TrainConfig, inputs: RunInputs) -> TrainSetup:
    return TrainSetup.of(
        config,
        backbones.get(config.backbone, inputs.mean_image, config.fit),
        records=inputs.records,
        source_weights=inputs.source_weights,
        replicas=inputs.replicas,
        caching=inputs.caching,
    )


def _open_folder(
    setup: TrainSetup, inputs: RunInputs, folder: Path
) -> tuple[CheckpointStore | None, Checkpoint]:
    """Make the folder, and find out where to go on; all processes go on there."""
    config, store, checkpoint = setup.config, None, START
    run_folder.agree(config, setup.replicas)
    if setup.replicas.chief:
        classes = inputs.records.classes
        store, checkpoint = run_folder.prepare(
            folder, config, classes, restart=inputs.restart
        )
        image_rules = ImageRules.of_metadata(inputs.records.metadata)
        atomic.write_json(folder / rules.FILE, image_rules.as_dict())
        if inputs.mean_image is not None:
            inputs.mean_image.write(folder / seals.MEAN_IMAGE)
    return store, run_folder.share(checkpoint, setup.replicas)


def _source_features(
    setup: TrainSetup, inputs: RunInputs, network: Network
) -> SplitFeatures:
    """Run every image through the pretrained network, where that serves.

    That is the run's own before its first step, where it begins with these weights.
    """
    if not setup.source_weights:
        if inputs.with_probe:
            say("No probe: the recipe copies nothing; no weights were asked for.")
        return {}
    if not (inputs.with_probe or evaluation.is_head_only(setup)):
        return {}
    if surgery.redraws_features(setup.config.recipe.phases[0]):
        network = source_network(setup.backbone, setup.source_weights)
    return source_features.compute(
        setup.records,
        network,
        setup.backbone,
        positions=setup.positions,
        caching=setup.caching,
    )


def _make_logs(
    setup: TrainSetup, folder: Path, checkpoint: Checkpoint
) -> tuple[MetricsLog, TensorBoardLog, TrainingProgress]:
    """Open what the chief writes while it trains, where the checkpoint left it."""
    path = folder / seals.METRICS
    metrics_log = MetricsLog(path, checkpoint.metrics_bytes, checkpoint.steps)
    steps, epochs = _length(setup)
    return (
        metrics_log,
        TensorBoardLog(folder / "tensorboard", path),
        TrainingProgress(
            steps,
            epochs,
            num_val=len(setup.positions["val"]),
            done=checkpoint.steps,
        ),
    )


def _length(setup: TrainSetup) -> tuple[int, int]:
    """Count the steps and the epochs of all phases."""
    epochs = sum(setup.config.epochs)
    steps_per_epoch = -(-len(setup.positions["train"]) // setup.config.batch_size)
    return epochs * steps_per_epoch, epochs


@contextlib.contextmanager
def _training(
    setup: TrainSetup, network: Network, callbacks: Iterable[keras.callbacks.Callback]
) -> Iterator[keras.callbacks.CallbackList]:
    """Call callbacks as training begins, and however it ends."""
    steps, epochs = _length(setup)
    callback_list = keras.callbacks.CallbackList(
        [*callbacks], model=network.whole(), epochs=epochs, steps=steps
    )
    callback_list.on_train_begin()
    try:
        yield callback_list
    finally:
        callback_list.on_train_end()


def _leave_as_phase(setup: TrainSetup, network: Network, number: int) -> None:
    """Freeze and unfreeze as in a phase, by its number from 1.

    A process that went on after the last phase has not done so, and what Keras keeps of
    a model says it.
    """
    surgery.set_trainable(network, setup.plans(number - 1))
    for block in network.blocks:
        for layer in layers_within(block):
            if isinstance(layer, keras.layers.BatchNormalization):
                layer.synchronized = False  # as several devices had it


def _write(
    network: Network, result: dict[str, Any], *, inputs: RunInputs, folder: Path
) -> None:
    """Write the network, what is exported of it, and last the result."""
    size = run_folder.file_size(network)
    with atomic.replacing(folder / seals.MODEL, ".keras", size=size) as scratch:
        network.whole().save(scratch)
    if inputs.export is not None:
        inputs.export(network)
    seals.write_result(folder, result)
