"""``kerastransfer inspect``: what is wrong with records, before anything is trained."""

import argparse
import functools
import json
from pathlib import Path

from kerastransfer.backbones import table as backbones
from kerastransfer.backbones.preprocessing import kept_part
from kerastransfer.cli import options
from kerastransfer.datasets import table as datasets
from kerastransfer.errors import MissingError
from kerastransfer.foundation.progress import progress
from kerastransfer.foundation.tensorflow_import import import_quietly
from kerastransfer.records import reader
from kerastransfer.records.reader import Records
from kerastransfer.records.write.convert import records_path

HELP = "look for duplicates, leaks between splits, short classes and damaged images"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the command's arguments."""
    headings = options.Headings(parser)
    add = headings["data"].add_argument
    add(
        "records_of",
        metavar="RECORDS",
        help="A folder of records, or the name of a dataset",
    )
    options.add_records(headings["data"])
    headings["report"].add_argument(
        "--backbone",
        default="efficientnet_lite0",
        metavar="NAME",
        help="Backbone whose centre crop is looked at (default: efficientnet_lite0)",
    )
    headings["running"].add_argument(
        "--workers",
        type=int,
        metavar="N",
        help="Number of processes that look at images (default: one for each core)",
    )
    options.add_json(headings["output"])


def execute(args: argparse.Namespace) -> int:
    """Print the report."""
    from kerastransfer.records.health import inspect_report

    backbone = backbones.get(args.backbone)
    records = _open(args)
    import_quietly()
    kept = functools.partial(kept_part, backbone.preprocessing)
    with progress("Looking") as show:
        report = inspect_report.inspect(
            records,
            kept,
            backbone=backbone.name,
            workers=args.workers,
            progress=show,
        )
    print(json.dumps(report.as_dict(), indent=2) if args.json else report)
    return 0


def _open(args: argparse.Namespace) -> Records:
    """Open the records in a folder, or those of a dataset."""
    folder = Path(args.records_of)
    if (folder / "metadata.json").is_file():
        return reader.open_records(folder)
    if folder.is_dir():
        raise MissingError(
            f"Expected records in {args.records_of!r}, such as "
            f"{str(folder / 'digits' / '1.0.0')!r}, and it holds no 'metadata.json'."
        )
    dataset = datasets.resolve(args.records_of)
    home = options.records_folder(args)
    if not records_path(dataset, home).exists():
        import_quietly()
    return reader.find_or_convert(dataset, home)
