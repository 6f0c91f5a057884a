"""What only Keras can tell of a model, asked of a process of its own and kept.

A plan or an explanation would take seconds more if TensorFlow were imported for it. So
a child imports it, looks and answers in JSON, and the answer is kept under `home`: the
second time nothing is imported at all. A process that has imported Keras anyway looks
itself; there alone may code be registered that a model needs.
"""

import contextlib
import dataclasses
import hashlib
import importlib
import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Mapping
from importlib import metadata
from pathlib import Path
from typing import Any, TypeVar

from kerastransfer import __version__
from kerastransfer.errors import (
    InputError,
    KerasTransferError,
    MissingError,
    WeightsError,
    first_line,
)
from kerastransfer.foundation import atomic, json_file, keras_settings, report
from kerastransfer.foundation.home import home
from kerastransfer.foundation.quoting import quoted
from kerastransfer.foundation.tensorflow_import import import_quietly

T = TypeVar("T")
FOLDER = "descriptions"
_FORMAT = 2  # of what is kept; a newer one is asked for anew
_MOST_KEPT = 200  # files, the newest
_START = (
    "import json, sys; request = json.loads(sys.stdin.buffer.readline()); "
    "sys.path[:] = request['search']; "
    "from kerastransfer.backbones.keras_models import apart; apart.main(request)"
)
_ERRORS: dict[str, type[KerasTransferError]] = {
    kind.__name__: kind for kind in (InputError, MissingError, WeightsError)
}
_NO_ANSWER = (ValueError, TypeError, KeyError, AttributeError)
# It computes nothing; and what it says of itself is of no use here.
_SURROUNDINGS = {"CUDA_VISIBLE_DEVICES": "-1", "TF_CPP_MIN_LOG_LEVEL": "3"}


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Inquiry:
    """Something about a model that Keras has to be asked.

    Parameters
    ----------
    about : str
        Whom the person who waits is told of.
    function : str
        What answers, as ``module:function``; with a dict that JSON can hold.
    arguments : mapping
        Of that function, by name.
    identity : mapping
        All that the answer follows from, beside the versions of this package and of
        Keras, as JSON can hold it: a file's hash, not its path.
    download : bool
        Whether the network may be used.
    fetches : bool
        Whether it would be, by code that is not ours.
    afterwards : callable, optional
        Returns the identity that the answer is kept by, where it is known no sooner.
    """

    about: str
    function: str
    arguments: Mapping[str, Any]
    identity: Mapping[str, Any]
    download: bool = True
    fetches: bool = False
    afterwards: Callable[[], Mapping[str, Any]] | None = None

    @property
    def path(self) -> Path:
        """Where the answer would be kept."""
        return self._path(self.identity)

    @property
    def path_afterwards(self) -> Path:
        """Where the answer is to be kept, once it is there."""
        return self._path((self.afterwards or (lambda: self.identity))())

    def _path(self, identity: Mapping[str, Any]) -> Path:
        versions = [_FORMAT, __version__, *map(_version, ("keras", "keras-hub"))]
        digest = _digest([self.function, dict(identity), versions])
        return home() / FOLDER / f"{digest}.json"


def _digest(value: Any) -> str:
    """Return the SHA-256 of what JSON can hold."""
    return hashlib.sha256(json.dumps(value, sort_keys=True).encode()).hexdigest()


def _version(package: str) -> str:
    try:
        return metadata.version(package)
    except metadata.PackageNotFoundError:
        return ""


def ask(inquiry: Inquiry, make: Callable[[dict[str, Any]], T]) -> T:
    """Return the answer to an inquiry, from where it is kept or else from Keras.

    Parameters
    ----------
    make : callable
        From the answer; raises a `ValueError`, `TypeError`, `KeyError` or
        `AttributeError` of what is none. Of an answer that was kept, this means that
        Keras is asked anew.

    Raises
    ------
    KerasTransferError
        What the function, or `make`, raised; it is not kept.
    WeightsError
        If looking ended the child.
    """
    with contextlib.suppress(OSError, *_NO_ANSWER):
        return make(_kept(inquiry.path))
    apart = inquiry.fetches and not inquiry.download  # the network is shut off there
    here = "keras" in sys.modules and not apart
    answer = _answer(inquiry) if here else _from_child(inquiry)
    made = _made(make, answer, inquiry.about)
    with contextlib.suppress(OSError):  # where nothing can be kept, it takes longer
        path = inquiry.path_afterwards
        atomic.write_json(path, {"sha256": _digest(answer), "answer": answer})
        _forget_oldest(path.parent)
    return made


def _kept(path: Path) -> dict[str, Any]:
    """Read an answer that is kept, as it was written."""
    file = json_file.read_object(path)
    answer: dict[str, Any] = file["answer"]
    if file["sha256"] != _digest(answer):
        raise ValueError("it was changed")
    return answer


def _made(make: Callable[[dict[str, Any]], T], answer: dict[str, Any], about: str) -> T:
    try:
        return make(answer)
    except KerasTransferError:
        raise
    except _NO_ANSWER as error:
        raise InputError(
            f"Expected a model that can be described, and {about} makes "
            f"{first_line(error)}"
        ) from error


def _answer(inquiry: Inquiry) -> dict[str, Any]:
    """Import Keras, and look."""
    return _call(inquiry.about, inquiry.function, inquiry.arguments)


@keras_settings.ours
def _call(about: str, function: str, arguments: Mapping[str, Any]) -> dict[str, Any]:
    import_quietly()
    module, _, name = function.partition(":")
    return call(about, getattr(importlib.import_module(module), name), arguments)


def call(
    about: str, look: Callable[..., dict[str, Any]], arguments: Mapping[str, Any]
) -> dict[str, Any]:
    """Let a function of ours look, and say in a line what Keras raises meanwhile.

    Parameters
    ----------
    about : str
        What it looks at.

    Raises
    ------
    KerasTransferError
    """
    try:
        answer = look(**arguments)
        json.dumps(answer, allow_nan=False)
    except KerasTransferError:
        raise
    except Exception as error:  # of Keras or of a model's own layers, of any kind
        raise InputError(
            f"Expected a model that Keras can look through, and {about} raised "
            f"{first_line(error)}"
        ) from error
    return answer


def _from_child(inquiry: Inquiry) -> dict[str, Any]:
    report.say(f"Keras looks at {inquiry.about}; the next time that is known.")
    request = {
        "about": inquiry.about,
        "search": [os.fspath(each) for each in sys.path],
        "function": inquiry.function,
        "arguments": dict(inquiry.arguments),
        "download": inquiry.download,
    }
    options: dict[str, Any] = {}
    if sys.platform == "win32":
        options["creationflags"] = subprocess.CREATE_NO_WINDOW
    child = subprocess.run(
        [sys.executable, "-I", "-X", f"utf8={sys.flags.utf8_mode}", "-c", _START],
        input=json.dumps(request).encode("ascii") + b"\n",
        stdout=subprocess.PIPE,  # what it has to say beside goes where ours does
        env={**os.environ, **_SURROUNDINGS},
        check=False,
        **options,
    )
    try:
        reply = json_file.parse_object(child.stdout)
        if "answer" in reply:
            answer: dict[str, Any] = reply["answer"]
            return answer
        kind, text = reply["error"], reply["text"]
    except (ValueError, KeyError):
        raise WeightsError(
            f"Expected Keras to look at {inquiry.about}, and that ended its process "
            f"({_ending(child.returncode)}); take another file."
        ) from None
    raise _error(kind, text)


def _ending(code: int) -> str:
    if code >= 0:
        return f"exit code {code}"
    with contextlib.suppress(ValueError):
        return signal.Signals(-code).name
    return f"signal {-code}"


def _error(kind: str, text: str) -> KerasTransferError:
    """Return an error of ours again."""
    return _ERRORS.get(kind, KerasTransferError)(text)


def _forget_oldest(folder: Path) -> None:
    """Keep the newest, for every change of a file leaves one behind."""
    kept = sorted(folder.glob("*.json"), key=lambda path: path.stat().st_mtime_ns)
    for path in kept[:-_MOST_KEPT]:
        path.unlink(missing_ok=True)


def main(request: Mapping[str, Any]) -> None:
    """Answer a request in the child, on what was standard output.

    Parameters
    ----------
    request : mapping
        As `_from_child` sends it.
    """
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the one who asked ends both
    with os.fdopen(os.dup(1), "wb") as out:
        os.dup2(2, 1)  # what libraries print is no answer
        if not request["download"]:
            _leave_network()
        reply: dict[str, Any]
        asked = request["about"], request["function"], request["arguments"]
        try:
            reply = {"answer": _call(*asked)}
        except KerasTransferError as error:
            reply = {"error": type(error).__name__, "text": str(error)}
        out.write(json.dumps(reply, allow_nan=False).encode("ascii"))


def _leave_network() -> None:
    """Let every connection fail, here alone, so that nothing is downloaded."""
    import socket

    def refuse(*_: object, **__: object) -> Any:
        raise OSError(f"{quoted('--dry-run')} downloads nothing")

    for name in ("connect", "connect_ex"):
        setattr(socket.socket, name, refuse)
    socket.getaddrinfo = refuse  # type: ignore[assignment]
