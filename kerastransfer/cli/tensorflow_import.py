"""Importing TensorFlow without the lines that tell a newcomer nothing."""

import os
import re
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from absl import flags, logging

from kerastransfer.training.devices import Choice

if TYPE_CHECKING:
    from kerastransfer.training.replicas import Replicas

# What TensorFlow's runtime prints of itself while it starts on a machine without a GPU.
_NOISE = re.compile(rb"^(WARNING: All log messages before absl|[IWE]\d{4} [\d:. ]+)")


def import_quietly(choice: Choice | None = None) -> "Replicas":
    """Import TensorFlow and Keras, and start the runtime.

    On a machine with an NVIDIA device nothing is held back, for then the lines about
    drivers are worth reading.

    Parameters
    ----------
    choice : Choice, optional
        The devices to train on; by default one.

    Returns
    -------
    Replicas

    Raises
    ------
    InputError
        If there are no such devices, or the other workers cannot be reached.
    """
    if choice is not None and choice.several_processes:
        print("Waiting for all workers ...", file=sys.stderr, flush=True)
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
    # TensorFlow turns oneDNN on by itself only where it finds AVX-512; without it, on
    # two AMD cores, a step of EfficientNet-Lite0 took 5.3 s, and 1.7 s with it.
    os.environ.setdefault("TF_ENABLE_ONEDNN_OPTS", "1")
    os.environ.setdefault("KERAS_BACKEND", "tensorflow")
    with _without_noise():
        import keras  # noqa: F401
        import tensorflow as tf

        from kerastransfer.training import replicas

        made = replicas.make(choice or Choice(strategy="single"))
    if not flags.FLAGS["verbosity"].present:
        logging.set_verbosity(logging.WARNING)
        tf.get_logger().setLevel("WARNING")
    return made


@contextmanager
def _without_noise() -> Iterator[None]:
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
