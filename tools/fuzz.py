"""Spoil sound files and read them: every reader must refuse in a line, or read.

python tools/fuzz.py TARGET... --seconds 60

A reader may accept an input or refuse it with an error of `kerastransfer.errors`, in
one printable line. Any other exception, a signal, more than 20 s, more than 2 GB, or
another content where a checksum could have told, is a failure: the input is kept in
--out and the exit code is 1. The same --seed gives the same inputs. --replay FOLDER
reads those that were kept, from FOLDER/TARGET.
"""

import argparse
import importlib
import os
import sys
import tempfile
import traceback
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

from fuzzing.running import Case, Failure, Job, Tally, run
from fuzzing.table import TARGETS
from fuzzing.target import Target

_KEPT = 3  # inputs of each reason


def main(arguments: Sequence[str] | None = None) -> int:
    """Read the command line and fuzz targets by name."""
    parser = argparse.ArgumentParser(
        description=__doc__,
        allow_abbrev=False,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    names = (*TARGETS, "all")
    parser.add_argument("targets", nargs="+", choices=names, metavar="TARGET")
    parser.add_argument("--seconds", type=float, default=60, help="a target (60)")
    parser.add_argument("--inputs", type=int, default=10**9, help="a target, at most")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--out", type=Path, default=Path("fuzz_failures"))
    parser.add_argument("--replay", type=Path, metavar="FOLDER")
    args = parser.parse_args(arguments)
    names = tuple(TARGETS) if "all" in args.targets else tuple(args.targets)
    failed = 0
    for name in names:
        with tempfile.TemporaryDirectory(prefix="fuzz-") as folder:
            job = _job(TARGETS[name], Path(folder), args.seed, args.replay)
            inputs = args.inputs if args.replay is None else len(job.replayed)
            tally = run(job, inputs=inputs, seconds=args.seconds)
        _tell(name, job, tally, args.out)
        failed += tally.counts["failed"]
    return 1 if failed else 0


def _job(target: Target, folder: Path, seed: int, replay: Path | None) -> Job:
    """Make a target's sound files, in a child: it may start threads."""
    log = folder / ".log"
    child = os.fork()
    if child == 0:
        code = 1
        for stream in (1, 2):
            os.dup2(os.open(log, os.O_WRONLY | os.O_CREAT | os.O_APPEND), stream)
        try:
            names = [str(path) for path in target.prepare(folder)]
            (folder / ".paths").write_text("\n".join(names), encoding="utf-8")
            code = 0
        except BaseException:
            traceback.print_exc()
        finally:
            os._exit(code)
    if os.waitpid(child, 0)[1]:
        sys.stderr.write(log.read_text(encoding="utf-8", errors="replace"))
        raise SystemExit(f"The sound files of {target.name} cannot be made.")
    for module in target.modules:
        importlib.import_module(module)
    names = (folder / ".paths").read_text(encoding="utf-8").splitlines()
    paths = [Path(name) for name in names]
    cases = [] if replay is None else _kept(replay / target.name, paths)
    return Job(target, paths, [path.read_bytes() for path in paths], seed, cases)


def _kept(folder: Path, paths: Sequence[Path]) -> list[Case]:
    """Read the inputs in a folder, whose names begin with those of sound files."""
    numbers = {path.name: number for number, path in enumerate(paths)}
    return [
        Case(
            numbers[path.name.partition("--")[0]],
            "replay",
            honest="--honest-" in path.name,
            data=path.read_bytes(),
        )
        for path in sorted(folder.glob("*--*"))
    ]


def _tell(name: str, job: Job, tally: Tally, out: Path) -> None:
    """Print the counts, and keep inputs that failed."""
    counts = ", ".join(f"{n:,} {kind}" for kind, n in sorted(tally.counts.items()))
    print(f"{name}: {tally.inputs:,} inputs; {counts or 'none'}", flush=True)
    kinds: Counter[str] = Counter()
    for failure in tally.failures:
        kind = failure.reason.partition(": ")[0]
        kinds[kind] += 1
        if kinds[kind] <= _KEPT:
            path = _keep(failure, job, out / name, kinds[kind])
            print(f"  {failure.reason[:300]!r} by {failure.case.mutator}, {path}")
    for kind, number in kinds.most_common():
        print(f"  {number:,} x {kind}", flush=True)


def _keep(failure: Failure, job: Job, folder: Path, number: int) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    words = "".join(c if c.isalnum() else "_" for c in failure.reason)[:60].strip("_")
    seed = job.paths[failure.case.seed].name
    kind = "honest" if failure.case.honest else "raw"
    path = folder / f"{seed}--{kind}-{words}-{number}"
    path.write_bytes(failure.case.data)
    return path


if __name__ == "__main__":
    sys.exit(main())
