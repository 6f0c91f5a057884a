"""A run: from a config to a folder that holds everything it produced."""

import contextlib
import dataclasses
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import keras
import numpy as np
from numpy.typing import NDArray

from kerastransfer.backbones import table as backbones
from kerastransfer.backbones.mean_image import MeanImage
from kerastransfer.backbones.network import Network
from kerastransfer.config.defaults import head_only
from kerastransfer.config.run_options import CHECKPOINT_EVERY
from kerastransfer.config.train_config import TrainConfig
from kerastransfer.distribution.replicas import Replicas, single
from kerastransfer.evaluation import metrics
from kerastransfer.features.responses import source_network
from kerastransfer.foundation import atomic
from kerastransfer.foundation.report import say
from kerastransfer.records.reader import Records
from kerastransfer.runs import result_file as outcome
from kerastransfer.runs import run_folder
from kerastransfer.runs.finished import MEAN_IMAGE
from kerastransfer.runs.logs import MetricsLog, TensorBoardLog, TrainingProgress
from kerastransfer.training import inference, phases
from kerastransfer.training import source_features as features_of
from kerastransfer.training.caching import Caching
from kerastransfer.training.checkpoint_saver import CheckpointSaver
from kerastransfer.training.checkpoints import Checkpoint, CheckpointStore, steps_of
from kerastransfer.training.setup import TrainSetup
from kerastransfer.training.source_features import SplitFeatures
from kerastransfer.training.stopping import StopSignal


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class RunInputs:
    """What a run is made from, beside its config.

    Parameters
    ----------
    records : Records
        The data.
    source_weights : mapping of str to array
        The pretrained weights; empty where the recipe keeps none.
    mean_image : MeanImage, optional
        The one that the config's hash names.
    caching : Caching
        Whether and where frozen blocks are computed once.
    replicas : Replicas
        The devices; by default the one that TensorFlow would choose.
    checkpoint_every : float
        Seconds between two checkpoints within a phase.
    time_limit : float, optional
        Seconds of training after which it ends with the best that it has.
    restart : bool
        Whether to forget what an unfinished run left.
    with_probe : bool
        Whether to measure the number to beat first.
    export : callable, optional
        Given the trained network before ``result.json`` says that the run is done.
    callbacks : tuple of keras.callbacks.Callback
        More of them, of the caller's.
    """

    records: Records
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


def train(
    config: TrainConfig, inputs: RunInputs, folder: Path
) -> tuple[Network, dict[str, Any]]:
    """Train, evaluate, and write the run's files, ``result.json`` last.

    A run that was begun and has not finished goes on from its last checkpoint.

    Parameters
    ----------
    config : TrainConfig
    inputs : RunInputs
    folder : Path
        Gets ``config.json``, ``labels.txt``, ``metrics.jsonl``, ``tensorboard/``,
        ``checkpoints/``, ``model.keras`` and ``result.json``; from the chief alone.

    Returns
    -------
    network : Network
        With the best epoch's weights.
    result : dict
        What ``result.json`` holds; empty in a process that is not the chief.

    Raises
    ------
    InputError
        If the run cannot be gone on with, or a loss is not finite.
    Terminated
        If the process was told to end; a checkpoint is there.
    """
    keras.utils.set_random_seed(config.seed)
    chief = inputs.replicas.chief
    with run_folder.locked(folder) if chief else contextlib.nullcontext():
        network, result = _Job(config, inputs, folder).run()
    inputs.replicas.sum(0.0)  # nobody leaves before the chief is done
    return network, result


class _Job:
    """The steps of `train` and what they share."""

    def __init__(self, config: TrainConfig, inputs: RunInputs, folder: Path) -> None:
        self.config = config
        self.inputs = inputs
        self.folder = folder
        self.recipe = config.recipe
        self.backbone = backbones.get(config.backbone, inputs.mean_image)
        records = inputs.records
        self.positions = {
            "train": records.variant(config.images_per_class, config.draw),
            "val": np.arange(records.size("val")),
            "test": np.arange(records.size("test")),
        }

    def run(self) -> tuple[Network, dict[str, Any]]:
        """Do what `train` promises."""
        start, inputs = time.monotonic(), self.inputs
        store, found = self.begin()
        features = self.features() if inputs.replicas.chief else {}
        probed = None
        if features and inputs.with_probe:
            probed = outcome.probe(features)
        network, outcomes, seconds = self.train_phases(store, found)
        if not inputs.replicas.chief:
            return network, {}
        before = found.seconds if found else 0.0
        kept = run_folder.keep_better(self.folder, network, outcomes)
        result = {
            "test": self.evaluate(network, "test", features),
            "val": self.evaluate(network, "val", features),
            "probe": probed,
            **outcome.identity(self.config, inputs.records),
            "phases": [dataclasses.asdict(outcome) for outcome in outcomes],
            "kept_phase": kept,
            "stopped": outcomes[-1].stopped,
            "training_seconds": round(seconds, 1),
            "seconds": round(before + time.monotonic() - start, 1),
        }
        self.write(network, result, store)
        return network, result

    def begin(self) -> tuple[CheckpointStore | None, Checkpoint | None]:
        """Make the folder, and find out where to go on."""
        inputs, store, found = self.inputs, None, None
        run_folder.agree(self.config, inputs.replicas)
        if inputs.replicas.chief:
            classes = inputs.records.classes
            store, found = run_folder.prepare(
                self.folder, self.config, classes, restart=inputs.restart
            )
            if inputs.mean_image is not None:
                inputs.mean_image.write(self.folder / MEAN_IMAGE)
        return store, run_folder.share(found, inputs.replicas)

    def features(self) -> SplitFeatures:
        """Run every image through the pretrained network, where that serves."""
        if not self.inputs.source_weights:
            if self.inputs.with_probe:
                say("No probe: the recipe copies nothing; no weights were asked for.")
            return {}
        if not (self.inputs.with_probe or self._head_only()):
            return {}
        return features_of.compute(
            self.inputs.records,
            source_network(self.backbone, self.inputs.source_weights),
            self.backbone,
            self.positions,
            self.inputs.caching,
        )

    def train_phases(
        self, store: CheckpointStore | None, found: Checkpoint | None
    ) -> tuple[Network, phases.PhaseResults, float]:
        """Train phase after phase, keeping checkpoints and metrics.

        The last that is returned are the seconds that training has taken.
        """
        inputs, chief = self.inputs, self.inputs.replicas.chief
        spent = found.seconds if found else 0.0
        halt = StopSignal(inputs.time_limit, spent=spent, chief=chief)
        metrics_log = self._metrics_log(found) if chief else None
        checkpointer = CheckpointSaver(
            store,
            every=inputs.checkpoint_every,
            halt=halt,
            metrics_bytes=metrics_log.num_bytes if metrics_log else lambda: 0,
            found=found,
        )
        setting = TrainSetup.of(
            self.config,
            self.backbone,
            inputs.records,
            inputs.source_weights,
            inputs.replicas,
            inputs.caching,
        )
        network, outcomes = phases.begin(setting, found)
        callbacks = self._callbacks(network, metrics_log, found)
        callbacks.on_train_begin()
        try:
            with halt.listening():
                outcomes = phases.train(
                    setting,
                    network,
                    outcomes,
                    callbacks,
                    checkpointer,
                    halt,
                    found=found,
                    after=self._save_weights if chief else lambda index, network: None,
                )
        finally:
            callbacks.on_train_end()
        return network, outcomes, halt.seconds

    def evaluate(
        self, network: Network, split: str, features: SplitFeatures
    ) -> dict[str, Any]:
        """Measure on a split; features serve again where no block below 8 moved."""
        if features and self._head_only():
            known, labels = features[split]
            answers = inference.classify_features(network, known)
        else:
            batches = inference.centre_views(
                self.inputs.records,
                split,
                self.positions[split],
                self.backbone.preprocessing,
            )
            answers, labels = inference.probabilities(
                network, self.backbone.preprocessing, batches
            )
        return metrics.evaluate(answers, labels).as_dict()

    def write(
        self, network: Network, result: dict[str, Any], store: CheckpointStore | None
    ) -> None:
        """Write the network and the result; checkpoints are of no use after that."""
        with atomic.replacing(self.folder / "model.keras", ".keras") as scratch:
            network.whole().save(scratch)
        if self.inputs.export is not None:
            self.inputs.export(network)
        atomic.write_json(self.folder / run_folder.RESULT, result)
        # A run whose time was up may be given more.
        if store is not None and result["stopped"] != "time limit":
            store.clear()

    def _save_weights(self, index: int, network: Network) -> None:
        run_folder.save_weights(self.folder, index + 1, network)

    def _head_only(self) -> bool:
        return all(head_only(step) for step in self.recipe.phases)

    def _metrics_log(self, found: Checkpoint | None) -> MetricsLog:
        path = self.folder / run_folder.METRICS
        keep = found.metrics_bytes if found else 0
        return MetricsLog(path, keep, steps_of(found))

    def _callbacks(
        self,
        network: Network,
        metrics_log: MetricsLog | None,
        found: Checkpoint | None,
    ) -> keras.callbacks.CallbackList:
        epochs = sum(self.config.epochs)
        steps = epochs * -(-len(self.positions["train"]) // self.config.batch_size)
        ours: list[keras.callbacks.Callback] = []
        if metrics_log is not None:
            before = self.folder / run_folder.METRICS if found else None
            ours = [
                metrics_log,
                TensorBoardLog(self.folder / "tensorboard", before),
                TrainingProgress(
                    steps, epochs, len(self.positions["val"]), steps_of(found)
                ),
            ]
        return keras.callbacks.CallbackList(
            [*ours, *self.inputs.callbacks],
            model=network.whole(),
            epochs=epochs,
            steps=steps,
        )
