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
from kerastransfer.records.health import health_text
from kerastransfer.records.reader import Records
from kerastransfer.records.write.convert import records_path


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the command's arguments."""
    add = parser.add_argument
    add(
        "records_of", metavar="RECORDS", help="a folder of records, or a dataset's name"
    )
    add(
        "--backbone",
        default="efficientnet_lite0",
        metavar="NAME",
        help="whose centre crop is looked at (default: efficientnet_lite0)",
    )
    add("--workers", type=int, metavar="N", help="processes (default: one a core)")
    options.add_records(parser)
    options.add_json(parser)


def execute(args: argparse.Namespace) -> int:
    """Print the report."""
    backbone = backbones.get(args.backbone)
    records = _open(args)
    import_quietly()
    from kerastransfer.records.health import report

    kept = functools.partial(kept_part, backbone.preprocessing)
    with progress("Looking") as show:
        found = report.inspect(records, kept, workers=args.workers, progress=show)
    if args.json:
        told = {"path": str(records.path), "backbone": backbone.name}
        print(json.dumps(told | found.as_dict(), indent=2))
    else:
        print(health_text.show(records, found, backbone.name))
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
