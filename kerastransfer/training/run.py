"""A run: from a config to a folder that holds everything it produced."""

import dataclasses
import importlib.metadata
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import keras
import numpy as np
from numpy.typing import NDArray

from kerastransfer import __version__, atomic, surgery
from kerastransfer.backbones import table as backbones
from kerastransfer.backbones.mean_image import MeanImage
from kerastransfer.backbones.network import Network
from kerastransfer.evaluation import metrics, probe
from kerastransfer.evaluation.wording import percent
from kerastransfer.features.extraction import Extractor
from kerastransfer.recipe import NUM_BLOCKS, Phase, Recipe
from kerastransfer.records.reader import Records
from kerastransfer.training import inference, phase, prefix
from kerastransfer.training.callbacks import MetricsLog, Progress, TensorBoardLog
from kerastransfer.training.config import TrainConfig
from kerastransfer.training.console import say
from kerastransfer.training.finished import MEAN_IMAGE
from kerastransfer.training.prefix import Features
from kerastransfer.training.resolve import head_only
from kerastransfer.training.source import Images, Source

_FEATURE_BLOCK = NUM_BLOCKS - 1


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Inputs:
    """What a run is made from, beside its config.

    Parameters
    ----------
    records : Records
        The data.
    source_weights : mapping of str to array
        The pretrained weights; empty where the recipe keeps none.
    mean_image : MeanImage, optional
        The one that the config's hash names.
    cache : {'auto', 'on', 'off'}
        Whether frozen blocks are computed once.
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
    cache: str = "auto"
    with_probe: bool = True
    export: Callable[[Network], None] | None = None
    callbacks: tuple[keras.callbacks.Callback, ...] = ()


def train(
    config: TrainConfig, inputs: Inputs, folder: Path
) -> tuple[Network, dict[str, Any]]:
    """Train, evaluate, and write the run's files, ``result.json`` last.

    Parameters
    ----------
    config : TrainConfig
    inputs : Inputs
    folder : Path
        Gets ``config.json``, ``labels.txt``, ``metrics.jsonl``, ``tensorboard/``,
        ``checkpoints/``, ``model.keras`` and ``result.json``.

    Returns
    -------
    network : Network
        With the best epoch's weights.
    result : dict
        What ``result.json`` holds.
    """
    start = time.monotonic()
    keras.utils.set_random_seed(config.seed)
    _prepare(folder, config, inputs)
    job = _Job(config, inputs, folder)
    features = job.source_features() if inputs.with_probe else {}
    probed = _probe(features, config.seed) if features else None
    network, outcomes = job.train_phases(features)
    result = {
        "test": job.evaluate(network, "test", features),
        "val": job.evaluate(network, "val", features),
        "probe": probed,
        **_identity(config, inputs.records),
        "phases": [dataclasses.asdict(outcome) for outcome in outcomes],
        "seconds": round(time.monotonic() - start, 1),
    }
    with atomic.replacing(folder / "model.keras", ".keras") as scratch:
        network.whole().save(scratch)
    if inputs.export is not None:
        inputs.export(network)
    atomic.write_json(folder / "result.json", result)
    return network, result


class _Job:
    """The steps of `train` and what they share."""

    def __init__(self, config: TrainConfig, inputs: Inputs, folder: Path) -> None:
        self.config = config
        self.inputs = inputs
        self.folder = folder
        self.recipe = Recipe.parse(config.recipe)
        self.backbone = backbones.get(config.backbone, inputs.mean_image)
        records = inputs.records
        self.num_classes = len(records.classes)
        self.positions = {
            "train": records.variant(config.images_per_class, config.draw),
            "val": np.arange(records.size("val")),
            "test": np.arange(records.size("test")),
        }

    def source_features(self) -> Features:
        """Run every image through the pretrained network, if there is one."""
        if not self.inputs.source_weights:
            say("No probe: the recipe copies nothing, so no weights were asked for.")
            return {}
        network = self.backbone.build(self.backbone.source_classes, self.config.seed)
        for number in range(1, NUM_BLOCKS):
            network.assign(number, self.inputs.source_weights)
        images = sum(len(positions) for positions in self.positions.values())
        say(f"Computing the source's features of {images:,} images ...")
        extract = Extractor(network, self.backbone.preprocessing, last=_FEATURE_BLOCK)
        return {split: extract(self._centre(split)) for split in self.positions}

    def train_phases(self, features: Features) -> tuple[Network, list[phase.Outcome]]:
        """Train phase after phase."""
        recipe, config = self.recipe, self.config
        network = surgery.draw(
            recipe.phases[0],
            self.backbone,
            self.num_classes,
            config.seed,
            self.inputs.source_weights,
        )
        callbacks = self._callbacks(network)
        callbacks.on_train_begin()
        outcomes: list[phase.Outcome] = []
        try:
            for index in range(len(recipe.phases)):
                outcomes.append(self._train_phase(network, index, callbacks, features))
        finally:
            callbacks.on_train_end()
        return network, outcomes

    def evaluate(
        self, network: Network, split: str, features: Features
    ) -> dict[str, Any]:
        """Measure on a split; features serve again where no block below 8 moved."""
        if features and self._head_only():
            known, labels = features[split]
            answers = inference.classify_features(network, known)
        else:
            answers, labels = inference.probabilities(
                network, self.backbone.preprocessing, self._centre(split)
            )
        return metrics.evaluate(answers, labels).as_dict()

    def _train_phase(
        self,
        network: Network,
        index: int,
        callbacks: keras.callbacks.CallbackList,
        features: Features,
    ) -> phase.Outcome:
        config, step = self.config, self.recipe.phases[index]
        epochs = config.epochs[index]
        if index:
            # Another seed than the first phase's, or R would draw the same weights.
            surgery.redraw(
                network, step, self.backbone, self.num_classes, config.seed + index
            )
        plans = surgery.plan(step, self.backbone, self.num_classes, config.batch_norm)
        say(f"Phase {index + 1} of {len(config.epochs)}: {step}, {epochs} epochs")
        # In the first phase a frozen prefix is the source's; later it may have moved.
        known = features if index == 0 or self._head_only() else None
        source = self._source(network, step, epochs, known)
        outcome = phase.train(
            network,
            plans,
            source,
            self.backbone.preprocessing,
            config,
            epochs=epochs,
            learning_rate=config.learning_rate[index],
            callbacks=callbacks,
            first_epoch=sum(config.epochs[:index]),
        )
        path = self.folder / "checkpoints" / f"phase{index + 1}.weights.h5"
        with atomic.replacing(path, ".weights.h5") as scratch:
            network.whole().save_weights(scratch)
        return outcome

    def _source(
        self, network: Network, step: Phase, epochs: int, features: Features | None
    ) -> Source:
        images = Images(
            examples=self.inputs.records,
            train_positions=self.positions["train"],
            val_positions=self.positions["val"],
            facts=self.backbone.preprocessing,
            config=self.config,
        )
        return prefix.choose(
            images,
            network,
            surgery.frozen_prefix(step),
            epochs=epochs,
            cache=self.inputs.cache,
            features=features,
        )

    def _head_only(self) -> bool:
        return all(head_only(step) for step in self.recipe.phases)

    def _centre(self, split: str) -> Any:
        return inference.centre_views(
            self.inputs.records,
            split,
            self.positions[split],
            self.backbone.preprocessing,
        )

    def _callbacks(self, network: Network) -> keras.callbacks.CallbackList:
        epochs = sum(self.config.epochs)
        steps = epochs * -(-len(self.positions["train"]) // self.config.batch_size)
        return keras.callbacks.CallbackList(
            [
                MetricsLog(self.folder / "metrics.jsonl"),
                TensorBoardLog(self.folder / "tensorboard"),
                Progress(steps, epochs),
                *self.inputs.callbacks,
            ],
            model=network.whole(),
            epochs=epochs,
            steps=steps,
        )


def _prepare(folder: Path, config: TrainConfig, inputs: Inputs) -> None:
    if (folder / "metrics.jsonl").exists() and not (folder / "result.json").exists():
        say("A run that did not finish is here; it is trained from the beginning.")
    (folder / "result.json").unlink(missing_ok=True)
    folder.mkdir(parents=True, exist_ok=True)
    atomic.write_json(folder / "config.json", config.as_dict())
    atomic.write_text(
        folder / "labels.txt", "".join(f"{name}\n" for name in inputs.records.classes)
    )
    if inputs.mean_image is not None:
        inputs.mean_image.write(folder / MEAN_IMAGE)


def _probe(features: Features, seed: int) -> dict[str, Any]:
    """Fit the plain classifier that a recipe has to beat, and say how good it is."""
    fitted = probe.fit_probe(*features["train"], *features["val"], seed=seed)
    test, labels = features["test"]
    result = metrics.evaluate(fitted.probabilities(test), labels)
    say(f"To beat: {fitted.kind}, test accuracy {percent(result.accuracy.as_dict())}")
    return {"kind": fitted.kind, "test": result.as_dict()}


def _identity(config: TrainConfig, records: Records) -> dict[str, Any]:
    """Say what ran, on what, with which releases."""
    chosen = records.variant(config.images_per_class, config.draw)
    counts = np.bincount(
        records.labels("train")[chosen], minlength=len(records.classes)
    )
    return {
        "recipe": config.recipe,
        "backbone": config.backbone,
        "dataset": config.dataset,
        "images_per_class": config.images_per_class,
        "seed": config.seed,
        "draw": config.draw,
        "config_hash": config.hash,
        "train_counts": dict(zip(records.classes, counts.tolist(), strict=True)),
        "versions": {"kerastransfer": __version__}
        | {
            name: importlib.metadata.version(name)
            for name in ("tensorflow", "keras", "numpy")
        },
    }
