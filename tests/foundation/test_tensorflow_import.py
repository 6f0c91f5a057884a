"""oneDNN: on wherever we import TensorFlow, and told of where somebody else did."""

import os
import subprocess
import sys

import pytest

OURS = """
from kerastransfer.foundation.tensorflow_import import import_quietly
import os, sys
before = dict(os.environ)
import_quietly()
from tensorflow.python.util import _pywrap_util_port as port
changed = {n for n in os.environ if os.environ.get(n) != before.get(n)}
print(port.IsMklEnabled(), sorted(changed & {"TF_ENABLE_ONEDNN_OPTS"}))
"""
# As on a processor for which TensorFlow leaves it off, though nobody asked for that.
LEFT_OFF = """
import os
os.environ["TF_ENABLE_ONEDNN_OPTS"] = "0"
import tensorflow
from tensorflow.python.util import _pywrap_util_port
_pywrap_util_port.IsMklEnabled()
del os.environ["TF_ENABLE_ONEDNN_OPTS"]
"""


def run(code, **variables):
    kept = {n: v for n, v in os.environ.items() if n != "TF_ENABLE_ONEDNN_OPTS"}
    return subprocess.run(
        [sys.executable, "-c", code],
        env=kept | variables,
        capture_output=True,
        text=True,
        check=True,
    )


def test_a_python_program_has_it_as_the_command_does():
    assert run(OURS).stdout.strip() == "True ['TF_ENABLE_ONEDNN_OPTS']"


def test_a_users_choice_stays():
    done = run(OURS, TF_ENABLE_ONEDNN_OPTS="0")
    assert done.stdout.strip() == "False []"
    assert "oneDNN" not in done.stderr


@pytest.mark.parametrize("both", ["", "import keras\n"])
def test_a_program_that_imported_tensorflow_is_told_and_left_alone(both):
    done = run(LEFT_OFF + both + OURS)
    assert done.stdout.strip() == "False []"
    assert done.stderr.count("set TF_ENABLE_ONEDNN_OPTS=1 before it is imported") == 1
