"""``kerastransfer distance``: how far a target is from what the source looked like."""

import argparse
import json
from pathlib import Path

from kerastransfer import api
from kerastransfer.backbones.default import WORDS
from kerastransfer.cli import options, streams

EXAMPLES = (
    "kerastransfer distance --target digits --max-images 300 --metrics cosine,mmd",
    "kerastransfer distance --target folder:my_images --images-per-class 50",
)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the command's arguments."""
    headings = options.Headings(parser)
    _add_domains(headings)
    add = headings["measurement"].add_argument
    add(
        "--metrics",
        type=options.names,
        metavar="NAME[,NAME]",
        help="Distances to measure: cosine, mmd, kernel_mmd, svm, cnn (default: all)",
    )
    add(
        "--images-per-class",
        type=int,
        metavar="N",
        help="Labelled training images of each class; looks up what the study advises "
        "for as many (default: no advice)",
    )
    add(
        "--split",
        choices=("train", "val", "test"),
        help="Split of both datasets whose images are used (default: all)",
    )
    add(
        "--max-images",
        type=int,
        default=2_000,
        metavar="N",
        help="Images that are drawn of each dataset that has more (default: 2000)",
    )
    _add_network(headings)
    options.add_records(headings["data"])
    headings["output"].add_argument(
        "--plot",
        type=Path,
        metavar="FILE",
        help="Image file into which the features of both are drawn (default: none)",
    )
    options.add_json(headings["output"])


def _add_network(headings: options.Headings) -> None:
    add = headings["network"].add_argument
    add(
        "--backbone",
        metavar="NAME",
        help="Network whose features are compared (default: that of the files, else "
        f"{WORDS})",
    )
    add(
        "--weights",
        type=Path,
        metavar="FILE|RUN",
        help="The source's weights, or a finished run (default: the published ones)",
    )
    options.add_network(headings["network"])
    options.add_fit(headings["network"])


def _add_domains(headings: options.Headings) -> None:
    target = headings["data"].add_mutually_exclusive_group(required=True)
    target.add_argument(
        "--target",
        metavar="NAME",
        help="Dataset whose distance is measured: a known name, folder:DIR or csv:FILE",
    )
    target.add_argument(
        "--target-features",
        type=Path,
        metavar="FILE.npz",
        help="Features of the target that 'kerastransfer features' wrote, in place of "
        "its images",
    )
    source = headings["data"].add_mutually_exclusive_group()
    source.add_argument(
        "--source",
        metavar="NAME",
        help="Dataset from which the distance is measured (default: what the weights "
        "tell of the images that the network was pretrained on)",
    )
    source.add_argument(
        "--source-features",
        type=Path,
        metavar="FILE.npz",
        help="Features or statistics of the source that 'kerastransfer features' "
        "wrote, in place of its images",
    )
    headings["data"].add_argument(
        "--pretraining-source",
        action="store_true",
        help="Say that the source is what the network was pretrained on, as the "
        "study's was; else there is no verdict",
    )


def execute(args: argparse.Namespace) -> int:
    """Measure, and print the study's table with the target in it."""
    from kerastransfer.distances.measure import METRICS

    distances = api.distance(
        args.target or args.target_features,
        args.source or args.source_features,
        backbone=args.backbone,
        fit=args.fit,
        metrics=args.metrics or tuple(METRICS),
        max_images=args.max_images,
        images_per_class=args.images_per_class,
        split=args.split,
        pretraining_source=args.pretraining_source,
        weights=args.weights,
        records=args.records,
        plot=args.plot,
    )
    streams.show(json.dumps(distances.as_dict(), indent=2) if args.json else distances)
    return 0
