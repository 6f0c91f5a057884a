"""``kerastransfer convert``: write a dataset's images as TFRecords."""

import argparse
import json
from pathlib import Path

from kerastransfer import api
from kerastransfer.cli import options, streams
from kerastransfer.cli.options import Headings
from kerastransfer.foundation.quoting import quoted
from kerastransfer.records.shards import FORMATS
from kerastransfer.records.split.plan import POLICIES
from kerastransfer.records.split.quotas import MaxPerClass

EXAMPLES = (
    "kerastransfer convert --dataset folder:my_images",
    "kerastransfer convert --dataset plankton --archives archives --group bin",
)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the command's arguments."""
    headings = Headings(parser)
    _add_data(headings)
    _add_split(headings)
    options.add_dataset_options(headings["options of single datasets"])
    _add_checks(headings)
    add = headings["running"].add_argument
    add(
        "--workers",
        type=int,
        metavar="N",
        help="Number of processes that encode (default: one for each core)",
    )
    options.add_json(headings["output"])


def _add_data(headings: Headings) -> None:
    """Declare where images come from and how they are stored."""
    add = headings["data"].add_argument
    add(
        "--dataset",
        required=True,
        metavar="NAME",
        help="A name that 'kerastransfer datasets' lists, folder:DIR, csv:FILE, "
        "parquet:PATH or tfds:NAME (required)",
    )
    add(
        "--archives",
        type=Path,
        metavar="DIR",
        help="Folder that holds the dataset's published files (default: "
        "$KERASTRANSFER_HOME/archives/NAME; of TFDS: its own)",
    )
    add(
        "--download",
        action="store_true",
        help="Get the published files that are public first (default: use what is "
        "there)",
    )
    add(
        "--out",
        type=Path,
        metavar="DIR",
        help="Folder that records are written to (default: "
        "$KERASTRANSFER_HOME/records)",
    )
    _add_pixels(headings)
    add(
        "--shards",
        type=int,
        metavar="N",
        help="Number of files for each split (default: chosen by its size)",
    )


def _add_pixels(headings: Headings) -> None:
    """Declare what decides an image's pixels."""
    add = headings["data"].add_argument
    add(
        "--image-size",
        type=int,
        metavar="N",
        help="Shorter side that larger images are shrunk to, in pixels; patches are "
        "never shrunk (default: 256)",
    )
    add(
        "--white-level",
        metavar="N|auto",
        help="Value that is white in images deeper than 8 bits (default: auto, the "
        "least of 8, 10, 12, 14 and 16 bits that holds all values of the dataset)",
    )
    add(
        "--background",
        metavar="COLOUR",
        help="What transparent images are set on: white, black or #rrggbb (default: "
        "white)",
    )
    add(
        "--format",
        choices=FORMATS,
        help="Format of the files; array_record also serves tfds.data_source, in any "
        "order (default: that of records that are there, else tfrecord)",
    )


def _add_split(headings: Headings) -> None:
    """Declare what decides which image is in which split."""
    add = headings["split"].add_argument
    add(
        "--split-seed",
        type=int,
        default=0,
        metavar="S",
        help="Seed of the draw that puts images into splits (default: 0)",
    )
    add(
        "--max-per-class",
        type=max_per_class,
        metavar="N|all",
        help="Most training images to keep of each class (default: the largest "
        "published size)",
    )
    add(
        "--short-classes",
        choices=POLICIES,
        help="Refuse classes with too few images, use what there is, or leave them out "
        "(default: the dataset's own rule, which is error for most)",
    )


def _add_checks(headings: Headings) -> None:
    """Declare what is an error and not a warning, and what is looked at."""
    add = headings["checks"].add_argument
    add(
        "--verify",
        action="store_true",
        help="Fail where an archive is not the published one, and hash archives above "
        "4 GiB too (default: warn)",
    )
    add(
        "--strict",
        action="store_true",
        help="Fail where an image cannot be decoded or the images are not those that "
        "were published (default: warn)",
    )
    add(
        "--no-inspect",
        action="store_true",
        help="Skip the search for duplicates and leaks in new records (default: "
        "search)",
    )


def execute(args: argparse.Namespace) -> int:
    """Convert, and print where the records are and what they hold."""
    prepared = api.convert(
        args.dataset,
        archives=args.archives,
        download=args.download,
        out=args.out,
        image_size=args.image_size,
        split_seed=args.split_seed,
        max_per_class=args.max_per_class,
        short_classes=args.short_classes,
        white_level=args.white_level,
        background=args.background,
        strict=args.strict,
        verify=args.verify,
        inspect=not args.no_inspect,
        workers=args.workers,
        shards=args.shards,
        format=args.format,
        **options.dataset_options(args),
    )
    streams.show(json.dumps(prepared.as_dict(), indent=2) if args.json else prepared)
    return 0


def max_per_class(text: str) -> MaxPerClass:
    """Read ``--max-per-class``: a number or ``all``.

    >>> max_per_class("all"), max_per_class("20")
    ('all', 20)
    """
    if text == "all":
        return "all"
    try:
        return int(text)
    except ValueError:
        raise argparse.ArgumentTypeError(
            f"expected a number or all, got {quoted(text)}"
        ) from None
