"""``kerastransfer features``: a backbone's responses, in a file; and what is cached."""

import argparse
import json
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from kerastransfer.backbones import table as backbones
from kerastransfer.cli import options
from kerastransfer.cli.commands import feature_caches
from kerastransfer.datasets import table as datasets
from kerastransfer.errors import InputError
from kerastransfer.foundation.progress import progress
from kerastransfer.foundation.tensorflow_import import import_quietly
from kerastransfer.records import reader
from kerastransfer.weights import store

if TYPE_CHECKING:
    from kerastransfer.backbones.network import Network
    from kerastransfer.features.feature_file import FeatureFile
    from kerastransfer.records.reader import Records

HELP = (
    "extract features (block 7) to a file, or sum them up as source statistics; list "
    "or prune the cached outputs of frozen blocks"
)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the command's arguments."""
    add = parser.add_argument
    add("action", nargs="?", choices=("list", "prune"), help="of caches")
    add("--dataset", metavar="NAME", help="or folder:DIR, csv:FILE")
    add("--split", choices=("train", "val", "test"), help="default: all, in that order")
    add("--backbone", default="efficientnet_lite0", metavar="NAME")
    add("--weights", type=Path, metavar="FILE", help="the source's, from a file")
    add("--archives", type=Path, metavar="DIR", help="where the dataset's files are")
    add("--out", type=Path, metavar="FILE.npz", help="features, labels and ids")
    add(
        "--save-statistics",
        type=Path,
        metavar="FILE.npz",
        help="mean, count and a sample of the features, for 'distance'",
    )
    add(
        "--covariance",
        action="store_true",
        help="keep the covariance in the statistics (d x d numbers)",
    )
    add("--older-than", type=float, metavar="DAYS", help="prune what is unused since")
    add("--all", action="store_true", help="prune every cache")
    options.add_records(parser)
    options.add_json(parser)


def execute(args: argparse.Namespace) -> int:
    """Extract, and print what was written; or look after caches."""
    if args.action == "list":
        return feature_caches.show(args)
    if args.action == "prune":
        return feature_caches.prune(args)
    _check(args)
    backbone = backbones.get(args.backbone)
    dataset = datasets.resolve(args.dataset, args.archives)
    loaded = store.load(backbone.name, args.weights)
    import_quietly()
    records = reader.find_or_convert(dataset, options.records_folder(args))
    from kerastransfer.features import responses
    from kerastransfer.features.feature_file import FeatureFile

    network = responses.source_network(backbone, loaded.mapping)
    names = {
        "dataset": dataset.spec,
        "backbone": backbone.name,
        "weights": loaded.sha256,
    }
    with tempfile.TemporaryDirectory() as scratch:
        out = args.out or Path(scratch) / "features.npz"
        _extract(args, records, network, names, out)
        file = FeatureFile.read(out)
        if args.save_statistics:
            statistics = responses.summarise(
                file.features, covariance=args.covariance, names=names
            )
            statistics.write(args.save_statistics)
        _tell(args, file)
    return 0


def _check(args: argparse.Namespace) -> None:
    if not args.dataset:
        raise InputError("Expected --dataset NAME, or 'list' or 'prune'.")
    if not args.out and not args.save_statistics:
        raise InputError("Expected --out FILE, --save-statistics FILE or both.")
    if args.covariance and not args.save_statistics:
        raise InputError("--covariance goes with --save-statistics FILE; name one.")
    for path in (args.out, args.save_statistics):
        if path is not None and path.suffix != ".npz":
            raise InputError(f"Expected a file that ends in .npz, got {str(path)!r}.")


def _extract(
    args: argparse.Namespace,
    records: "Records",
    network: "Network",
    names: dict[str, str],
    out: Path,
) -> None:
    from kerastransfer.features import feature_file, responses
    from kerastransfer.features.image_set import ImageSet

    backbone = backbones.get(args.backbone)
    images = ImageSet.of(records, args.split)
    with progress("Extracting") as show:
        feature_file.write(
            out,
            responses.responses(network, backbone, records, images, show),
            backbone.num_features,
            labels=images.labels(records),
            ids=images.ids(records),
            splits=images.splits(),
            records=records.content_hash,
            **names,
        )


def _tell(args: argparse.Namespace, file: "FeatureFile") -> None:
    count, width = file.features.shape
    if args.json:
        told = {
            "out": args.out and str(args.out),
            "images": count,
            "features": width,
            **{n: getattr(file, n) for n in ("dataset", "backbone")},
            **{n: getattr(file, n) for n in ("weights", "records")},
            "statistics": args.save_statistics and str(args.save_statistics),
        }
        print(json.dumps(told, indent=2))
        return
    if args.out:
        print(f"{args.out}\t{count:,} images, {width:,} features each")
    if args.save_statistics:
        print(f"{args.save_statistics}\tstatistics of {count:,} images")
