"""``kerastransfer distance``: how far a target is from what the source looked like."""

import argparse
import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from kerastransfer.advice import matrix
from kerastransfer.backbones import table as backbones
from kerastransfer.backbones.backbone import Backbone
from kerastransfer.cli import options
from kerastransfer.datasets import table as datasets
from kerastransfer.distances import distance_table
from kerastransfer.errors import InputError
from kerastransfer.foundation.progress import progress
from kerastransfer.foundation.tensorflow_import import import_quietly
from kerastransfer.records import reader
from kerastransfer.weights import store
from kerastransfer.weights import table as weights

if TYPE_CHECKING:
    from kerastransfer.distances.domain import Domain
    from kerastransfer.distances.domains import SourceNetwork
    from kerastransfer.features.feature_file import FeatureFile
    from kerastransfer.features.source_statistics import SourceStatistics


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the command's arguments."""
    target = parser.add_mutually_exclusive_group(required=True)
    target.add_argument(
        "--target", metavar="NAME", help="a known name, folder:DIR or csv:FILE"
    )
    target.add_argument("--target-features", type=Path, metavar="FILE.npz")
    source = parser.add_mutually_exclusive_group()
    source.add_argument(
        "--source", metavar="NAME", help="source images (default: the weights tell)"
    )
    source.add_argument(
        "--source-features",
        type=Path,
        metavar="FILE.npz",
        help="features or statistics that 'features' wrote",
    )
    add = parser.add_argument
    add(
        "--pretraining-source",
        action="store_true",
        help="--source holds what the network was pretrained on, as the study's did",
    )
    add("--metrics", type=options.names, metavar="NAME[,NAME]")
    add("--images-per-class", type=int, metavar="N", help="look the study's advice up")
    add("--split", choices=("train", "val", "test"), help="of both (default: all)")
    add("--max-images", type=int, default=2_000, metavar="N", help="drawn of each set")
    add("--backbone", metavar="NAME", help="default: an installed one that serves")
    add("--weights", type=Path, metavar="FILE", help="the source's, from a file")
    add("--plot", type=Path, metavar="FILE", help="draw the features of both")
    options.add_records(parser)
    options.add_json(parser)


def execute(args: argparse.Namespace) -> int:
    """Measure, and print the study's table with the target in it."""
    _check(args)
    files = _read_files(args)
    backbone = _backbone(args, files)
    source, target = _domains(args, files, backbone)
    from kerastransfer.distances import measure, plot, verdict

    names = args.metrics or tuple(measure.METRICS)
    found = measure.measure(source, target, names, _say)
    told: dict[str, Any] = {
        "backbone": backbone.name,
        "source": source.name,
        "target": target.name,
        "target_images": target.count,
        "metrics": {name: each.as_dict() for name, each in found.items()},
    }
    if "cosine" in found and found["cosine"].value is not None:
        estimate = _estimate(found["cosine"].value["corrected"])
        other = not (source.pretraining or args.pretraining_source)
        judged = verdict.judge(
            estimate, args.images_per_class, source=source.name if other else ""
        )
        told["verdict"] = {
            "place": judged.place,
            "advice": [advice.value for advice in judged.advice],
            "abstained": judged.abstained,
            "images_per_class": args.images_per_class,
            "limits": matrix.LIMITS,
        }
    if args.plot:
        plot.draw(args.plot, source, target)
        told["plot"] = str(args.plot)
    print(json.dumps(told, indent=2) if args.json else distance_table.show(told))
    return 0


def _check(args: argparse.Namespace) -> None:
    """Refuse what can be refused before TensorFlow is loaded."""
    from kerastransfer.distances import measure, plot, samples

    names = args.metrics or tuple(measure.METRICS)
    measure.check_names(names)
    if args.max_images < samples.LEAST:
        raise InputError(
            f"Expected --max-images {samples.LEAST} or more, got {args.max_images}."
        )
    if args.images_per_class is not None:
        matrix.recommend(0.0, args.images_per_class)
        if "cosine" not in names:
            raise InputError("--images-per-class needs cosine among the --metrics.")
    if args.plot:
        plot.check(args.plot)
    for name in (args.source, args.target):
        if name is not None:
            datasets.resolve(name)


class _Files:
    """Features that come from files."""

    def __init__(
        self,
        source: "FeatureFile | SourceStatistics | None",
        target: "FeatureFile | None",
    ) -> None:
        self.source = source
        self.target = target
        found = [file for file in (source, target) if file is not None]
        self.backbone = found[0].backbone if found else None


def _read_files(args: argparse.Namespace) -> _Files:
    from kerastransfer.features import feature_file as files
    from kerastransfer.features.source_statistics import SourceStatistics

    source: FeatureFile | SourceStatistics | None = None
    path = args.source_features
    if path is not None:
        statistics = files.kind_of(path) == "statistics"
        source = (SourceStatistics if statistics else files.FeatureFile).read(path)
    target = args.target_features
    return _Files(source, target and files.FeatureFile.read(target))


def _backbone(args: argparse.Namespace, files: _Files) -> Backbone:
    """Choose the backbone: the user's, the files', or one whose weights tell enough."""
    from kerastransfer.features import closed_form

    named = args.backbone or files.backbone
    sourceless = args.source is None and files.source is None
    if named is not None:
        backbone = backbones.get(named)
        if sourceless:
            closed_form.check_available(backbone)
        return backbone
    for row in weights.WEIGHTS.values():
        backbone = backbones.get(row.backbone)
        if closed_form.available(backbone) and store.at_hand(row):
            _say(f"backbone: {backbone.name}, installed and with source statistics")
            return backbone
    raise InputError(
        "No installed backbone has source statistics; name one with --backbone."
    )


def _domains(
    args: argparse.Namespace, files: _Files, backbone: Backbone
) -> tuple["Domain", "Domain"]:
    """Gather both domains, with features of one network."""
    import_quietly()
    from kerastransfer.distances import domains

    needs_network = args.target or files.source is None
    loaded = store.load(backbone.name, args.weights) if needs_network else None
    expected = loaded.sha256 if loaded else files.source.weights if files.source else ""
    pairs = ((args.source_features, files.source), (args.target_features, files.target))
    for path, file in pairs:
        if file is not None:
            domains.check_network(path, file, backbone.name, expected)
    network = None
    if loaded:
        network = domains.SourceNetwork.of(backbone, loaded.mapping, loaded.sha256)
    return _source(args, files, network), _target(args, files, network)


def _source(
    args: argparse.Namespace, files: _Files, network: "SourceNetwork | None"
) -> "Domain":
    from kerastransfer.distances import domains
    from kerastransfer.features.source_statistics import SourceStatistics

    if isinstance(files.source, SourceStatistics):
        return domains.from_statistics(files.source)
    if files.source is not None:
        return domains.from_features(files.source, domains.SOURCE_SEED)
    assert network is not None
    if args.source is None:
        return domains.from_weights(network)
    return _from_records(args, args.source, network, domains.SOURCE_SEED)


def _target(
    args: argparse.Namespace, files: _Files, network: "SourceNetwork | None"
) -> "Domain":
    from kerastransfer.distances import domains

    if files.target is not None:
        return domains.from_features(files.target, domains.TARGET_SEED)
    assert network is not None
    return _from_records(args, args.target, network, domains.TARGET_SEED)


def _from_records(
    args: argparse.Namespace, name: str, network: "SourceNetwork", seed: int
) -> "Domain":
    from kerastransfer.distances import domains
    from kerastransfer.features.image_set import ImageSet

    folder = options.records_folder(args)
    records = reader.find_or_convert(datasets.resolve(name), folder)
    images = ImageSet.of(records, args.split, most=args.max_images, seed=seed)
    with progress(f"Extracting {records.name}") as show:
        return domains.from_records(records, images, network, seed, show)


def _estimate(fields: dict[str, Any]) -> Any:
    from kerastransfer.evaluation.intervals import Estimate

    return Estimate(**fields)


def _say(text: str) -> None:
    print(text, file=sys.stderr, flush=True)
