"""Systems without POSIX: imports hold, and Windows is refused in one line."""

import subprocess
import sys

import pytest

from kerastransfer import cli
from kerastransfer.errors import InputError
from kerastransfer.foundation.system import refuse_unsupported

# As on Windows: modules and functions that POSIX alone has are not there.
WITHOUT_POSIX = """
import os, sys
for name in ("fcntl", "resource", "grp", "pwd", "termios"):
    sys.modules[name] = None
for name in ("sched_getaffinity", "fork", "getuid"):
    if hasattr(os, name):
        delattr(os, name)
"""


def test_windows_is_refused_in_a_line(monkeypatch, capsys):
    refuse_unsupported()
    monkeypatch.setattr(sys, "platform", "win32")
    with pytest.raises(InputError, match="Expected Linux or macOS, got Windows"):
        refuse_unsupported()
    assert cli.main(["datasets"]) == 1
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith("kerastransfer: error: Expected Linux or macOS")


def test_the_light_parts_need_nothing_that_posix_alone_has():
    code = (
        "import importlib\n"
        "from kerastransfer import cli\n"
        "for name in cli.COMMANDS:\n"
        "    cli.command_module(name)\n"
        "import kerastransfer as kt\n"
        "print(kt.plan('digits', 'FT1-7R8', images_per_class=5))\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", WITHOUT_POSIX + code],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith("digits: 50 training images")
