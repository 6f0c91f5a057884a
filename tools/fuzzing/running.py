"""Runs a reader on spoilt files, in a child process with bounded time and memory.

The child says which input it is at before it reads it. Dies it, that input did it; a
new child goes on behind it.
"""

import contextlib
import dataclasses
import json
import mmap
import os
import random
import resource
import signal
import sys
import time
import traceback
import unicodedata
import warnings
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

from fuzzing.content import fingerprint
from fuzzing.mutations import GENERIC
from fuzzing.target import Mutator, Target

SECONDS = 20  # an input may take
MEMORY = 2 << 30  # bytes that reading may add
_LONGEST = 2_000  # characters of a refusal
_GENERIC_SHARE = 0.5
# What ends a line, what terminals obey, and halves of characters; what turns the
# direction of writing. Characters of no script that is known yet are harmless.
_UNPRINTABLE = ("Cc", "Cs", "Zl", "Zp")
_TURNS = ("LRE", "RLE", "LRO", "RLO", "PDF", "LRI", "RLI", "FSI", "PDI")
SAME, OTHER, REFUSED = "accepted, same", "accepted, other", "refused"


@dataclasses.dataclass(frozen=True, slots=True)
class Case:
    """One input: which sound file is replaced, and by what."""

    seed: int
    mutator: str
    honest: bool
    data: bytes


@dataclasses.dataclass(frozen=True, slots=True)
class Failure:
    """What a reader must not do, and the input that made it."""

    reason: str
    case: Case


@dataclasses.dataclass(frozen=True, slots=True)
class Job:
    """A target with its sound files."""

    target: Target
    paths: Sequence[Path]
    originals: Sequence[bytes]
    seed: int = 0
    replayed: Sequence[Case] = ()  # in the place of drawn ones

    def case(self, number: int) -> Case:
        """Return an input by its number: the same one each time."""
        if self.replayed:
            return self.replayed[number]
        rng = random.Random(f"{self.seed}:{self.target.name}:{number}")
        at = rng.randrange(len(self.paths))
        own = self.target.mutators
        mutator: Mutator = GENERIC
        if own and rng.random() > _GENERIC_SHARE:
            mutator = rng.choice(own)
        other = rng.choice(self.originals)
        data = mutator.mutate(self.originals[at], other, rng)
        return Case(at, mutator.name, mutator.honest, data)


@dataclasses.dataclass(slots=True)
class Tally:
    """What became of the inputs."""

    counts: Counter[str] = dataclasses.field(default_factory=Counter)
    failures: list[Failure] = dataclasses.field(default_factory=list)
    inputs: int = 0


def run(job: Job, *, inputs: int, seconds: float) -> Tally:
    """Read so many inputs, or for so long."""
    tally = Tally()
    deadline = time.monotonic() + seconds
    place = mmap.mmap(-1, 8)
    while tally.inputs < inputs and time.monotonic() < deadline:
        start = tally.inputs
        for path, data in zip(job.paths, job.originals, strict=True):
            path.write_bytes(data)  # a child that died left its last input
        reader, writer = os.pipe()
        child = os.fork()
        if child == 0:
            os.close(reader)
            _work(job, place, writer, range(start, inputs), deadline)
        os.close(writer)
        with os.fdopen(reader, encoding="utf-8") as lines:
            if not lines.readline():
                raise SystemExit(f"The sound files of {job.target.name} are not read.")
            for line in lines:
                number, outcome = json.loads(line)
                tally.inputs = number + 1
                _count(tally, job, number, outcome)
        _, status = os.waitpid(child, 0)
        if status:
            number = int.from_bytes(place[:8], "little")
            tally.inputs = number + 1
            _count(tally, job, number, f"! {_death(status)}")
    return tally


def _count(tally: Tally, job: Job, number: int, outcome: str) -> None:
    if outcome.startswith("! "):
        tally.counts["failed"] += 1
        tally.failures.append(Failure(outcome[2:], job.case(number)))
    else:
        tally.counts[outcome] += 1


def _death(status: int) -> str:
    code = os.waitstatus_to_exitcode(status)
    if code == -signal.SIGALRM:
        return f"took more than {SECONDS} s"
    return f"ended the process: {signal.Signals(-code).name if code < 0 else code}"


def _work(
    job: Job, place: mmap.mmap, writer: int, numbers: Sequence[int], deadline: float
) -> None:
    """Read inputs in this process, a child, and end it."""
    code = 1
    try:
        warnings.simplefilter("ignore")
        os.dup2(os.open(os.devnull, os.O_WRONLY), 2)  # what libraries say
        before = [fingerprint(job.target.read(path)) for path in job.paths]
        _bound()  # once the libraries are there
        os.write(writer, b"ready\n")
        last = 0
        for number in numbers:
            if time.monotonic() > deadline:
                break
            place[:8] = number.to_bytes(8, "little")
            case = job.case(number)
            job.paths[last].write_bytes(job.originals[last])
            last = case.seed
            line = json.dumps([number, _outcome(job, case, before[case.seed])])
            os.write(writer, f"{line}\n".encode())
        code = 0
    except BaseException:
        traceback.print_exc(file=sys.stdout)
        sys.stdout.flush()
    finally:
        os._exit(code)


def _bound() -> None:
    """Limit this process."""
    pages = int(Path("/proc/self/statm").read_text(encoding="ascii").split()[0])
    most = pages * resource.getpagesize() + MEMORY
    resource.setrlimit(resource.RLIMIT_AS, (most, most))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    signal.signal(signal.SIGALRM, signal.SIG_DFL)  # which ends C code too


def _outcome(job: Job, case: Case, before: str) -> str:
    """Read one input and say what became of it."""
    from kerastransfer.errors import KerasTransferError

    path = job.paths[case.seed]
    path.write_bytes(case.data)
    signal.setitimer(signal.ITIMER_REAL, SECONDS)
    try:
        with contextlib.redirect_stdout(None):
            after = fingerprint(job.target.read(path))
    except KerasTransferError as error:
        return _refusal(str(error))
    except BaseException as error:
        return f"! {type(error).__name__} at {_where(error)}: {str(error)[:200]}"
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
    if after == before:
        return SAME
    if job.target.checked and not case.honest:
        return "! other content was taken for sound"
    return OTHER


def _refusal(text: str) -> str:
    if len(text) > _LONGEST:
        return f"! a refusal of {len(text):,} characters: {text[:100]}"
    if not all(map(_is_printable, text)):
        return f"! a refusal that is not a printable line: {text[:200]!r}"
    return REFUSED


def _is_printable(letter: str) -> bool:
    turns = unicodedata.bidirectional(letter) in _TURNS
    return unicodedata.category(letter) not in _UNPRINTABLE and not turns


def _where(error: BaseException) -> str:
    """Name the last place of the package that an exception passed."""
    frames = traceback.extract_tb(error.__traceback__)
    ours = [frame for frame in frames if "/kerastransfer/" in frame.filename]
    if not ours:
        return "?"
    name = ours[-1].filename.rpartition("/kerastransfer/")[2]
    return f"{name}:{ours[-1].lineno}"
