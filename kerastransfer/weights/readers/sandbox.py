"""Reads a weight file in a process of its own, which may die of it.

The libraries that read the formats were not made for files that were made to harm:
libhdf5 crashes on some, loops on others, or takes all memory. Here that is an error
like any other.
"""

import contextlib
import dataclasses
import json
import os
import signal
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any, BinaryIO, NoReturn, cast

from kerastransfer.errors import WeightsError
from kerastransfer.foundation.quoting import quoted
from kerastransfer.weights.readers import answer
from kerastransfer.weights.readers.weight_file import WeightFile

_GB = 1 << 30
# The search path is that of this process; nothing else of its surroundings counts.
_START = (
    "import json, sys; request = json.loads(sys.stdin.buffer.readline()); "
    "sys.path[:] = request['search']; "
    "from kerastransfer.weights.readers import child; child.main(request)"
)
_ONE_THREAD = {"OPENBLAS_NUM_THREADS": "1", "OMP_NUM_THREADS": "1"}
_CURE = "it is damaged or was made to harm; get it again from where it was published"


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """What reading a file may take, beside what any process takes.

    Parameters
    ----------
    seconds, seconds_per_gb : float
        Of time, and more for each 2**30 bytes of the file.
    memory : int
        Bytes of addresses, where the system can bound them (not on Windows).
    memory_per_byte : float
        More of them for each byte of the file.
    """

    seconds: float = 120
    seconds_per_gb: float = 60
    memory: int = 3 * _GB // 2
    memory_per_byte: float = 4

    def for_file(self, size: int) -> tuple[float, int]:
        """Return seconds and bytes for a file of `size` bytes."""
        seconds = self.seconds + self.seconds_per_gb * size / _GB
        return seconds, self.memory + int(self.memory_per_byte * size)


LIMITS = Limits()


def read(path: Path, reader: str, limits: Limits = LIMITS) -> WeightFile:
    """Read a weight file in a process of its own.

    Parameters
    ----------
    path : Path
        An existing file.
    reader : str
        The function that reads it, as ``module:function``.

    Returns
    -------
    WeightFile
        As the reader returned it, its arrays copied.

    Raises
    ------
    KerasTransferError
        The reader's, and a `WeightsError` if reading ended the process, took too long
        or too much memory.
    """
    seconds, memory = limits.for_file(path.stat().st_size)
    request = {
        "path": os.fspath(path),
        "reader": reader,
        "parent": os.getpid(),
        "search": [os.fspath(each) for each in sys.path],
        "seconds": seconds,
        "memory": memory,
    }
    stream = cast(BinaryIO, tempfile.TemporaryFile())  # noqa: SIM115 (arrays on demand are read from it later)
    try:
        end = _run(json.dumps(request), stream, seconds)
        size = os.fstat(stream.fileno()).st_size
        return answer.read(stream, size, tempfile.gettempdir())
    except answer.UnsoundAnswerError:
        stream.close()
        _raise(path, end, seconds)
    except BaseException:
        stream.close()
        raise


def _run(request: str, stream: BinaryIO, seconds: float) -> int | None:
    """Run a child and return its exit code; None if it took too long."""
    options: dict[str, Any] = {}
    if sys.platform == "win32":
        options["creationflags"] = subprocess.CREATE_NO_WINDOW
    utf8 = f"utf8={sys.flags.utf8_mode}"
    child = subprocess.Popen(
        [sys.executable, "-I", "-X", utf8, "-c", _START],
        stdin=subprocess.PIPE,
        stdout=stream,
        stderr=subprocess.DEVNULL,
        env={**os.environ, **_ONE_THREAD},
        **options,
    )
    stdin = cast(BinaryIO, child.stdin)
    try:
        with contextlib.suppress(OSError):  # a child that died has not read it
            stdin.write(request.encode("ascii") + b"\n")
            stdin.flush()
        return child.wait(seconds)
    except subprocess.TimeoutExpired:
        return None
    finally:
        child.kill()
        child.wait()
        with contextlib.suppress(OSError):
            stdin.close()


def _raise(path: Path, end: int | None, seconds: float) -> NoReturn:
    if end is None:
        what = f"reading it took more than {seconds:,.0f} s"
    elif end < 0:
        what = f"reading it ended the process that read it ({_signal(-end)})"
    else:
        what = f"reading it ended the process that read it (exit code {end})"
    raise WeightsError(f"Expected weights in {quoted(path)}, but {what}; {_CURE}.")


def _signal(number: int) -> str:
    try:
        return signal.Signals(number).name
    except ValueError:
        return f"signal {number}"
