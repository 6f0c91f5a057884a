"""A small disk, to be filled, and one that cannot do what disks do."""

import contextlib
import errno
import os
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


# What Lustre, NFS, FUSE and disks of other systems answer to what they cannot do.
UNABLE = sorted(
    {errno.ENOSYS, errno.ENOTSUP, errno.EOPNOTSUPP, errno.ENOLCK, errno.EINVAL}
)


def break_call(monkeypatch, module, name, number):
    """Let a function of the system fail with an error number."""

    def fail(*arguments, **keywords):
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr(module, name, fail)
