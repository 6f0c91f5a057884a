"""Arguments that several commands share, and how they are read."""

import argparse
from pathlib import Path

from kerastransfer.home import records_home


def add_records(parser: argparse.ArgumentParser) -> None:
    """Declare ``--records``, the folder that holds converted datasets."""
    parser.add_argument(
        "--records",
        type=Path,
        metavar="DIR",
        help="where records are (default: $KERASTRANSFER_HOME/records)",
    )


def records_folder(args: argparse.Namespace) -> Path:
    """Return the folder that holds converted datasets."""
    return args.records or records_home()


def add_json(parser: argparse.ArgumentParser) -> None:
    """Declare ``--json``."""
    parser.add_argument("--json", action="store_true", help="print JSON")


def whole_numbers(text: str) -> tuple[int, ...]:
    """Read ``8`` or ``30,8``."""
    return tuple(int(part) for part in text.split(","))


def numbers(text: str) -> tuple[float, ...]:
    """Read ``0.01`` or ``0.01,0.0005``."""
    return tuple(float(part) for part in text.split(","))


def yes_or_no(text: str) -> bool:
    """Read ``yes`` or ``no``."""
    if text not in ("yes", "no"):
        raise argparse.ArgumentTypeError(f"expected yes or no, got {text!r}")
    return text == "yes"
