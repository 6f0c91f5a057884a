"""Importing TensorFlow without the lines that tell a newcomer nothing."""

import os
import re
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from absl import flags, logging

from kerastransfer.foundation.system import refuse_unsupported

# What TensorFlow's runtime prints of itself while it starts on a machine without a GPU.
_NOISE = re.compile(rb"^(WARNING: All log messages before absl|[IWE]\d{4} [\d:. ]+)")


def import_quietly() -> None:
    """Import TensorFlow and Keras as they serve best here; nothing, if they are there.

    Variables that the user has set stay as they are.
    """
    refuse_unsupported()
    if "tensorflow" in sys.modules:
        return
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
    # TensorFlow turns oneDNN on by itself only where it finds AVX-512; without it, on
    # two AMD cores, a step of EfficientNet-Lite0 took 5.3 s, and 1.7 s with it.
    os.environ.setdefault("TF_ENABLE_ONEDNN_OPTS", "1")
    os.environ.setdefault("KERAS_BACKEND", "tensorflow")
    with without_noise():
        import keras  # noqa: F401
        import tensorflow as tf
    asked = flags.FLAGS.is_parsed() and flags.FLAGS["verbosity"].present
    if not asked:
        logging.set_verbosity(logging.WARNING)
        tf.get_logger().setLevel("WARNING")


@contextmanager
def without_noise() -> Iterator[None]:
    """Hold back what TensorFlow's runtime prints of itself while it starts.

    On a machine with an NVIDIA device nothing is held back, for then the lines about
    drivers are worth reading.
    """
    if Path("/dev/nvidia0").exists():
        yield
        return
    sys.stderr.flush()
    saved = os.dup(2)
    with tempfile.TemporaryFile() as held:
        os.dup2(held.fileno(), 2)
        try:
            yield
        finally:
            sys.stderr.flush()
            os.dup2(saved, 2)
            os.close(saved)
            held.seek(0)
            for line in held:
                if not _NOISE.match(line):
                    os.write(2, line)
