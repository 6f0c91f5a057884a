"""Time our code against others', in turn, and print a JSON line a comparison.

python tools/benchmark.py NAME...

Absolute times say little about another machine, so the figure is a ratio: ours and
theirs run A B A B after a warm-up, and the median of the ratios of neighbouring runs is
printed with the lowest and the highest. Above 1, ours is better. What cannot be run
here is left out, with a line on stderr that says why.
"""

import argparse
import datetime
import json
import os
import pathlib
import platform
import statistics
import subprocess
import sys
from collections.abc import Callable

from benchmarks import (
    alexnet,
    answers,
    cache,
    convert,
    devices,
    distances,
    lite0,
    pipeline,
    study,
)
from benchmarks.row import Row

_ROOT = pathlib.Path(__file__).parent.parent
BENCHMARKS: dict[str, Callable[[], list[Row]]] = {
    "alexnet": alexnet.rows,
    "answers": answers.rows,
    "cache": cache.rows,
    "convert": convert.rows,
    "distances": distances.rows,
    "pipeline": pipeline.rows,
    "study": study.rows,
    "training": lambda: [*lite0.rows(), *devices.rows()],
}


def main() -> int:
    """Read the command line and run benchmarks by name."""
    parser = argparse.ArgumentParser(description=__doc__, allow_abbrev=False)
    parser.add_argument("names", nargs="+", choices=BENCHMARKS, metavar="NAME")
    parser.add_argument("--repeats", type=int, default=5, help="pairs of runs (5)")
    args = parser.parse_args()
    for name in args.names:
        for row in BENCHMARKS[name]():
            print(json.dumps(compare(row, args.repeats)), flush=True)
    return 0


def compare(row: Row, repeats: int) -> dict[str, object]:
    """Run a row's two sides in turn and sum up.

    Parameters
    ----------
    row : Row
        What to run; each side returns its rate, higher being better.
    repeats : int
        Pairs of runs, beside one that warms up and is not counted.

    Returns
    -------
    dict
        Keys as the JSON line has them; `ours` and `theirs` are medians, in `unit`.
    """
    pairs = [(row.ours(), row.theirs()) for _ in range(repeats + 1)][1:]
    ratios = [ours / theirs for ours, theirs in pairs]
    return {
        "name": row.name,
        "ratio": round(statistics.median(ratios), 3),
        "low": round(min(ratios), 3),
        "high": round(max(ratios), 3),
        "aim": row.aim,
        "ours": round(statistics.median(ours for ours, _ in pairs), 3),
        "theirs": round(statistics.median(theirs for _, theirs in pairs), 3),
        "unit": row.unit,
        "repeats": repeats,
        "commit": _commit(),
        "date": datetime.date.today().isoformat(),
        "machine": f"{platform.machine()}, {os.cpu_count()} cores",
    }


def _commit() -> str:
    command = ["git", "describe", "--always", "--dirty"]
    run = subprocess.run(command, cwd=_ROOT, capture_output=True, text=True)
    return run.stdout.strip() or "unknown"


if __name__ == "__main__":
    sys.exit(main())
