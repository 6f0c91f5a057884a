"""A search's folder: which search it holds, and who may use it. Needs no TensorFlow."""

import contextlib
import os
import shutil
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from kerastransfer.errors import InputError
from kerastransfer.foundation import atomic, json_file, locks
from kerastransfer.foundation.quoting import quoted

SEARCH = "search.json"
LOCK = "search.lock"
_PATIENCE = 60.0  # seconds that a worker waits for its chief, who may start later
# What a user calls the facts that make it this search; others bear their own names.
_WORDS = {
    "rounds": "--trials (which sets the length of Hyperband's rounds)",
    "recipes": "--recipes",
    "tuner": "--tuner",
    "seed": "--search-seed",
}


def is_worker() -> bool:
    """Return whether another process is the search's chief."""
    named = "KERASTUNER_ORACLE_IP" in os.environ
    return named and "chief" not in os.environ.get("KERASTUNER_TUNER_ID", "")


def chiefs_address() -> str:
    """Return ``HOST:PORT`` where this process is the chief of others, else nothing.

    Raises
    ------
    InputError
        If a part of it is missing: the library would listen everywhere.
    """
    if "KERASTUNER_ORACLE_IP" not in os.environ or is_worker():
        return ""
    host, port = (os.environ.get(f"KERASTUNER_ORACLE_{x}", "") for x in ("IP", "PORT"))
    if not host.strip() or not port.isdecimal():
        raise InputError(
            "Expected an address in KERASTUNER_ORACLE_IP and a number in "
            f"KERASTUNER_ORACLE_PORT, got {quoted(host)} and {quoted(port)}."
        )
    return f"{host}:{port}"


@contextlib.contextmanager
def taking_part(
    folder: Path, identity: dict[str, Any], *, restart: bool = False
) -> Iterator[None]:
    """Hold a search's folder; a worker shares what its chief holds.

    Parameters
    ----------
    folder : Path
        Made where it is missing.
    identity : dict
        What makes it this search, as JSON can hold it.
    restart : bool
        Whether to forget what is there.

    Raises
    ------
    InputError
        If the folder holds another search or none, another process holds it, its
        ``search.json`` is damaged, or a worker is to restart or has no chief.
    """
    if is_worker():
        if restart:
            raise InputError(
                "Expected --restart at the chief alone: it would forget a search that "
                "others share; start this worker without it."
            )
        _wait_for(folder / SEARCH)
        _compare(folder, identity)
        yield
        return
    _refuse_what_is_none(folder)  # before there is a lock in someone's folder
    folder.mkdir(parents=True, exist_ok=True)
    refusal = (
        f"Another search is under way in {quoted(folder)}; wait for it, name another "
        "--out, or share it as README's 'Search' says."
    )
    with locks.held(folder / LOCK, refusal=refusal):
        if restart:
            _clear(folder)
        if (folder / SEARCH).exists():
            _compare(folder, identity)
        else:
            atomic.write_json(folder / SEARCH, identity)
        yield


def _refuse_what_is_none(folder: Path) -> None:
    if not folder.is_dir() or (folder / SEARCH).exists():
        return
    if any(not _is_ours(path) for path in folder.iterdir()):
        raise InputError(
            f"Expected a search or nothing in {quoted(folder)}; name another --out."
        )


def _is_ours(path: Path) -> bool:
    """Whether a file is the lock, or what a kill leaves of a file being written."""
    return path.name == LOCK or path.name.startswith(".part-")


def _clear(folder: Path) -> None:
    # The lock stays, for others would lock a new file while this one is held; and
    # search.json goes last, so that a kill leaves what can be restarted.
    for path in sorted(folder.iterdir(), key=lambda path: path.name == SEARCH):
        if path.name == LOCK:
            continue
        if path.is_dir() and not path.is_symlink():
            shutil.rmtree(path)
        else:
            path.unlink()


def _wait_for(path: Path) -> None:
    until = time.monotonic() + _PATIENCE
    while not path.exists():
        if time.monotonic() > until:
            raise InputError(
                f"Expected the chief's search in {quoted(path.parent)}, and in "
                f"{_PATIENCE:.0f} s none came; start the chief, with the same --out."
            )
        time.sleep(0.2)


def _compare(folder: Path, identity: dict[str, Any]) -> None:
    """Refuse another search than the folder holds."""
    path = folder / SEARCH
    try:
        stored = json_file.read_object(path)
    except ValueError as error:
        raise InputError(
            f"Expected a search in {quoted(path)}: {error}; name another --out, or "
            "pass --restart to forget it."
        ) from None
    odd = sorted(name for name in identity if stored.get(name) != identity[name])
    if odd:
        listed = ", ".join(_WORDS.get(name, name) for name in odd)
        raise InputError(
            f"Expected this search in {quoted(folder)}, and {listed} differ; "
            "name another --out, or pass --restart to forget it."
        )
