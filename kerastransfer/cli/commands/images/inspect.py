"""``kerastransfer inspect``: what is wrong with records, before anything is trained."""

import argparse
import json

from kerastransfer import api
from kerastransfer.backbones.default import WORDS
from kerastransfer.cli import options, streams

EXAMPLES = (
    "kerastransfer inspect digits",
    "kerastransfer inspect folder:my_images --json",
    "kerastransfer inspect digits --verify",
)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the command's arguments."""
    headings = options.Headings(parser)
    headings["data"].add_argument(
        "records_of",
        metavar="RECORDS",
        help="A folder of records, or a name that 'kerastransfer datasets' lists; "
        "folder:DIR, csv:FILE or tfds:NAME",
    )
    options.add_records(headings["data"])
    options.add_dataset_options(headings["data"], "folder")
    headings["report"].add_argument(
        "--backbone",
        metavar="NAME",
        help=f"Backbone whose centre crop is looked at (default: {WORDS})",
    )
    headings["report"].add_argument(
        "--verify",
        action="store_true",
        help="Hold every record against its checksum instead, and name those that are "
        "damaged; the exit code is 1 if any is",
    )
    headings["running"].add_argument(
        "--workers",
        type=int,
        metavar="N",
        help="Number of processes that look at images (default: one for each core)",
    )
    options.add_json(headings["output"])


def execute(args: argparse.Namespace) -> int:
    """Print the report; with --verify, fail where a record is damaged."""
    from kerastransfer.records.health.verification import Verification

    report = api.inspect(
        args.records_of,
        backbone=args.backbone,
        records=args.records,
        workers=args.workers,
        verify=args.verify,
        **options.dataset_options(args),
    )
    streams.show(json.dumps(report.as_dict(), indent=2) if args.json else report)
    return 1 if isinstance(report, Verification) and report.num_damaged else 0
