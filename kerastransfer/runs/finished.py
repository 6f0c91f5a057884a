"""A finished run, read back from its folder: its numbers, its network, its answers."""

import dataclasses
from collections.abc import Iterable, Mapping
from contextlib import AbstractContextManager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from kerastransfer.backbones import table as backbones
from kerastransfer.backbones.backbone import Backbone
from kerastransfer.backbones.mean_image import MeanImage, read_sealed
from kerastransfer.config.train_config import TrainConfig
from kerastransfer.datasets import table as datasets
from kerastransfer.errors import InputError, MissingError
from kerastransfer.evaluation.baseline import Baseline
from kerastransfer.evaluation.metrics import Metrics
from kerastransfer.export import seals
from kerastransfer.export.answers import table as answer_table
from kerastransfer.export.answers.files import as_paths, image_files
from kerastransfer.export.seals import CONFIG, LABELS, MEAN_IMAGE, MODEL, RESULT
from kerastransfer.foundation import json_file, keras_settings
from kerastransfer.foundation.quoting import quoted
from kerastransfer.foundation.report import Preformatted
from kerastransfer.foundation.tensorflow_import import import_quietly
from kerastransfer.records.find import find_or_convert
from kerastransfer.records.reader import Records
from kerastransfer.runs import result_file, summary

if TYPE_CHECKING:
    import keras

    from kerastransfer.backbones.network import Network
    from kerastransfer.export.answers.classify import AnswerTable
    from kerastransfer.export.predictor import Prediction, Predictor
    from kerastransfer.runs.card.card import ModelCard

SAVED_MODEL = seals.SAVED_MODEL


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Run(Preformatted):
    """What a run's folder says of it.

    Parameters
    ----------
    classes : tuple of str
        Names, in the order of the labels.
    mean_image : MeanImage, optional
        The one that was subtracted in place of the mean pixel.
    ignore_seal : bool
        Whether files that were changed since are taken.
    result : mapping
        What ``result.json`` holds; empty in a process that trained for a chief.
    """

    folder: Path
    config: TrainConfig
    classes: tuple[str, ...]
    mean_image: MeanImage | None = None
    ignore_seal: bool = dataclasses.field(default=False, repr=False)
    result: Mapping[str, Any] = dataclasses.field(repr=False)

    def __str__(self) -> str:
        return summary.text(self)

    @property
    def backbone(self) -> Backbone:
        """The backbone that the run trained."""
        return backbones.get(self.config.backbone, self.mean_image, self.config.fit)

    @property
    def test(self) -> Metrics:
        """How good the network is on the test set; measured once, at the end."""
        return Metrics.from_dict(self._result["test"])

    @property
    def val(self) -> Metrics | None:
        """How good it is on the validation set, which chose the best epoch."""
        val = self._result["val"]
        return Metrics.from_dict(val) if val else None

    @property
    def to_beat(self) -> Baseline | None:
        """The baseline on the same test set; None where none was measured."""
        probe = self._result["probe"]
        return Baseline.from_dict(probe) if probe else None

    @property
    def _result(self) -> Mapping[str, Any]:
        if not self.result:
            raise MissingError(
                "Expected the results of a run, and this process trained it for a "
                "chief, whose folder holds them; open that."
            )
        return self.result

    @keras_settings.ours
    def blocks(self) -> "Network":
        """Build the network block by block, with the trained weights."""
        import_quietly()
        network = self.backbone.build(len(self.classes), self.config.seed)
        network.whole().load_weights(self.folder / MODEL)
        return network

    @keras_settings.ours
    def network(self) -> "keras.Model":
        """Build the trained network as one Keras model.

        Its input is what the backbone's preprocessing gives, its output logits; the
        SavedModel takes images as they are (`export`).
        """
        return self.blocks().whole()

    @keras_settings.ours
    def evaluate(
        self,
        split: str = "test",
        records: Records | None = None,
        *,
        mistakes: str | Path | None = None,
    ) -> Metrics:
        """Measure the network on a split.

        Parameters
        ----------
        split : {'train', 'val', 'test'}
        records : Records, optional
            Of the same classes; by default the run's own dataset.
        mistakes : path, optional
            Gets a table of every image with its classes and probabilities, the most
            confident mistakes first; ends in ``.csv``, ``.tsv``, ``.jsonl`` or
            ``.parquet``.

        Raises
        ------
        InputError
            If the split is empty or the classes are others.
        """
        mistakes_file = None if mistakes is None else Path(mistakes)
        if mistakes_file is not None:
            answer_table.check(mistakes_file)
        if records is None:
            records = find_or_convert(datasets.resolve(self.config.dataset))
        if records.classes != self.classes:
            odd = sorted(set(records.classes) ^ set(self.classes))
            raise InputError(
                f"Expected {quoted(records.name)} to have the run's "
                f"{len(self.classes)} classes, in their order, got "
                f"{len(records.classes)}; they differ in {odd[:10]}."
            )
        import_quietly()
        from kerastransfer.runs.evaluation import evaluate

        return evaluate(self, records, split, mistakes_file)

    def predict(
        self,
        files: str | Path | Iterable[str | Path],
        top: int = 1,
        *,
        white_level: float | str | None = None,
    ) -> "list[Prediction]":
        """Classify image files; one that cannot be read spoils no other.

        Parameters
        ----------
        files : path or iterable of path
            Files, and folders whose images are taken at any depth.
        top : int
            Classes of each answer, the most probable first.
        white_level : float, optional
            What is white in images deeper than 8 bits; by default as in the run's own.
        """
        paths = image_files(as_paths(files))
        with self._predictor(white_level) as predictor:
            return list(predictor.predict(paths, top=top))

    @keras_settings.ours
    def predict_folder(
        self,
        files: str | Path | Iterable[str | Path],
        out: str | Path,
        top: int = 1,
        *,
        white_level: float | str | None = None,
    ) -> "AnswerTable":
        """Classify any number of files into a table; see `predict_table`."""
        answer_table.check(Path(out))
        with self._predictor(white_level) as predictor:
            from kerastransfer.export.answers.classify import classify

            return classify(predictor, as_paths(files), Path(out), top=top)

    def _predictor(
        self, white_level: float | str | None
    ) -> "AbstractContextManager[Predictor]":
        import_quietly()
        from kerastransfer.export.predictor import opened

        folder = self.folder / SAVED_MODEL
        return opened(folder, self.export, white_level, ignore_seal=self.ignore_seal)

    @keras_settings.ours
    def export(
        self,
        folder: str | Path,
        *,
        calibrate: bool = False,
        precision: float | None = None,
        reliability: str | Path | None = None,
        **bundle: Any,
    ) -> Path:
        """Write a SavedModel that takes image files and needs TensorFlow alone.

        Parameters
        ----------
        folder : path
            A new folder, or that of an older export, which is replaced.
        calibrate : bool
            Whether probabilities get a temperature that is fitted to validation images.
        precision : float, optional
            Fraction of right answers that is wanted; the calibrated model does not know
            what is less probable than brings that.
        reliability : path, optional
            Figure that gets the reliability diagram, before and after calibration.
        **bundle
            Fields of `runs.exporting.options.BundleOptions`, such as
            ``formats=("litert",)``: then the folder gets these, with a certificate.
        """
        from kerastransfer.runs.exporting import export
        from kerastransfer.runs.exporting.options import BundleOptions

        options = BundleOptions.of(bundle) if bundle else None
        return export.export(
            self,
            Path(folder),
            calibrate=calibrate,
            precision=precision,
            reliability_file=None if reliability is None else Path(reliability),
            bundle_options=options,
        )

    def card(self, records: Records | Path | None = None) -> "ModelCard":
        """Write a model card: data, recipe, metrics, distance, limits, licences.

        Parameters
        ----------
        records : Records or path, optional
            Those that the run was trained on, or the folder that holds converted
            datasets. Where they are not at hand the card says so.
        """
        from kerastransfer.runs.card.card import card

        return card(self, records)


def read(folder: Path, *, ignore_seal: bool = False) -> Run:
    """Read what a run left.

    Parameters
    ----------
    folder : Path
        A run's.
    ignore_seal : bool
        Whether to take its files even where they were changed since.

    Raises
    ------
    MissingError
        If it is no run's folder, or the run has not finished.
    InputError
        If its config or its result cannot be read.
    WeightsError
        If its mean image cannot be read.
    DataError
        If its files are not those that it left.
    """
    # result.json is written last: without it, the model may be an earlier run's.
    for name in (CONFIG, LABELS, MODEL, RESULT):
        if not (folder / name).is_file():
            raise MissingError(
                f"Expected a finished run in {quoted(folder)}, and {name} is not "
                "there; the same train command trains it."
            )
    if not ignore_seal:
        seals.check_run(folder)
    try:
        fields = json_file.read_object(folder / CONFIG)
    except ValueError as error:
        raise InputError(f"Expected JSON in {folder / CONFIG}: {error}.") from None
    classes = (folder / LABELS).read_text(encoding="utf-8").splitlines()
    config = TrainConfig.from_dict(fields)
    return Run(
        folder=folder,
        config=config,
        classes=tuple(classes),
        mean_image=read_sealed(folder / MEAN_IMAGE, config.mean_image),
        ignore_seal=ignore_seal,
        result=result_file.read_result(folder) or {},
    )
