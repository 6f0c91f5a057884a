"""``kerastransfer datasets``: what is known, and what is converted."""

import argparse
import json
from pathlib import Path
from typing import Any

from kerastransfer.cli import options, streams
from kerastransfer.datasets.table import DATASETS
from kerastransfer.errors import KerasTransferError
from kerastransfer.foundation.quoting import printable
from kerastransfer.records.split.plan import SPLITS

EXAMPLES = ("kerastransfer datasets", "kerastransfer datasets --json")
_HALVES = "yosinski_"  # eight rows that differ in nothing else


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the command's arguments."""
    headings = options.Headings(parser)
    options.add_records(headings["data"])
    options.add_json(headings["output"])


def execute(args: argparse.Namespace) -> int:
    """Print a row for each dataset that is known or converted."""
    folder = options.records_folder(args)
    converted = _converted(folder)
    rows = [_row(name, converted.get(name, {})) for name in sorted(DATASETS)]
    rows += [_row(name, converted[name]) for name in converted if name not in DATASETS]
    if args.json:
        streams.show(json.dumps({"records": str(folder), "datasets": rows}, indent=2))
    else:
        _print_table(rows)
    return 0


def _converted(folder: Path) -> dict[str, dict[str, Any]]:
    """Describe the records in a folder by name; damaged ones by what is wrong."""
    from kerastransfer.records import reader

    by_name: dict[str, dict[str, Any]] = {}
    for path in sorted(folder.glob("*/1.0.0/metadata.json")):
        name = path.parent.parent.name
        try:
            records = reader.open_records(path.parent)
        except KerasTransferError as error:
            by_name[name] = {"damaged": str(error)}
            continue
        by_name[name] = {
            "spec": records.metadata["spec"],
            "path": str(path.parent),
            "classes": len(records.classes),
            "sizes": {split: records.size(split) for split in SPLITS},
            "hash": records.content_hash,
        }
    return by_name


def _row(name: str, converted: dict[str, Any]) -> dict[str, Any]:
    known = DATASETS.get(name)
    fields: dict[str, Any] = {}
    if known is not None:
        info = known.info
        fields = {
            "description": info.description,
            "classes": len(info.classes) if info.classes else None,
            "variant_sizes": list(info.variant_sizes),
            "licence": info.licence,
            "url": info.url,
        }
    return {"name": name, **fields, "converted": converted or None}


def _print_table(rows: list[dict[str, Any]]) -> None:
    from rich.table import Table

    table = Table(box=None)
    for heading in ("Dataset", "Classes", "Records (train / val / test)", "About"):
        table.add_column(heading, overflow="fold")
    for row in rows:
        if row["name"].startswith(_HALVES) and not row["converted"]:
            continue
        converted = row["converted"] or {}
        sizes = converted.get("sizes", {}).values()
        about = row.get("description") or converted.get("spec", "")
        table.add_row(
            printable(row["name"]),
            str(row.get("classes") or converted.get("classes", "")),
            " / ".join(f"{size:,}" for size in sizes) or converted.get("damaged", "-"),
            printable(about),
        )
    console = streams.console()
    console.print(table)
    console.print(
        "Also: folder:DIR (a sub-folder a class), csv:FILE (path,label), parquet:PATH, "
        "tfds:NAME, and yosinski_0a to yosinski_3b (the other published halves of "
        "ImageNet)."
    )
