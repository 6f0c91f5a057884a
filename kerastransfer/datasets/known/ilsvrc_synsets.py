"""ILSVRC's ``meta.mat``, read where it can do no harm.

SciPy's reader of MATLAB files ends the process over some damaged ones. So it runs in
one of its own, with bounded time and memory, which answers in JSON.
"""

import subprocess
import sys

from kerastransfer.errors import DataError
from kerastransfer.foundation import json_file
from kerastransfer.foundation.quoting import quoted

_SECONDS = 60
_CODE = """
import io, json, sys
try:
    import resource
    resource.setrlimit(resource.RLIMIT_AS, (1 << 32, 1 << 32))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
except (ImportError, ValueError, OSError):  # as on Windows
    pass
import scipy.io
data = io.BytesIO(sys.stdin.buffer.read())
rows = scipy.io.loadmat(data, squeeze_me=True)["synsets"]
wnids = {
    int(row["ILSVRC2012_ID"]): str(row["WNID"])
    for row in rows
    if int(row["num_children"]) == 0
}
print(json.dumps(wnids))
"""


def read(data: bytes, name: str) -> dict[int, str]:
    """Return WordNet identifiers by ILSVRC2012_ID, of synsets without children.

    Parameters
    ----------
    data : bytes
        The file.
    name : str
        Its name, for messages.

    Raises
    ------
    DataError
        If it is no such table, or reading it takes too long or too much.
    """
    try:
        done = subprocess.run(
            [sys.executable, "-c", _CODE],
            input=data,
            capture_output=True,
            timeout=_SECONDS,
            check=False,
        )
    except subprocess.TimeoutExpired:
        raise _refusal(name, f"reading it took more than {_SECONDS} s") from None
    if done.returncode:
        words = done.stderr.decode("utf-8", "replace").strip().splitlines()
        ended = "it ended the process that read it"
        raise _refusal(name, words[-1] if words and done.returncode > 0 else ended)
    try:
        wnids = json_file.parse_object(done.stdout)
    except json_file.JsonDamageError as error:
        raise _refusal(name, str(error)) from None
    return {int(number): wnid for number, wnid in wnids.items()}


def _refusal(name: str, reason: str) -> DataError:
    return DataError(
        f"Expected a table of synsets in {quoted(name)}: {reason.rstrip('.')}; get it "
        "again."
    )
