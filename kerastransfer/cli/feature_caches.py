"""``kerastransfer features list | prune``: the cached outputs of frozen blocks."""

import argparse
import json
import time
from typing import Any

from kerastransfer.cli import streams
from kerastransfer.errors import InputError
from kerastransfer.features import cache_inventory
from kerastransfer.features.cache_inventory import Entry
from kerastransfer.foundation.home import features_home
from kerastransfer.foundation.report import say

_DAY = 86_400


def show(args: argparse.Namespace) -> int:
    """Print what is cached, the last used first."""
    caches = cache_inventory.entries(features_home())
    if args.json:
        streams.show(json.dumps([_as_dict(entry) for entry in caches], indent=2))
    elif not caches:
        streams.show(f"No caches in {features_home()}")
    else:
        streams.show("\n".join(_line(entry) for entry in caches))
        streams.show(f"{_megabytes(caches)} in {features_home()}")
    return 0


def prune(args: argparse.Namespace) -> int:
    """Delete caches that were not used for so long, or all of them."""
    if args.older_than is None and not args.all:
        raise InputError("Expected --older-than DAYS or --all with prune.")
    since = time.time() - (args.older_than or 0) * _DAY
    caches = cache_inventory.entries(features_home())
    gone = []
    for entry in caches:
        if not args.all and entry.used >= since:
            continue
        try:
            cache_inventory.remove(entry)
            gone.append(entry)
        except InputError as error:  # one in use; the rest can go
            say(f"Left out: {error}")
    what = "cache" if len(gone) == 1 else "caches"
    streams.show(f"{len(gone)} {what} deleted, {_megabytes(gone)}")
    return 0


def _line(entry: Entry) -> str:
    details, days = entry.details, (time.time() - entry.used) / _DAY
    what = "unreadable"
    if details:
        part = f"blocks 1-{details['cut']} of" if details["cut"] else "crops for"
        what = f"{part} {details['backbone']}, {details['dtype']}"
        what += f", records {details['records'][:8]}"
    return (
        f"{entry.folder.name}  {_megabytes([entry])}, used {days:.0f} days ago: {what}"
    )


def _megabytes(entries: list[Entry]) -> str:
    return f"{sum(entry.size for entry in entries) / 1e6:,.1f} MB"


def _as_dict(entry: Entry) -> dict[str, Any]:
    return {
        "key": entry.folder.name,
        "folder": str(entry.folder),
        "bytes": entry.size,
        "used": entry.used,
        **entry.details,
    }
