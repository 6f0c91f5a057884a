"""``kerastransfer convert``: write a dataset's images as TFRecords."""

import argparse
import json
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from kerastransfer.cli.tensorflow_import import import_quietly
from kerastransfer.datasets import table
from kerastransfer.home import records_home
from kerastransfer.records.plan import POLICIES, SPLITS
from kerastransfer.records.quotas import MaxPerClass

HELP = "write a dataset's images as TFRecords that TFDS can read"
_LINES = 10  # of progress, where standard error is no terminal


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the command's arguments."""
    add = parser.add_argument
    add(
        "--dataset",
        required=True,
        metavar="NAME",
        help="a name that 'kerastransfer datasets' lists, folder:DIR or csv:FILE",
    )
    add("--archives", type=Path, metavar="DIR", help="where the dataset's files are")
    add(
        "--out",
        type=Path,
        metavar="DIR",
        help="where records go (default: $KERASTRANSFER_HOME/records)",
    )
    add(
        "--image-size",
        type=int,
        default=256,
        metavar="N",
        help="shorter side, in pixels, that larger images are shrunk to (default: 256)",
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
    add(
        "--workers",
        type=int,
        metavar="N",
        help="processes that encode images (default: one a core)",
    )
    add(
        "--strict",
        action="store_true",
        help="fail on an image that cannot be decoded, instead of leaving it out",
    )
    add("--json", action="store_true", help="print JSON")


def execute(args: argparse.Namespace) -> int:
    """Convert, and print where the records are and what they hold."""
    dataset = table.resolve(args.dataset, args.archives)
    from kerastransfer.records import convert, reader

    with progress("Encoding") as show:

        def tell(done: int, total: int) -> None:
            if done == 1:  # the plan holds; the writer will need TensorFlow
                import_quietly()
            show(done, total)

        path = convert.convert(
            dataset,
            args.out or records_home(),
            image_size=args.image_size,
            split_seed=args.split_seed,
            max_per_class=args.max_per_class,
            short_classes=args.short_classes,
            strict=args.strict,
            workers=args.workers,
            progress=tell,
        )
    records = reader.open_records(path)
    sizes = {split: records.size(split) for split in SPLITS}
    if args.json:
        told = {name: records.metadata[name] for name in _TOLD}
        told |= {"path": str(path), "sizes": sizes, "hash": records.content_hash}
        print(json.dumps(told, indent=2))
    else:
        counts = ", ".join(f"{size:,} {split}" for split, size in sizes.items())
        print(f"{path}\t{len(records.classes):,} classes; {counts} images")
    return 0


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


@contextmanager
def progress(what: str) -> Iterator[Callable[[int, int], None]]:
    """Show progress on standard error: a bar on a terminal, else a few lines.

    Yields
    ------
    callable
        To be told how many are done, and of how many.
    """
    if not sys.stderr.isatty():
        yield _lines(what)
        return
    from rich.console import Console
    from rich.progress import Progress

    with Progress(console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task(what, total=None)
        yield lambda done, total: bar.update(task, completed=done, total=total)


def _lines(what: str) -> Callable[[int, int], None]:
    def show(done: int, total: int) -> None:
        if done * _LINES // total > (done - 1) * _LINES // total:
            print(f"{what}: {done:,} of {total:,}", file=sys.stderr)

    return show


_TOLD = ("dataset", "spec", "classes", "counts", "plan_hash", "short", "rejected")
