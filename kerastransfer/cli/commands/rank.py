"""``kerastransfer rank``: which pretrained network to take for some images."""

import argparse
import json

from kerastransfer import api
from kerastransfer.cli import options, streams

EXAMPLES = (
    "kerastransfer rank --dataset folder:my_images "
    "--backbones efficientnet_lite0,caffenet",
    "kerastransfer rank --dataset digits --backbones caffenet --blocks 3,5,7",
)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the command's arguments."""
    headings = options.Headings(parser)
    add = headings["data"].add_argument
    add("--dataset", required=True, metavar="NAME", help="The images, as 'train' takes")
    add(
        "--backbones",
        type=options.names,
        required=True,
        metavar="A,B,...",
        help="Networks, by name; or folders of finished runs, as 'train --weights'",
    )
    headings["network"].add_argument(
        "--blocks",
        type=options.whole_numbers,
        metavar="B,B,...",
        help="Blocks whose outputs are compared, from 1 to 7: where to cut the network "
        "(default: 7)",
    )
    add(
        "--images-per-class",
        type=int,
        metavar="N",
        help="Training images of each class (default: all)",
    )
    options.add_fit(headings["network"], default=None)
    options.add_records(headings["data"])
    options.add_json(headings["output"])


def execute(args: argparse.Namespace) -> int:
    """Compare, and print the networks, the best first."""
    ranking = api.rank(
        args.dataset,
        args.backbones,
        blocks=args.blocks,
        images_per_class=args.images_per_class,
        fit=args.fit,
        records=args.records,
    )
    streams.show(json.dumps(ranking.as_dict(), indent=2) if args.json else ranking)
    return 0
