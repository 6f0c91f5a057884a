"""A small disk, to be filled."""

import contextlib
import subprocess

import pytest


@contextlib.contextmanager
def small_disk(place, size, *, read_only=False):
    """Mount a file system of so many bytes at a folder that is there."""
    how = f"size={size}" + (",ro" if read_only else "")
    options = ["mount", "-t", "tmpfs", "-o", how, "tmpfs", str(place)]
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
