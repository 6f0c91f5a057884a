"""Importing TensorFlow without the lines that tell a newcomer nothing."""

import contextlib
import functools
import os
import platform
import re
import sys
import tempfile
import traceback
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from absl import flags, logging

from kerastransfer.errors import InputError, MissingError
from kerastransfer.foundation import keras_settings, report
from kerastransfer.foundation.quoting import quoted

# What TensorFlow's runtime prints of itself while it starts on a machine without a GPU.
_NOISE = re.compile(rb"^(WARNING: All log messages before absl|[IWE]\d{4} [\d:. ]+)")
_RETRACED = "triggered tf.function retracing"
_BACKEND = "KERAS_BACKEND"
_ONEDNN = "TF_ENABLE_ONEDNN_OPTS"


def import_quietly() -> None:
    """Import TensorFlow and Keras as they serve best here, unless they are there.

    Variables that the user has set stay as they are.

    Raises
    ------
    InputError
        If Keras cannot begin with the user's settings, or TensorFlow builds graphs.
    MissingError
        If one of them is not installed.
    """
    if not {"keras", "tensorflow"} <= set(sys.modules):
        _import_both()
    _tell_of_onednn()
    _refuse_graphs()


def _import_both() -> None:
    is_first = "tensorflow" not in sys.modules
    if is_first:  # it reads them once, and the program may have begun without
        os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
        # TensorFlow turns oneDNN on by itself only where it finds AVX-512; without it,
        # on two AMD cores, a step of EfficientNet-Lite0 took 5.3 s, and 1.7 s with it.
        os.environ.setdefault(_ONEDNN, "1")
    with _on_tensorflow(), without_noise():
        _import()
    keras_settings.imported()
    if is_first:
        _log_warnings_only()


@functools.cache
def _tell_of_onednn() -> None:
    """Tell a program that imported TensorFlow itself, once, what that costs it here."""
    if platform.machine() not in ("x86_64", "AMD64") or _ONEDNN in os.environ:
        return
    from tensorflow.python.util import _pywrap_util_port

    if not _pywrap_util_port.IsMklEnabled():
        report.say(
            "TensorFlow was imported with oneDNN off, which makes networks several "
            f"times slower on this processor; set {_ONEDNN}=1 before it is imported."
        )


@contextmanager
def without_noise() -> Iterator[None]:
    """Hold back what TensorFlow's runtime prints of itself while it starts.

    On a machine with an NVIDIA device nothing is held back, for then the lines about
    drivers are worth reading; nor where standard error is closed.
    """
    saved = None
    if not Path("/dev/nvidia0").exists():
        with contextlib.suppress(OSError):
            saved = os.dup(2)
    if saved is None:
        yield
        return
    _flush()
    with tempfile.TemporaryFile() as held:
        os.dup2(held.fileno(), 2)
        try:
            yield
        finally:
            _flush()
            os.dup2(saved, 2)
            os.close(saved)
            held.seek(0)
            for line in held:
                if not _NOISE.match(line):
                    with contextlib.suppress(OSError):  # nobody reads them
                        os.write(2, line)


@contextmanager
def _on_tensorflow() -> Iterator[None]:
    """Let Keras choose TensorFlow; processes that the user starts have their choice."""
    asked = os.environ.get(_BACKEND)
    if "keras" not in sys.modules and asked not in (None, "", "tensorflow"):
        report.warn(
            f"{_BACKEND} is {quoted(asked)}, which kerastransfer cannot use; Keras "
            "runs on TensorFlow in this process."
        )
    os.environ[_BACKEND] = "tensorflow"
    try:
        yield
    finally:
        if asked is None:
            del os.environ[_BACKEND]
        else:
            os.environ[_BACKEND] = asked


def _refuse_graphs() -> None:
    import tensorflow as tf

    if not tf.executing_eagerly():
        raise InputError(
            "Expected TensorFlow to execute eagerly, and this process turned that off "
            "or is within a tf.Graph; call kerastransfer outside of it, or in a new "
            "process."
        )


def _import() -> None:
    """Import both, and turn what the user can mend into one line."""
    try:
        import keras  # noqa: F401
        import tensorflow  # noqa: F401
    except ImportError as error:
        raise MissingError(
            "Expected TensorFlow and Keras, and they cannot be imported "
            f"({_line(error)}); pip install 'tensorflow>=2.20,<3' 'keras~=3.15.1'."
        ) from error
    except Exception as error:
        if not _is_about_settings(error):
            raise
        raise InputError(
            f"Keras cannot begin with {quoted(_keras_json())} or with the KERAS_ "
            f"variables as they are set ({_line(error)}); mend or remove them."
        ) from error


def _is_about_settings(error: Exception) -> bool:
    """Whether an error came up where Keras reads its settings."""
    frames = traceback.extract_tb(error.__traceback__)
    home = Path("keras", "src", "backend", "config.py").parts
    return any(Path(frame.filename).parts[-len(home) :] == home for frame in frames)


def _keras_json() -> Path:
    """Return the file that Keras reads its settings from."""
    named = os.environ.get("KERAS_HOME")
    return (Path(named) if named else Path.home() / ".keras") / "keras.json"


def _line(error: BaseException) -> str:
    """Return what an error says first, without a full stop."""
    lines = str(error).strip().splitlines() or [type(error).__name__]
    return lines[0].strip().rstrip(".")


def _log_warnings_only() -> None:
    """Leave the libraries' notes out, unless ``--verbosity`` asks for them."""
    if flags.FLAGS.is_parsed() and flags.FLAGS["verbosity"].present:
        return
    import tensorflow as tf

    logging.set_verbosity(logging.WARNING)
    tf.get_logger().setLevel("WARNING")
    # Every run of a study or a search makes functions of its own, as it should.
    tf.get_logger().addFilter(lambda record: _RETRACED not in record.getMessage())


def _flush() -> None:
    with contextlib.suppress(AttributeError, OSError, ValueError):  # closed, or none
        sys.stderr.flush()
