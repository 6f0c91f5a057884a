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
    parser.add_argument("source", type=Path, metavar="SOURCE")
    parser.add_argument("--backbone", required=True, metavar="B", help="its network")
    parser.add_argument("--out", required=True, type=Path, metavar="FILE")
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
