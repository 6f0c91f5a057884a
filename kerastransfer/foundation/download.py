"""Downloads that resume, try mirrors in turn, and count only once they are verified."""

import contextlib
import dataclasses
import http.client
import os
import re
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

from kerastransfer import __version__
from kerastransfer.errors import MissingError
from kerastransfer.foundation import checksums, locks, report
from kerastransfer.foundation.checksums import Checksum
from kerastransfer.foundation.progress import OnBytes
from kerastransfer.foundation.quoting import quoted

Check = Callable[[Path], str]

_CHUNK = 1 << 18
_ATTEMPTS = 3  # a mirror, each going on where the last one broke off
_MAX_BYTES = 1 << 38  # of a file whose size is not published
# Our own name: some servers refuse the default names of Python's clients.
_AGENT = f"kerastransfer/{__version__}"
_PARTIAL, _RANGE_WRONG = 206, 416
_HERE = ("127.0.0.1", "::1", "localhost")
_CONTENT_RANGE = re.compile(r"bytes (\d+)-\d+/(\d+|\*)")


class _FailedError(Exception):
    """One attempt failed; the message says how."""


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class _Job:
    part: Path
    size: int | None
    checksums: tuple[Checksum, ...]
    progress: OnBytes | None
    timeout: float
    check: Check

    def wrong(self, path: Path) -> str:
        """Say in what a file is not the one that is wanted; nothing if it is."""
        return checksums.mismatch(path, self.size, self.checksums) or self.check(path)


def download(
    urls: Sequence[str],
    target: Path,
    *,
    size: int | None = None,
    checksums: Sequence[Checksum] = (),
    progress: OnBytes | None = None,
    timeout: float = 30.0,
    otherwise: str = "put it there",
    check: Check = lambda path: "",
) -> Path:
    """Download a file from the first mirror that has it whole.

    Where another process downloads the same file, it is waited for.

    Parameters
    ----------
    urls : sequence of str
        Mirrors of one file.
    target : Path
        Where it goes, once verified; until then it grows in ``<target>.part``, from
        which a later call goes on.
    size : int, optional
        Bytes it must have.
    checksums : sequence of Checksum
        That must all hold. Without any, only https is taken.
    progress : callable, optional
        Called with the bytes that are there and the bytes there will be, None where
        the server does not say.
    timeout : float
        Seconds without a byte after which an attempt fails.
    otherwise : str
        What to do with a file that was got by other means, for the message.
    check : callable
        Says what else is wrong with a file, as of a page that a server sends in its
        place; nothing if it is well.

    Returns
    -------
    Path
        `target`.

    Raises
    ------
    MissingError
        If no mirror has the file; the message says why for each.
    """
    target = Path(target)
    target.parent.mkdir(parents=True, exist_ok=True)
    job = _Job(
        part=target.with_name(f"{target.name}.part"),
        size=size,
        checksums=tuple(checksums),
        progress=progress,
        timeout=timeout,
        check=check,
    )
    reasons: list[str] = []
    with _alone(job.part) as waited:
        if waited and target.is_file() and not job.wrong(target):
            return target
        for url in urls:
            reason = _from_mirror(url, job)
            if not reason:
                job.part.replace(target)
                return target
            reasons.append(f"{url}: {reason}")
    raise MissingError(
        f"Could not download {quoted(target.name)} ({'; '.join(reasons)}); get the "
        f"file by other means and {otherwise}."
    )


@contextlib.contextmanager
def _alone(part: Path) -> Iterator[bool]:
    """Lock a part, waiting for whoever downloads it; tell whether one had to wait.

    An empty part is not left behind.
    """
    waited: list[bool] = []

    def announce() -> None:
        waited.append(True)
        report.warn(f"Another process downloads {quoted(part.stem)}; waiting for it.")

    with locks.held(locks.beside(part), on_wait=announce, keep=False):
        try:
            yield bool(waited)
        finally:
            if part.exists() and not _length(part):
                part.unlink()


def _from_mirror(url: str, job: _Job) -> str:
    """Fill and verify the part; return why that failed, or nothing."""
    reason = ""
    for _ in range(_ATTEMPTS):
        before = _length(job.part)
        try:
            _fetch(url, job)
        except (_FailedError, OSError, http.client.HTTPException, ValueError) as error:
            reason = _explain(error)
            if _length(job.part) == before:  # nothing came, and nothing was dropped
                return reason
            continue
        reason = job.wrong(job.part)
        if not reason:
            return ""
        os.truncate(job.part, 0)
        if not before:
            return reason
    return reason


def _fetch(url: str, job: _Job) -> None:
    """Go on with the part, or begin it, until the server has no more."""
    have = _length(job.part)
    if have and have == job.size:
        return
    _refuse_unguarded(url, job)
    request = urllib.request.Request(url, headers={"User-Agent": _AGENT})
    if have:
        request.add_header("Range", f"bytes={have}-")
    try:
        response = urllib.request.urlopen(request, timeout=job.timeout)
    except urllib.error.HTTPError as error:
        if error.code == _RANGE_WRONG:
            os.truncate(job.part, 0)
        raise
    with response:
        _refuse_unguarded(response.url, job)  # to which it may have been redirected
        start, total = _extent(response, have)
        _check_total(total, job)
        _append(response, start, total, job)
    length = _length(job.part)
    if total is not None and length < total:
        raise _FailedError(f"it broke off after {length:,} of {total:,} bytes")


def _refuse_unguarded(url: str, job: _Job) -> None:
    """Refuse what anybody on the way may change without being noticed."""
    parts = urllib.parse.urlsplit(url)
    if parts.scheme != "https" and parts.hostname not in _HERE and not job.checksums:
        raise _FailedError(
            f"not https ({parts.scheme}://{parts.netloc}), and no checksum is published"
        )


def _extent(response: http.client.HTTPResponse, have: int) -> tuple[int, int | None]:
    """Return where the answer begins in the file, and the file's length if known."""
    if have and response.status == _PARTIAL:
        match = _CONTENT_RANGE.fullmatch(response.headers.get("Content-Range", ""))
        if match is None or int(match[1]) != have:
            raise _FailedError("the server sent another range than was asked for")
        return have, None if match[2] == "*" else int(match[2])
    length = response.headers.get("Content-Length")
    return 0, None if length is None else int(length)


def _check_total(total: int | None, job: _Job) -> None:
    if total is not None and job.size is not None and total != job.size:
        raise _FailedError(f"expected {job.size:,} bytes, the server has {total:,}")
    if total is not None and total > _MAX_BYTES:
        raise _FailedError(f"the server's file has {total:,} bytes, which is too many")


def _append(
    response: http.client.HTTPResponse, start: int, total: int | None, job: _Job
) -> None:
    limit = _MAX_BYTES if job.size is None else job.size
    with job.part.open("ab" if start else "wb") as file:
        have = start
        while chunk := response.read(_CHUNK):
            have += len(chunk)
            if have > limit:
                raise _FailedError(f"it goes on after {limit:,} bytes")
            file.write(chunk)
            if job.progress is not None:
                job.progress(have, job.size if total is None else total)


def _length(path: Path) -> int:
    return path.stat().st_size if path.exists() else 0


def _explain(error: Exception) -> str:
    if isinstance(error, urllib.error.HTTPError):
        return f"HTTP {error.code} {error.reason}"
    if isinstance(error, urllib.error.URLError):
        return str(error.reason)
    return str(error) or type(error).__name__
