"""Readers that do in their process what libraries do with files made to harm."""

import ctypes
import os
import time

from kerastransfer.weights.readers.weight_file import WeightFile


def crash(path):
    ctypes.string_at(0)


def leave(path):
    os._exit(0)


def loop(path):
    """Never end, as a library that keeps Python's lock."""
    ctypes.PyDLL(None).sleep(1000)


def wait(path):
    path.with_suffix(".pid").write_text(str(os.getpid()))
    ctypes.PyDLL(None).sleep(1000)


def allocate(path):
    blocks = []
    while True:
        blocks.append(bytearray(1 << 26))
        time.sleep(0.001)


def fault(path):
    raise ZeroDivisionError("a fault of ours")


def noisy(path):
    print("not an answer", flush=True)
    os.write(1, b"nor this")
    return WeightFile(format="npz", class_names=("\udce9\u2028",))
