"""Kill every kind of work at random moments, go on, and compare how it ends.

python tools/kills.py WORK [--kills N] [--seed S] [--disks] [JOB...]

Each job runs once undisturbed; then it is begun N times, ended by SIGKILL at a random
moment, and begun again until it ends. What it leaves must be the same to the bit, with
no process and no scratch file left over. With ``--disks`` each job also meets a full
disk and one that cannot be written (mounted, which needs the right to), and has to say
so in one line. Prints a JSON line a job; the exit code is 1 where one ended otherwise.
"""

import argparse
import hashlib
import json
import os
import pathlib
import random
import re
import shutil
import subprocess
import sys
import time
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, NamedTuple

import h5py
import numpy as np

Path = pathlib.Path
_PROGRAM = "import sys; from kerastransfer import cli; sys.exit(cli.main(sys.argv[1:]))"
_SMALL = "--dataset digits --images-per-class 5 --backbone efficientnet_lite0"
_MARK = "KERASTRANSFER_KILLS"  # by which processes of a job are found
_TIMES = re.compile(r'("(?:(?:training_)?seconds|shared_object_id)": )[\d.e-]+')
_LEFT_OUT = (".lock",)
_SCRATCH = re.compile(r"^\.part-|\.incomplete$|\.old$")


class Job(NamedTuple):
    """A command, and where in its folder is what it leaves.

    Parameters
    ----------
    command : str
        Run in a folder of its own, which ``{home}`` is within.
    before : str
        Run first, undisturbed.
    full : int
        Bytes of a disk on which it cannot end.
    """

    command: str
    left: tuple[str, ...]
    before: str = ""
    full: int = 1 << 20


_RUN = f"train {_SMALL} --runs runs --no-probe"
JOBS = {
    "convert": Job(
        "convert --dataset digits --workers 2", ("home/records",), full=1 << 18
    ),
    "train": Job(
        f"{_RUN} --recipe F1-7R8+F1-5FT6-8 --epochs 4,2 --checkpoint-every 0.2 "
        "--cache off --no-export",
        ("runs",),
        "convert --dataset digits",
        full=1 << 23,
    ),
    "cache": Job(
        f"{_RUN} --recipe F1-5R6-8 --epochs 2 --cache on --views 5 --no-export",
        ("runs", "home/features"),
        "convert --dataset digits",
        full=1 << 22,
    ),
    "tune": Job(
        f"tune {_SMALL} --recipes F1-7R8,F1-6FT7R8 "
        "--tuner bayesian --trials 3 --epochs 3 --views 1 --out search",
        ("search",),
        "convert --dataset digits",
        full=1 << 14,
    ),
    "export": Job(
        "export runs/run --out disk/exported",
        ("disk",),
        f"{_RUN} --recipe F1-7R8 --epochs 1 --no-export",
        full=1 << 20,
    ),
}


def main() -> int:
    """Read the command line; run the jobs that were named, or all."""
    parser = argparse.ArgumentParser(description=__doc__, allow_abbrev=False)
    parser.add_argument("work", type=Path)
    parser.add_argument("jobs", nargs="*", metavar="JOB", choices=[*JOBS, []])
    parser.add_argument("--kills", type=int, default=8, help="of each job (8)")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--disks", action="store_true")
    args = parser.parse_args()
    args.work.mkdir(parents=True, exist_ok=True)
    wrong = 0
    for name in args.jobs or JOBS:
        moments = random.Random(f"{args.seed} {name}")
        row = {"job": name, **killed(JOBS[name], args.work / name, args.kills, moments)}
        if args.disks:
            row |= {"disks": on_bad_disks(JOBS[name], args.work / name)}
        wrong += row["different"] or row["orphans"] or row["scratch"]
        wrong += any(row.get("disks", {}).values())
        print(json.dumps(row), flush=True)
    return 1 if wrong else 0


def killed(job: Job, work: Path, kills: int, moments: random.Random) -> dict[str, Any]:
    """Kill a job at random moments; count what ended otherwise than undisturbed."""
    shutil.rmtree(work, ignore_errors=True)
    start = prepared(job, work / "start")
    whole = work / "whole"
    shutil.copytree(start, whole, symlinks=True)
    began = time.monotonic()
    finish(job.command, whole)
    seconds, expected = time.monotonic() - began, contents(job, whole)
    row = {"kills": 0, "different": 0, "orphans": 0, "scratch": 0}
    while row["kills"] < kills:
        place = work / f"killed{row['kills']}"
        shutil.rmtree(place, ignore_errors=True)
        shutil.copytree(start, place, symlinks=True)
        process, began = begin(job.command, place), time.monotonic()
        try:
            process.wait(moments.uniform(0.2, 1.0) * seconds)
            seconds = min(seconds, time.monotonic() - began)  # it was done already
            continue
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
        row["kills"] += 1
        time.sleep(1.0)
        row["orphans"] += len(alive(place))
        finish(job.command, place)
        differing = differences(expected, contents(job, place))
        if differing:
            print(f"{place}: {differing[:5]}", file=sys.stderr)
        row["different"] += bool(differing)
        row["scratch"] += sum(bool(_SCRATCH.search(p.name)) for p in place.rglob("*"))
        if not differing:
            shutil.rmtree(place)
    return {**row, "seconds": round(seconds, 1)}


def prepared(job: Job, place: Path) -> Path:
    """Make the folder in which a job begins."""
    place.mkdir(parents=True)
    if job.before:
        finish(job.before, place)
    for run in place.glob("runs/*_*"):
        run.rename(run.with_name("run"))  # whatever its settings' hash
    return place


def begin(command: str, place: Path) -> "subprocess.Popen[str]":
    """Start a command in a folder, with a home of its own."""
    environment = {
        **os.environ,
        "KERASTRANSFER_HOME": str(place / "home"),
        _MARK: str(place),
    }
    return subprocess.Popen(
        [sys.executable, "-c", _PROGRAM, *command.split()],
        cwd=place,
        env=environment,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
    )


def finish(command: str, place: Path) -> None:
    """Run a command to its end, which has to be a good one."""
    process = begin(command, place)
    told = process.communicate()[1]
    if process.returncode != 0:
        raise SystemExit(f"{command}: exit code {process.returncode}\n{told}")


def alive(place: Path) -> list[int]:
    """Return the processes that still work for a job in a folder."""
    mark = f"{_MARK}={place}\0".encode()
    found = []
    for process in Path("/proc").glob("[0-9]*"):
        try:
            if mark in (process / "environ").read_bytes() + b"\0":
                found.append(int(process.name))
        except OSError:  # another user's, or gone
            continue
    return found


def contents(job: Job, place: Path) -> dict[str, str]:
    """Return a digest of every file that a job leaves, by name."""
    digests = {}
    for path in sorted(path for left in job.left for path in (place / left).rglob("*")):
        name = path.relative_to(place).as_posix()
        named = path.suffix not in _LEFT_OUT and "/tensorboard/" not in name
        if path.is_file() and named and path.name != "fingerprint.pb":
            data = _content(path).replace(str(place).encode(), b"")
            digests[name] = hashlib.sha256(data).hexdigest()
    return digests


def _content(path: Path) -> bytes:
    """Return what a file says, without times and addresses."""
    if path.name == "SHA256SUMS":  # the files that it names are compared themselves
        return b"".join(
            line[66:] for line in path.read_bytes().splitlines(keepends=True)
        )
    if path.suffix == ".json":
        told = json.loads(_TIMES.sub(r"\g<1>0", path.read_text()))
        if "tried_so_far" in told:  # a set: its order is by chance
            told["tried_so_far"].sort()
        return json.dumps(told, sort_keys=True).encode()
    if path.suffix == ".h5":
        return _arrays(path)
    if path.suffix == ".keras":
        with zipfile.ZipFile(path) as archive:
            config = _TIMES.sub(
                r"\g<1>0", archive.read("config.json").decode()
            ).encode()
            return config + _arrays(archive.open("model.weights.h5"))
    return path.read_bytes()


def _arrays(file: Any) -> bytes:
    parts: list[bytes] = []

    def add(name: str, item: object) -> None:
        if isinstance(item, h5py.Dataset):
            parts.append(name.encode() + np.asarray(item).tobytes())

    with h5py.File(file, "r") as opened:
        opened.visititems(add)
    return b"".join(parts)


def differences(expected: dict[str, str], found: dict[str, str]) -> list[str]:
    """Name the files in which two folders differ."""
    names = expected.keys() | found.keys()
    return sorted(name for name in names if expected.get(name) != found.get(name))


def on_bad_disks(job: Job, work: Path) -> dict[str, str]:
    """Run a job on a full disk and on a read-only one; say what was not told well."""
    wrong = {}
    for name, options in (("full", f"size={job.full}"), ("read-only", "ro")):
        place = work / name
        shutil.rmtree(place, ignore_errors=True)
        shutil.copytree(work / "start", place, symlinks=True)
        with _disks(job, place, options):
            process = begin(job.command, place)
            told = process.communicate()[1]
        wrong[name] = _judge(process.returncode, told)
        if not wrong[name]:  # nothing was lost: on a good disk it ends well
            finish(job.command, place)
            expected = contents(job, work / "whole")
            wrong[name] = ", ".join(differences(expected, contents(job, place)))
    return wrong


@contextmanager
def _disks(job: Job, place: Path, options: str) -> Iterator[None]:
    """Mount a bad disk where a job writes; what was there is there again afterwards."""
    mounted = [place / left for left in job.left]
    try:
        for target in mounted:
            target.mkdir(parents=True, exist_ok=True)
            mount = ["mount", "-t", "tmpfs", "-o", options, "tmpfs", str(target)]
            subprocess.run(mount, check=True)
        yield
    finally:
        for target in mounted:
            subprocess.run(["umount", "-l", str(target)], check=False)


def _judge(code: int, told: str) -> str:
    """Say what is wrong with how a command that could not write ended."""
    lines = told.strip().splitlines()
    if code != 1:
        return f"exit code {code}: {lines[-1:]}"
    if "Traceback" in told:
        return "a traceback"
    return "" if lines[-1].startswith("kerastransfer: error: ") else lines[-1]


if __name__ == "__main__":
    sys.exit(main())
