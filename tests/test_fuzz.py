"""Spoilt files: those that once were taken or that raised something, and new ones."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

import kerastransfer

ROOT = Path(kerastransfer.__file__).parents[1]
TOOLS = ROOT / "tools"
CORPUS = ROOT / "tests" / "data" / "corpus"
SECONDS = os.environ.get("KERASTRANSFER_FUZZ_SECONDS", "2")  # a target

sys.path.insert(0, str(TOOLS))
from fuzzing import running, table  # noqa: E402
from fuzzing.running import Case, Job, run  # noqa: E402
from fuzzing.target import Target  # noqa: E402

sys.path.remove(str(TOOLS))


def fuzz(*words):
    command = [sys.executable, TOOLS / "fuzz.py", *words]
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    return subprocess.run(
        command, env=environment, capture_output=True, text=True, check=False
    )


def test_what_once_was_not_refused_is_now(tmp_path):
    names = sorted(path.name for path in CORPUS.iterdir())
    done = fuzz(*names, "--replay", CORPUS, "--out", tmp_path)
    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stdout.count(" inputs; ") == len(names)
    kept = sum(1 for path in CORPUS.glob("*/*"))
    read = sum(int(line.split()[1]) for line in done.stdout.splitlines())
    assert read == kept


@pytest.mark.slow
@pytest.mark.parametrize("name", table.TARGETS)
def test_new_inputs_are_refused_or_read(name, tmp_path):
    done = fuzz(name, "--seconds", SECONDS, "--seed", "7", "--out", tmp_path)
    assert done.returncode == 0, done.stdout + done.stderr


# The tool itself, on readers with faults that are planted.


def _crash(path):
    os.kill(os.getpid(), signal.SIGSEGV)


def _hang(path):
    time.sleep(60)


def _grow(path):
    return bytes(1 << 40)


def _raise(path):
    raise KeyError("x")


def _escape(path):
    raise OSError("no such thing")


def _believe(path):
    return path.read_bytes()


def job(folder, fault, **options):
    """A reader that has a fault wherever the content is another."""
    path = folder / "sound.txt"
    path.write_bytes(b"sound 123 " * 20)
    sound = path.read_bytes()

    def read(place):
        return sound if place.read_bytes() == sound else fault(place)

    target = Target(name="planted", prepare=lambda _: [path], read=read, **options)
    return Job(target, [path], [sound])


@pytest.mark.parametrize(
    ("fault", "reason"),
    [
        (_crash, "ended the process: SIGSEGV"),
        (_hang, "took more than"),
        (_grow, "MemoryError at "),
        (_raise, "KeyError at "),
        (_escape, "OSError at "),
        (_believe, "other content was taken for sound"),
    ],
)
def test_every_fault_is_told_with_its_input(tmp_path, monkeypatch, fault, reason):
    monkeypatch.setattr(running, "SECONDS", 0.2)
    work = job(tmp_path, fault, checked=True)
    tally = run(work, inputs=6, seconds=60)
    assert tally.inputs == 6
    assert tally.counts["failed"] == len(tally.failures) >= 4
    for failure in tally.failures:
        assert failure.reason.startswith(reason)
        assert failure.case.data != work.originals[0]


def test_other_content_without_a_checksum_is_no_fault(tmp_path):
    tally = run(job(tmp_path, _believe), inputs=20, seconds=60)
    assert set(tally.counts) <= {running.SAME, running.OTHER}


def test_a_refusal_is_one_printable_line_of_bounded_length(tmp_path):
    from kerastransfer.errors import DataError

    class LoudError(DataError):
        def __str__(self):
            return self.args[0]

    def refuse(text):
        def fault(path):
            raise LoudError(text)

        return fault

    for text, kind in [("fine", "refused"), ("a\nb", "failed"), ("x" * 3000, "failed")]:
        tally = run(job(tmp_path, refuse(text)), inputs=10, seconds=60)
        assert set(tally.counts) <= {kind, running.SAME} and tally.counts[kind]


@pytest.mark.parametrize("name", ["zip", "mean_image", "recipe"])
def test_a_seed_gives_the_same_inputs(name, tmp_path):
    def cases(seed, folder):
        folder.mkdir()
        paths = table.TARGETS[name].prepare(folder)
        originals = [path.read_bytes() for path in paths]
        work = Job(table.TARGETS[name], paths, originals, seed)
        return [work.case(number) for number in range(50)]

    one, two = (cases(3, tmp_path / folder) for folder in "ab")
    assert one == two != cases(4, tmp_path / "c")
    assert isinstance(one[0], Case)
