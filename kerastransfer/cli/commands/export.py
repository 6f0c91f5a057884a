"""``kerastransfer export``: write a run's model where another program can have it."""

import argparse
from pathlib import Path

from kerastransfer.errors import InputError
from kerastransfer.foundation.tensorflow_import import import_quietly
from kerastransfer.runs import finished

HELP = "write a run's model as a SavedModel that needs TensorFlow alone"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the command's arguments."""
    parser.add_argument("run", type=Path, metavar="RUN")
    parser.add_argument("--out", type=Path, required=True, metavar="DIR")


def execute(args: argparse.Namespace) -> int:
    """Write the SavedModel and print where it is."""
    run = finished.read(args.run)
    if args.out.exists() and not _replaceable(args.out):
        raise InputError(
            f"Expected --out to name a new folder or an older SavedModel, got "
            f"{str(args.out)!r}, which holds other files."
        )
    import_quietly()
    from kerastransfer.export import saved_model

    saved_model.save(run.network(), run.backbone.preprocessing, run.classes, args.out)
    print(args.out)
    return 0


def _replaceable(folder: Path) -> bool:
    """Return whether nothing but an export of ours would be lost."""
    if not folder.is_dir():
        return False
    return (folder / "saved_model.pb").is_file() or not any(folder.iterdir())
