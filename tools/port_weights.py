"""Convert a published weight file to a plain ``.npz``; the work is in the package.

::

    python tools/port_weights.py SOURCE --backbone B --out FILE
"""

import argparse
import sys
from pathlib import Path

from kerastransfer.errors import KerasTransferError
from kerastransfer.weights import convert_file


def main() -> int:
    """Read the command line and port one file."""
    parser = argparse.ArgumentParser(
        description="convert a weight file to a plain .npz", allow_abbrev=False
    )
    add = parser.add_argument
    add("source", type=Path, metavar="SOURCE", help="weight file to convert")
    add("--backbone", required=True, metavar="B", help="network that it belongs to")
    add("--out", required=True, type=Path, metavar="FILE", help=".npz file to write")
    args = parser.parse_args()
    try:
        report = convert_file.convert(args.source, args.backbone, args.out)
    except KerasTransferError as error:
        print(f"port_weights.py: error: {error}", file=sys.stderr)
        return 1
    print(f"{report['out']}\t{report['arrays']} arrays, {report['numbers']:,} numbers")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
