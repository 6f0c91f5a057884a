"""Downloads from real servers on this machine, good and bad ones."""

import hashlib
import http.server
import subprocess
import sys
import threading

import filelock
import pytest

from kerastransfer import __version__
from kerastransfer.errors import MissingError
from kerastransfer.foundation import download as module
from kerastransfer.foundation.checksums import Checksum
from kerastransfer.foundation.download import download

BODY = bytes(range(256)) * 4096  # 1 MiB
SHA256 = Checksum("sha256", hashlib.sha256(BODY).hexdigest())


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_message(self, *_):
        pass

    def do_GET(self):
        self.server.asked.append((self.path, dict(self.headers)))
        getattr(self, "serve_" + self.path.strip("/"))()

    def answer(self, body, code=200, headers=(), length=None):
        self.send_response(code)
        if length != "unknown":
            self.send_header("Content-Length", str(length or len(body)))
        for name, value in headers:
            self.send_header(name, value)
        self.send_header("Connection", "close")
        self.end_headers()
        self.wfile.write(body)
        self.close_connection = True

    def start(self):
        asked = self.headers.get("Range")
        return int(asked.removeprefix("bytes=").removesuffix("-")) if asked else 0

    def ranged(self, body, cut=None):
        start = self.start()
        if not start:
            return self.answer(body[:cut], length=len(body))
        if start >= len(body):
            return self.answer(b"", 416)
        span = f"bytes {start}-{len(body) - 1}/{len(body)}"
        rest = body[start:]
        part = rest[:cut]
        return self.answer(part, 206, [("Content-Range", span)], len(rest))

    def serve_good(self):
        self.ranged(BODY)

    def serve_away(self):
        self.answer(b"", 302, [("Location", self.server.away)])

    def serve_no_range(self):
        self.answer(BODY)

    def serve_no_length(self):
        self.answer(BODY, length="unknown")

    def serve_breaks(self):  # after 400,000 bytes, each time
        self.ranged(BODY, cut=400_000)

    def serve_breaks_at_once(self):
        self.ranged(BODY, cut=0 if self.start() else 100)

    def serve_wrong(self):
        self.ranged(BODY[::-1])

    def serve_long(self):
        self.answer(BODY[::-1] + b"x", length="unknown")

    def serve_short(self):
        self.ranged(BODY[:-1])

    def serve_odd_range(self):
        self.answer(BODY, 206, [("Content-Range", f"bytes 0-9/{len(BODY)}")])

    def serve_slow(self):  # stops halfway until it may go on
        if self.start():
            return self.ranged(BODY)
        self.send_response(200)
        self.send_header("Content-Length", str(len(BODY)))
        self.end_headers()
        self.wfile.write(BODY[: len(BODY) // 2])
        self.wfile.flush()
        self.server.halfway.set()
        self.server.go_on.wait(30)
        self.wfile.write(BODY[len(BODY) // 2 :])
        self.close_connection = True

    def serve_missing(self):
        self.answer(b"no", 404)


class Server(http.server.ThreadingHTTPServer):
    def handle_error(self, *_):
        """Keep quiet where a client hangs up, as some tests make it do."""


@pytest.fixture
def server():
    with Server(("127.0.0.1", 0), Handler) as running:
        running.asked = []
        running.halfway, running.go_on = threading.Event(), threading.Event()
        running.url = f"http://127.0.0.1:{running.server_port}/"
        thread = threading.Thread(target=running.serve_forever, args=(0.01,))
        thread.start()
        yield running
        running.shutdown()
        thread.join()


@pytest.fixture
def fetch(server, tmp_path):
    target = tmp_path / "weights" / "file.bin"

    def run(*names, **options):
        options = {"size": len(BODY), "checksums": [SHA256]} | options
        urls = [server.url + name for name in names]
        assert download(urls, target, **options) == target
        assert target.read_bytes() == BODY
        assert [p.name for p in target.parent.iterdir()] == ["file.bin"]

    run.target = target
    run.part = target.with_name("file.bin.part")
    return run


def prepare(part, data):
    part.parent.mkdir(parents=True)
    part.write_bytes(data)


@pytest.mark.parametrize("name", ["good", "no_range", "no_length"])
def test_download(name, fetch, server):
    fetch(name)
    ((_, headers),) = server.asked
    assert headers["User-Agent"] == f"kerastransfer/{__version__}"
    assert "Range" not in headers


def test_progress_ends_at_the_whole(fetch):
    seen = []
    fetch("good", progress=lambda have, total: seen.append((have, total)))
    assert seen[-1] == (len(BODY), len(BODY))
    assert seen == sorted(seen)


def test_a_part_is_resumed(fetch, server):
    prepare(fetch.part, BODY[:300_000])
    fetch("good")
    ((_, headers),) = server.asked
    assert headers["Range"] == "bytes=300000-"


def test_a_complete_part_asks_nobody(fetch, server):
    prepare(fetch.part, BODY)
    fetch("good")
    assert not server.asked


def test_a_server_without_ranges_starts_anew(fetch, server):
    prepare(fetch.part, BODY[:300_000])
    fetch("no_range")
    assert len(server.asked) == 1


def test_a_broken_connection_is_taken_up_again(fetch, server):
    fetch("breaks")
    assert [h.get("Range") for _, h in server.asked] == [
        None,
        "bytes=400000-",
        "bytes=800000-",
    ]


def test_a_mirror_goes_on_where_another_broke_off(fetch, server):
    fetch("breaks_at_once", "good")
    assert server.asked[-1][1]["Range"] == "bytes=100-"


def test_a_part_of_another_file_is_thrown_away(fetch, server):
    prepare(fetch.part, b"x" * 300_000)
    fetch("good")
    assert [h.get("Range") for _, h in server.asked] == ["bytes=300000-", None]


def test_another_range_than_asked_for_is_refused(fetch):
    prepare(fetch.part, BODY[:300_000])
    with pytest.raises(MissingError, match="sent another range than was asked for"):
        fetch("odd_range")
    assert fetch.part.read_bytes() == BODY[:300_000]


def test_a_part_that_is_too_long_is_thrown_away(fetch, server):
    prepare(fetch.part, BODY + b"x")
    fetch("good")
    assert len(server.asked) == 2


@pytest.mark.parametrize("bad", ["missing", "wrong", "short", "long"])
def test_the_next_mirror_is_tried(bad, fetch, server):
    fetch(bad, "good")
    assert {path for path, _ in server.asked} == {f"/{bad}", "/good"}


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("missing", "HTTP 404 Not Found"),
        ("wrong", f"expected a sha256 of {SHA256.digest}, got"),
        ("short", "expected 1,048,576 bytes, the server has 1,048,575"),
        ("long", "it goes on after 1,048,576 bytes"),
        ("breaks_at_once", "it broke off after 100 of 1,048,576 bytes"),
    ],
)
def test_no_mirror_has_it(name, reason, fetch, server):
    with pytest.raises(
        MissingError,
        match=rf"download 'file.bin' \(.*/{name}: {reason}.*means and put it there",
    ):
        fetch(name)
    assert not fetch.target.exists()


def test_a_wrong_download_does_not_replace_a_file(fetch):
    prepare(fetch.target, b"old")
    with pytest.raises(MissingError, match="sha256"):
        fetch("wrong")
    assert fetch.target.read_bytes() == b"old"
    assert not fetch.part.exists()


def test_a_server_of_unknown_size_is_bounded(fetch, monkeypatch):
    monkeypatch.setattr(module, "_MAX_BYTES", 1000)
    with pytest.raises(MissingError, match="1,048,576 bytes, which is too many"):
        fetch("good", size=None)
    with pytest.raises(MissingError, match="goes on after 1,000 bytes"):
        fetch("no_length", size=None)


def test_what_anybody_may_change_on_the_way_is_refused(fetch, server):
    """Without a checksum, and where a server sends us from a guarded place."""
    with pytest.raises(MissingError, match=r"not https .*no checksum is published"):
        download(["http://example.invalid/good"], fetch.target)
    server.away = f"http://0.0.0.0:{server.server_port}/good"
    with pytest.raises(MissingError, match=r"not https \(http://0.0.0.0:\d+\)"):
        download([server.url + "away"], fetch.target)
    assert not fetch.target.exists()
    fetch("away")  # held against its checksum


def test_nobody_listens(fetch):
    target = fetch.target
    with pytest.raises(MissingError, match=r"127.0.0.1:9/x: .*refused"):
        download(["http://127.0.0.1:9/x"], target)


def test_a_file_may_be_checked_in_a_way_of_its_own(fetch):
    def check(path):
        return "it is upside down" if path.read_bytes() == BODY[::-1] else ""

    bare = {"size": None, "checksums": [], "check": check}
    fetch("good", **bare)
    fetch.target.unlink()
    with pytest.raises(MissingError, match="wrong: it is upside down"):
        fetch("wrong", **bare)
    assert not list(fetch.target.parent.iterdir())
    fetch("wrong", "good", **bare)


DOWNLOAD = """
import sys
from pathlib import Path
from kerastransfer.foundation.download import download
download([sys.argv[1]], Path(sys.argv[2]), size=int(sys.argv[3]))
"""


@pytest.mark.parametrize("first", ["ends", "is killed"])
def test_two_processes_do_not_write_one_file(first, fetch, server):
    """The second waits; then it has the file, or goes on where the first was."""
    if first == "is killed" and not filelock.has_fcntl:
        pytest.skip("about flock: who was killed is not gone until its parent looks")
    command = [sys.executable, "-c", DOWNLOAD, server.url + "slow", fetch.target]
    command += [str(len(BODY))]
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True) as one:
        assert server.halfway.wait(30)
        with subprocess.Popen(command, stderr=subprocess.PIPE, text=True) as two:
            told = next(line for line in two.stderr if "Another process" in line)
            assert "downloads 'file.bin'; waiting for it" in told
            assert len(server.asked) == 1
            if first == "is killed":
                one.kill()
            server.go_on.set()
            assert two.wait(30) == 0
    assert fetch.target.read_bytes() == BODY
    assert [p.name for p in fetch.target.parent.iterdir()] == ["file.bin"]
    ranges = [headers.get("Range") for _, headers in server.asked]
    if first == "ends":
        assert ranges == [None]
    else:
        assert ranges[0] is None and ranges[1].startswith("bytes=")


def test_a_prefix_of_a_hash_is_enough(fetch):
    fetch("good", size=None, checksums=[Checksum("sha256", SHA256.digest[:8])])
    with pytest.raises(MissingError, match="expected a sha256 of 00000000, got"):
        fetch("good", checksums=[Checksum("sha256", "00000000")])
