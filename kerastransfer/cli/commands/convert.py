"""``kerastransfer convert``: write a dataset's images as TFRecords."""

import argparse
import json
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from kerastransfer.datasets import table
from kerastransfer.datasets.archived import fetch
from kerastransfer.datasets.option import Option
from kerastransfer.foundation.home import records_home
from kerastransfer.foundation.progress import progress, stages
from kerastransfer.foundation.tensorflow_import import import_quietly
from kerastransfer.records.health import health_text
from kerastransfer.records.split.plan import POLICIES, SPLITS
from kerastransfer.records.split.quotas import MaxPerClass

if TYPE_CHECKING:
    from kerastransfer.records.health.report import Health
    from kerastransfer.records.reader import Records

_AFTER = 5.0  # seconds that reading and writing may take without a word


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the command's arguments."""
    add = parser.add_argument
    add(
        "--dataset",
        required=True,
        metavar="NAME",
        help="a name that 'kerastransfer datasets' lists, folder:DIR, csv:FILE or "
        "tfds:NAME",
    )
    add(
        "--archives",
        type=Path,
        metavar="DIR",
        help="where the dataset's files are (default: "
        "$KERASTRANSFER_HOME/archives/NAME; of TFDS: its own)",
    )
    add(
        "--out",
        type=Path,
        metavar="DIR",
        help="where records go (default: $KERASTRANSFER_HOME/records)",
    )
    _add_choices(parser)
    add("--download", action="store_true", help="get what is public first")
    add(
        "--verify",
        action="store_true",
        help="fail where an archive is not the published one; hash large ones too",
    )
    add(
        "--strict",
        action="store_true",
        help="fail on an image that cannot be decoded, and where there are other "
        "images than were published",
    )
    add("--workers", type=int, metavar="N", help="that encode (default: one a core)")
    add("--shards", type=int, metavar="N", help="files a split (default: by its size)")
    add(
        "--no-inspect",
        action="store_true",
        help="do not look for duplicates afterwards",
    )
    add("--json", action="store_true", help="print JSON")


def _add_choices(parser: argparse.ArgumentParser) -> None:
    """Declare what decides which records come out."""
    add = parser.add_argument
    add(
        "--image-size",
        type=int,
        metavar="N",
        help="shorter side, in pixels, that larger images are shrunk to (default: 256; "
        "not of patches)",
    )
    add(
        "--split-seed",
        type=int,
        default=0,
        metavar="S",
        help="who is in which split (default: 0)",
    )
    add(
        "--max-per-class",
        type=max_per_class,
        metavar="N|all",
        help="training images per class to keep (default: the largest published size)",
    )
    add(
        "--short-classes",
        choices=POLICIES,
        help="what becomes of classes with too few images (default: the dataset's way)",
    )
    for name, declared in table.declared_options().items():
        flag = declared[0].flag
        words = _option_help(name, declared)
        if declared[0].value_type is bool:
            add(flag, action="store_true", help=words)
        else:
            kind, metavar = declared[0].value_type, declared[0].metavar
            add(flag, type=kind, metavar=metavar, help=words)


def _option_help(name: str, declared: Sequence[Option]) -> str:
    """Say what an option does, of which datasets, and what its default is.

    >>> print(_option_help("patch_size", table.declared_options()["patch_size"]))
    Side of the patches about labelled points, in pixels (coral; default: 224)
    """
    owners = []
    for known in table.DATASETS.values():
        for option in known.options:
            if option.name == name:
                choices = " or ".join(option.choices)
                owners.append(f"{known.name}: {choices}" if choices else known.name)
    default = declared[0].default
    words = "" if default in (None, False) else f"; default: {default}"
    return f"{declared[0].help} ({', '.join(owners)}{words})"


def execute(args: argparse.Namespace) -> int:
    """Convert, and print where the records are and what they hold."""
    options = {name: getattr(args, name) for name in table.declared_options()}
    dataset = table.resolve(args.dataset, args.archives, options)
    if args.download:
        fetch.fetch(dataset)
    if args.dataset.startswith("tfds:"):
        import_quietly()
    from kerastransfer.records import reader
    from kerastransfer.records.write import convert

    out = args.out or records_home()
    written = False
    with stages() as stage:
        encoding = stage("Encoding")
        writing = stage("Writing", after=_AFTER)

        def encoded(done: int, total: int) -> None:
            encoding(done, total)
            if done == total:  # the plan holds; the writer will need TensorFlow
                import_quietly()

        def wrote(done: int, total: int) -> None:
            nonlocal written
            written = True
            writing(done, total)

        path = convert.convert(
            dataset,
            out,
            image_size=args.image_size,
            split_seed=args.split_seed,
            max_per_class=args.max_per_class,
            short_classes=args.short_classes,
            strict=args.strict,
            verify=args.verify,
            workers=args.workers,
            shards=args.shards,
            progress=encoded,
            reading=stage("Reading", "MB", scale=10**6, after=_AFTER),
            writing=wrote,
        )
    records = reader.open_records(path)
    looks = written and not args.no_inspect
    found = look(records, args.workers) if looks else None
    print(as_json(records, found) if args.json else summary(records, found))
    return 0


def look(records: "Records", workers: int | None) -> "Health":
    """Look at fresh records."""
    import_quietly()
    from kerastransfer.records.health import report as health

    # What a crop leaves out depends on the backbone; here none is named.
    with progress("Looking for duplicates") as show:
        return health.inspect(
            records, lambda width, height: 1.0, workers=workers, progress=show
        )


def as_json(records: "Records", health: "Health | None") -> str:
    """Return what records hold, for machines."""
    told = {name: records.metadata[name] for name in _TOLD}
    sizes = {split: records.size(split) for split in SPLITS}
    told |= {"path": str(records.path), "sizes": sizes, "hash": records.content_hash}
    if health is not None:
        from kerastransfer.records.health.report import pictures

        count = len(pictures(health.conflicts))
        told |= {"leaks": dict(health.across), "conflicts": count}
    return json.dumps(told, indent=2)


def summary(records: "Records", health: "Health | None") -> str:
    """Return what records hold, and what is to be said of them, in lines."""
    metadata = records.metadata
    sizes = {split: records.size(split) for split in SPLITS}
    counts = ", ".join(f"{size:,} {split}" for split, size in sizes.items())
    lines = [f"{records.path}\t{len(records.classes):,} classes; {counts} images"]
    if metadata["ungrouped"]:
        effect = ", ".join(
            f"{split} {sizes[split]:,} instead of {metadata['ungrouped'][split]:,}"
            for split in SPLITS
        )
        lines.append(f"groups       kept together: {effect}")
    if health is not None:
        lines += health_text.findings(health, metadata["short_classes"])
    return "\n".join(lines)


def max_per_class(text: str) -> MaxPerClass:
    """Read ``--max-per-class``: a number or ``all``."""
    if text == "all":
        return "all"
    try:
        return int(text)
    except ValueError:
        raise argparse.ArgumentTypeError(
            f"expected a number or all, got {text!r}"
        ) from None


_TOLD = (
    *("dataset", "spec", "classes", "counts", "plan_hash", "short", "rejected"),
    *("ignored", "archives", "differences", "group", "ungrouped"),
)
