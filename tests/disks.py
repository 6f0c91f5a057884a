"""A small disk, to be filled."""

import contextlib
import subprocess

import pytest


@contextlib.contextmanager
def small_disk(place, size):
    """Mount a file system of so many bytes at a folder that is there."""
    options = ["mount", "-t", "tmpfs", "-o", f"size={size}", "tmpfs", str(place)]
    try:
        done = subprocess.run(options, capture_output=True, text=True)
    except FileNotFoundError:
        pytest.skip("needs mount")
    if done.returncode:
        pytest.skip(f"needs the right to mount a tmpfs: {done.stderr.strip()}")
    try:
        yield
    finally:
        subprocess.run(["umount", "-l", place], check=True)
