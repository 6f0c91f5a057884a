"""What processes of Ray do before they carry out a run of a study in tests."""

import os
import signal
import threading
import time
from pathlib import Path

MARK = "KERASTRANSFER_TEST_KILLED"  # a file that the first process to die makes


def know_the_miniature():
    """Make the miniature backbone known."""
    from helpers import miniature
    from kerastransfer.backbones import table

    table.BACKBONES["miniature"] = miniature.BACKBONE


def die_once():
    """Know the miniature; and die of SIGKILL amid a run, if no other process has."""
    know_the_miniature()
    try:
        Path(os.environ[MARK]).touch(exist_ok=False)
    except FileExistsError:
        return
    threading.Thread(target=_die_when_it_trains, daemon=True).start()


def _die_when_it_trains():
    runs = Path(os.environ[MARK]).parent
    while not list(runs.glob("*/runs/*/metrics.jsonl")):
        time.sleep(0.05)
    os.kill(os.getpid(), signal.SIGKILL)
