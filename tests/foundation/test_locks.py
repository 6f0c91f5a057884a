"""Locks between processes."""

import subprocess
import sys

import pytest

from kerastransfer.errors import InputError
from kerastransfer.foundation import locks

TRY = """
import sys
from pathlib import Path
from kerastransfer import errors; from kerastransfer.foundation import locks
try:
    with locks.held(Path(sys.argv[1]), "somebody has it"):
        print("held")
except errors.InputError as error:
    print(error)
"""


def another_process(path):
    command = [sys.executable, "-c", TRY, str(path)]
    return subprocess.run(command, capture_output=True, text=True).stdout.strip()


@pytest.mark.parametrize("kind", ["file", "folder"])
def test_one_process_at_a_time(tmp_path, kind):
    path = tmp_path if kind == "folder" else tmp_path / "lock"
    with locks.held(path, ""):
        assert another_process(path) == "somebody has it"
        with pytest.raises(InputError, match="here too"), locks.held(path, "here too"):
            pass
    assert another_process(path) == "held"


def test_a_lock_file_that_was_replaced_is_told(tmp_path):
    path = tmp_path / "lock"
    with path.open("w") as file:
        assert locks.leads_to(path, file.fileno())
        other = tmp_path / "other"
        other.touch()
        other.replace(path)
        assert not locks.leads_to(path, file.fileno())
        path.unlink()
        assert not locks.leads_to(path, file.fileno())
