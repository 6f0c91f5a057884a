"""``kerastransfer features``: a backbone's responses, in a file; and what is cached."""

import argparse
import json
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from kerastransfer import api
from kerastransfer.backbones.default import WORDS
from kerastransfer.cli import feature_caches, options, streams
from kerastransfer.errors import InputError
from kerastransfer.features.extract import check_ending

if TYPE_CHECKING:
    from kerastransfer.features.feature_file import FeatureFile

EXAMPLES = (
    "kerastransfer features --dataset digits --split test --out digits.npz",
    "kerastransfer features prune --older-than 30",
)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the command's arguments."""
    parser.add_argument(
        "action",
        nargs="?",
        choices=("list", "prune"),
        help="List or delete the cached outputs of frozen blocks, in place of "
        "extracting features",
    )
    headings = options.Headings(parser)
    _add_data(headings)
    add = headings["output"].add_argument
    add(
        "--out",
        type=Path,
        metavar="FILE.npz",
        help="File that gets features, labels and names of the images (default: none)",
    )
    add(
        "--save-statistics",
        type=Path,
        metavar="FILE.npz",
        help="File that gets mean, count and a sample of the features, as "
        "'kerastransfer distance' takes them for the source (default: none)",
    )
    add(
        "--covariance",
        action="store_true",
        help="Keep the covariance of the d features in the statistics: d x d numbers",
    )
    options.add_json(headings["output"])
    add = headings["pruning"].add_argument
    add(
        "--older-than",
        type=float,
        metavar="DAYS",
        help="Delete the caches that were not used for so many days",
    )
    add("--all", action="store_true", help="Delete every cache")


def _add_data(headings: options.Headings) -> None:
    add = headings["data"].add_argument
    add(
        "--dataset",
        metavar="NAME",
        help="Dataset whose features are extracted: a known name, folder:DIR or "
        "csv:FILE",
    )
    add(
        "--split",
        choices=("train", "val", "test"),
        help="Split whose images are used (default: all, in that order)",
    )
    add(
        "--archives",
        type=Path,
        metavar="DIR",
        help="Folder that holds the dataset's published files "
        "(default: $KERASTRANSFER_HOME/archives/DATASET)",
    )
    options.add_records(headings["data"])
    options.add_dataset_options(headings["data"], "folder")
    add = headings["network"].add_argument
    add(
        "--backbone",
        metavar="NAME",
        help=f"Network whose features are extracted (default: {WORDS})",
    )
    add(
        "--weights",
        type=Path,
        metavar="FILE|RUN",
        help="The source's weights, or a finished run (default: the published ones)",
    )
    options.add_network(headings["network"])
    options.add_fit(headings["network"])


def execute(args: argparse.Namespace) -> int:
    """Extract, and print what was written; or look after caches."""
    if args.action == "list":
        return feature_caches.show(args)
    if args.action == "prune":
        return feature_caches.prune(args)
    _check(args)
    with tempfile.TemporaryDirectory() as scratch:
        file = api.features(
            args.dataset,
            backbone=args.backbone,
            fit=args.fit,
            split=args.split,
            out=args.out or Path(scratch) / "features.npz",
            weights=args.weights,
            records=args.records,
            archives=args.archives,
            options=options.dataset_options(args),
        )
        if args.save_statistics:
            _save_statistics(args, file)
        _print(args, file)
    return 0


def _check(args: argparse.Namespace) -> None:
    if not args.dataset:
        raise InputError("Expected --dataset NAME, or 'list' or 'prune'.")
    if not args.out and not args.save_statistics:
        raise InputError("Expected --out FILE, --save-statistics FILE or both.")
    if args.covariance and not args.save_statistics:
        raise InputError("--covariance goes with --save-statistics FILE; name one.")
    for path in (args.out, args.save_statistics):
        if path is not None:
            check_ending(path)


def _save_statistics(args: argparse.Namespace, file: "FeatureFile") -> None:
    from kerastransfer.features import responses

    names = {name: getattr(file, name) for name in ("dataset", "backbone", "weights")}
    statistics = responses.summarise(
        file.features, covariance=args.covariance, names=names
    )
    statistics.write(args.save_statistics)


def _print(args: argparse.Namespace, file: "FeatureFile") -> None:
    count, width = file.features.shape
    if args.json:
        summary = {
            "out": args.out and str(args.out),
            "images": count,
            "features": width,
            **{n: getattr(file, n) for n in ("dataset", "backbone")},
            **{n: getattr(file, n) for n in ("weights", "records")},
            "statistics": args.save_statistics and str(args.save_statistics),
        }
        streams.show(json.dumps(summary, indent=2))
        return
    if args.out:
        streams.show(f"{args.out}\t{count:,} images, {width:,} features each")
    if args.save_statistics:
        streams.show(f"{args.save_statistics}\tstatistics of {count:,} images")
