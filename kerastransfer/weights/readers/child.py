"""The process in which a weight file is read; `sandbox` starts it and ends it.

It may die of what it reads. Its memory and its time are bounded, and it ends with the
process that asked. It imports neither TensorFlow nor Keras.
"""

import contextlib
import ctypes
import faulthandler
import importlib
import os
import signal
import sys
import threading
import traceback
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, cast

from kerastransfer.errors import WeightsError
from kerastransfer.weights.readers import answer
from kerastransfer.weights.readers.guard import NO_MEMORY, DamageError
from kerastransfer.weights.readers.weight_file import WeightFile

_PR_SET_PDEATHSIG = 1
_ROOM = 1 << 24  # bytes of an answer beside its numbers
_SLACK = 10  # seconds after which a child ends that was not ended


def main(request: Mapping[str, Any]) -> None:
    """Read a weight file, write the answer to what was standard output, and end.

    Parameters
    ----------
    request : mapping
        ``path`` of the file, ``reader`` as ``module:function``, ``parent`` (process
        id), and the limits ``seconds`` and ``memory`` (bytes).
    """
    code = 1
    try:
        signal.signal(signal.SIGINT, signal.SIG_IGN)  # for the one who asked to handle
        out = os.fdopen(os.dup(1), "wb")
        null = os.open(os.devnull, os.O_WRONLY)
        os.dup2(null, 1)  # what libraries print is no answer
        _end_with(request["parent"])
        # A thread that needs no lock of Python's ends what loops in a library.
        limit = request["seconds"] + _SLACK
        faulthandler.dump_traceback_later(limit, exit=True, file=null)
        read = _reader(request["reader"])
        _bound(request["memory"])
        path = Path(request["path"])
        try:
            try:
                answer.write(out, read(path))
            except (DamageError, MemoryError) as error:
                text = str(error) if isinstance(error, DamageError) else NO_MEMORY
                text = f"Expected weights in {str(path)!r}, but {text}."
                raise WeightsError(text) from error
        except BaseException as error:
            answer.write_error(out, error, traceback.format_exc(limit=-10))
        code = 0
    finally:
        os._exit(code)  # a thread waits still, and nothing is to be tidied


def _reader(name: str) -> Callable[[Path], WeightFile]:
    module, _, function = name.partition(":")
    read = getattr(importlib.import_module(module), function)
    return cast(Callable[[Path], WeightFile], read)


def _end_with(parent: int) -> None:
    """End when the process that asked ends, however it does."""
    if sys.platform == "linux":  # a library that loops holds up the thread below
        with contextlib.suppress(OSError, AttributeError):
            ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
        if os.getppid() != parent:
            os._exit(1)
    threading.Thread(target=_wait_for_end, daemon=True).start()


def _wait_for_end() -> None:
    with contextlib.suppress(OSError):
        while os.read(0, 1):
            pass
    os._exit(1)


def _bound(memory: int) -> None:
    """Bound what reading adds to this process, and what it writes."""
    try:
        import resource
    except ImportError:  # Windows, where time alone is bounded
        return
    limits = {
        resource.RLIMIT_AS: _address_space() + memory,
        resource.RLIMIT_FSIZE: answer.MOST_BYTES + _ROOM,
        resource.RLIMIT_CORE: 0,
    }
    for kind, most in limits.items():
        _, hard = resource.getrlimit(kind)
        if hard != resource.RLIM_INFINITY:
            most = min(most, hard)
        with contextlib.suppress(OSError, ValueError):  # macOS refuses some
            resource.setrlimit(kind, (most, most))


def _address_space() -> int:
    """Return the bytes of addresses that libraries take already."""
    try:
        pages = Path("/proc/self/statm").read_text(encoding="ascii").split()[0]
    except OSError:
        return 1 << 30
    return int(pages) * os.sysconf("SC_PAGESIZE")
