"""How far a target is from a source: from names or files to distances and a verdict."""

import dataclasses
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from kerastransfer.advice import matrix
from kerastransfer.backbones import table as backbones
from kerastransfer.backbones.backbone import Backbone
from kerastransfer.backbones.default import default_backbone
from kerastransfer.backbones.preprocessing import Fit
from kerastransfer.datasets.dataset import Dataset
from kerastransfer.distances.distance_table import Distances
from kerastransfer.errors import InputError
from kerastransfer.foundation.progress import progress
from kerastransfer.foundation.report import say
from kerastransfer.foundation.tensorflow_import import import_quietly
from kerastransfer.records.find import find_or_convert
from kerastransfer.weights import store

if TYPE_CHECKING:
    from kerastransfer.distances.domain import Domain
    from kerastransfer.distances.domains import SourceNetwork
    from kerastransfer.distances.verdict import Verdict
    from kerastransfer.features.feature_file import FeatureFile
    from kerastransfer.features.source_statistics import SourceStatistics


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class _Request:
    target: Dataset | Path
    source: Dataset | Path | None
    metrics: tuple[str, ...]
    max_images: int
    images_per_class: int | None
    split: str | None
    weights: Path | None
    records: Path | None
    plot: Path | None


def between(
    target: Dataset | Path,
    source: Dataset | Path | None = None,
    *,
    backbone: str | None = None,
    fit: Fit = "crop",
    metrics: Sequence[str] = ("cosine", "mmd"),
    max_images: int = 2_000,
    images_per_class: int | None = None,
    split: str | None = None,
    pretraining_source: bool = False,
    weights: Path | None = None,
    records: Path | None = None,
    plot: Path | None = None,
) -> Distances:
    """Measure how far a target is from a source, by a backbone's features.

    Parameters
    ----------
    target : Dataset or Path
        Images, or the Path of a file of features.
    source : Dataset or Path, optional
        The same, or the Path of a file of statistics. Without it the source is what
        the backbone's weights tell of the images that it was pretrained on.
    backbone : str, optional
        By default that of the files, or else the target's
        (`kerastransfer.backbones.default`).
    fit : {'crop', 'pad', 'squash'}
        How images that are not square are brought to the network.
    metrics : sequence of str
        Of ``cosine``, ``mmd``, ``kernel_mmd``, ``svm`` and ``cnn``.
    max_images : int
        Where a dataset has more images, so many are drawn.
    images_per_class : int, optional
        Labelled training images; looks up what the study advises for as many.
    split : {'train', 'val', 'test'}, optional
        Of both datasets; all by default.
    pretraining_source : bool
        Whether `source` is what the network was pretrained on, as it was in the study.
    weights : Path, optional
        A file with the source's weights, in place of the known one.
    records : Path, optional
        The folder of converted datasets, in place of the usual one.
    plot : Path, optional
        Where to draw the features of both.

    Raises
    ------
    InputError
        If what is asked for does not fit together, or the files are of other networks.
    DataError
        If a domain's images are too few, of one class, or do not vary.
    """
    request = _Request(
        target=target,
        source=source,
        metrics=tuple(metrics),
        max_images=max_images,
        images_per_class=images_per_class,
        split=split,
        weights=weights,
        records=records,
        plot=plot,
    )
    _check(request)
    from kerastransfer.features import closed_form

    files = _Files.open(request)
    named = backbone or files.backbone
    if named is None:
        assert isinstance(target, Dataset)
        named = default_backbone(target.name)
        say(f"backbone: {named}, the default for these images")
    choice = backbones.get(named, fit=fit)
    if source is None:
        closed_form.check_available(choice)
    source_domain, target_domain = _domains(request, files, choice)
    from kerastransfer.distances.measure import measure

    measured = measure(source_domain, target_domain, request.metrics, say)
    estimate = measured["cosine"].value if "cosine" in measured else None
    verdict = None
    if estimate is not None:
        known = source_domain.pretraining or pretraining_source
        other = "" if known else source_domain.name
        verdict = _judge(estimate["corrected"], images_per_class, other)
    if plot:
        from kerastransfer.distances import plot as plots

        plots.draw(plot, source_domain, target_domain)
    return Distances(
        backbone=choice.name,
        source=source_domain.name,
        target=target_domain.name,
        target_images=target_domain.count,
        metrics=measured,
        verdict=verdict,
        images_per_class=images_per_class,
        plot=plot,
    )


def _check(request: _Request) -> None:
    """Refuse what can be refused before TensorFlow is loaded."""
    from kerastransfer.distances import measure, plot, samples

    measure.check_names(request.metrics)
    if request.max_images < samples.LEAST:
        raise InputError(
            f"Expected --max-images {samples.LEAST} or more, got {request.max_images}."
        )
    if request.images_per_class is not None:
        matrix.recommend(0.0, request.images_per_class)
        if "cosine" not in request.metrics:
            raise InputError("--images-per-class needs cosine among the --metrics.")
    if request.plot:
        plot.check(request.plot)


@dataclasses.dataclass(frozen=True, slots=True)
class _Files:
    """Features that come from files, where they do."""

    source: "FeatureFile | SourceStatistics | None"
    target: "FeatureFile | None"

    @classmethod
    def open(cls, request: _Request) -> "_Files":
        from kerastransfer.features import feature_file
        from kerastransfer.features.source_statistics import SourceStatistics

        source: FeatureFile | SourceStatistics | None = None
        target: FeatureFile | None = None
        if isinstance(request.source, Path):
            kind = feature_file.kind_of(request.source)
            of_statistics = kind == "statistics"
            reader = SourceStatistics if of_statistics else feature_file.FeatureFile
            source = reader.read(request.source)
        if isinstance(request.target, Path):
            target = feature_file.FeatureFile.read(request.target)
        return cls(source, target)

    @property
    def backbone(self) -> str | None:
        """The backbone that their features are of."""
        file = self.source or self.target
        return file.backbone if file else None


def _domains(
    request: _Request, files: _Files, backbone: Backbone
) -> "tuple[Domain, Domain]":
    """Gather source and target, with features of one network."""
    import_quietly()
    from kerastransfer.distances import domains

    loaded = None
    if files.target is None or files.source is None:
        loaded = store.load(backbone.name, request.weights)
        loaded.say()
        backbone = loaded.describe(backbone)
    expected = loaded.sha256 if loaded else files.source.weights if files.source else ""
    for path, file in (
        (request.source, files.source),
        (request.target, files.target),
    ):
        if file is not None:
            domains.check_network(Path(str(path)), file, backbone, expected)
    network = None
    if loaded:
        network = domains.SourceNetwork.of(backbone, loaded.mapping, loaded.sha256)
    return _source(request, files, network), _target(request, files, network)


def _source(
    request: _Request, files: _Files, network: "SourceNetwork | None"
) -> "Domain":
    from kerastransfer.distances import domains
    from kerastransfer.features.source_statistics import SourceStatistics

    if isinstance(files.source, SourceStatistics):
        return domains.from_statistics(files.source)
    if files.source is not None:
        return domains.from_features(files.source, domains.SOURCE_SEED)
    assert network is not None
    if request.source is None:
        return domains.from_weights(network)
    assert isinstance(request.source, Dataset)
    return _from_records(request, request.source, network, domains.SOURCE_SEED)


def _target(
    request: _Request, files: _Files, network: "SourceNetwork | None"
) -> "Domain":
    from kerastransfer.distances import domains

    if files.target is not None:
        return domains.from_features(files.target, domains.TARGET_SEED)
    assert network is not None
    assert isinstance(request.target, Dataset)
    return _from_records(request, request.target, network, domains.TARGET_SEED)


def _from_records(
    request: _Request, dataset: Dataset, network: "SourceNetwork", seed: int
) -> "Domain":
    from kerastransfer.distances import domains
    from kerastransfer.features.image_set import ImageSet

    records = find_or_convert(dataset, request.records)
    images = ImageSet.of(records, request.split, most=request.max_images, seed=seed)
    with progress(f"Extracting {records.name}") as show:
        return domains.from_records(records, images, network, seed, show)


def _judge(
    corrected: dict[str, Any], images_per_class: int | None, other_source: str
) -> "Verdict":
    from kerastransfer.distances import verdict
    from kerastransfer.evaluation.intervals import Estimate

    estimate = Estimate(**corrected)
    return verdict.judge(estimate, images_per_class, source=other_source)
