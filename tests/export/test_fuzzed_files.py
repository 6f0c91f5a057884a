"""Spoilt files, noise and decompression bombs through a model: errors of their own.

Each is answered in a process that may add 2 GB and take 20 s; it must not end it, and
the sound files beside it are answered as ever.
"""

import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
MANY = int(os.environ.get("KERASTRANSFER_FUZZ_FILES", "2000"))


def fuzz(target, inputs, folder):
    words = [target, "--inputs", str(inputs), "--seconds", "3000", "--seed", "3"]
    done = subprocess.run(
        [sys.executable, ROOT / "tools" / "fuzz.py", *words, "--out", folder],
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    counts = done.stdout.splitlines()[0]
    assert counts.startswith(f"{target}: {inputs:,} inputs; ")
    assert "failed" not in counts
    assert "refused" in counts and "accepted, same" in counts


@pytest.mark.parametrize("target", ["served", "predicted"])
def test_some_files(target, tmp_path):
    fuzz(target, 60, tmp_path)


@pytest.mark.slow
@pytest.mark.parametrize("target", ["served", "predicted"])
def test_many_files(target, tmp_path):
    fuzz(target, MANY, tmp_path)
