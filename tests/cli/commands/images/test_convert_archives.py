"""convert on archives, as a user types it: download, verify, group, summary."""

import dataclasses
import hashlib
import http.server
import json
import subprocess
import sys
import threading
from functools import partial
from pathlib import Path

import pytest
from helpers.miniature_archives import MINIATURES, coral_in_bulk

from kerastransfer import __version__, cli
from kerastransfer.datasets import table
from kerastransfer.foundation.checksums import Checksum

ROOT = Path(__file__).parents[4]


@pytest.fixture(autouse=True)
def own_home(tmp_path, monkeypatch):
    monkeypatch.setenv("KERASTRANSFER_HOME", str(tmp_path / "home"))


def run(*words):
    return cli.main([str(word) for word in words])


def test_the_summary_says_what_was_left_out(tmp_path, capsys):
    MINIATURES["caltech256"](tmp_path)
    words = ("convert", "--dataset", "caltech256", "--archives", tmp_path)
    assert run(*words, "--max-per-class", 2, "--workers", 1) == 0
    out, err = capsys.readouterr()
    first, *others = out.splitlines()
    assert first.endswith("4 classes; 8 train, 8 val, 100 test images")
    assert others == [
        "rejected     none",
        "damaged      none",
        "left out     5 clutter",
        "left out     2 other files",
        "short        no class has too few images",
        "duplicates   0 with the same bytes as another, 0 nearly the same",
        "leaks        none: no image stands in two splits",
        "conflicts    0 pictures stand under two labels or more",
    ]
    assert "warning: Expected 29,780 images of 256 classes in caltech256" in err
    assert "they are taken as they are" in err
    assert (tmp_path / "home" / "records" / "caltech256" / "1.0.0").is_dir()
    assert run("inspect", "caltech256", "--workers", 1) == 0
    told = "published    Expected 29,780 images of 256 classes in caltech256, found 13"
    assert told in capsys.readouterr().out


def test_groups_and_their_effect_are_told(tmp_path, capsys):
    coral_in_bulk(tmp_path)
    words = ("convert", "--dataset", "coral", "--archives", tmp_path, "--workers", 1)
    words += ("--group", "quadrat", "--patch-size", 8, "--max-per-class", 300)
    words += ("--short-classes", "cap")
    assert run(*words) == 0
    # Of four quadrats two are test, one is val: 180 points of a class are left.
    assert (
        "groups       kept together: train 1,620 instead of 2,700, val 450 instead of "
        "450, test 2,700 instead of 2,700"
    ) in capsys.readouterr().out
    assert run(*words, "--json") == 0
    told = json.loads(capsys.readouterr().out)
    assert told["group"] == "quadrat" and len(told["archives"]) == 3
    assert run(*words[:5], "--group", "bin") == 1
    assert "Expected --group of 'coral' to be one of" in capsys.readouterr().err


AGENTS = []  # that asked the server
RANGES = []  # that they asked for
PAGE = b"<html>Please accept our terms.</html>"


class Server(http.server.SimpleHTTPRequestHandler):
    def log_message(self, *_):
        pass

    def do_GET(self):
        AGENTS.append(self.headers["User-Agent"])
        RANGES.append(self.headers["Range"])
        if not self.headers["User-Agent"].startswith("kerastransfer/"):
            self.send_error(403)  # as WHOI's server does with clients' default names
        elif self.headers["Range"]:
            self.send_rest(int(self.headers["Range"][len("bytes=") : -1]))
        else:
            super().do_GET()

    def send_rest(self, start):
        data = Path(self.translate_path(self.path)).read_bytes()
        self.send_response(206)
        self.send_header("Content-Length", str(len(data) - start))
        span = f"bytes {start}-{len(data) - 1}/{len(data)}"
        self.send_header("Content-Range", span)
        self.end_headers()
        self.wfile.write(data[start:])


@pytest.fixture
def server(tmp_path):
    AGENTS.clear()
    RANGES.clear()
    (tmp_path / "www").mkdir()
    serve = partial(Server, directory=tmp_path / "www")
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), serve) as found:
        threading.Thread(target=found.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{found.server_port}"
        found.shutdown()


def serve_miniature(name, tmp_path, server, monkeypatch):
    """Stand in for the publishers: the miniature's files, with hashes, on a server."""
    MINIATURES[name](tmp_path / "www")
    parts = []
    known = table.DATASETS[name]
    for part in known.info.parts:
        file = tmp_path / "www" / part.file
        if not file.exists():
            continue
        data = file.read_bytes()
        digest = hashlib.sha256(data).hexdigest()
        parts.append(
            dataclasses.replace(
                part,
                urls=(f"{server}/{part.file}",),
                size=len(data),
                checksums=(Checksum("sha256", digest),),
            )
        )
    info = dataclasses.replace(known.info, parts=tuple(parts))
    changed = dataclasses.replace(known, info=info)
    monkeypatch.setitem(table.DATASETS, name, changed)


@pytest.mark.parametrize("name", ["cub200", "mit_indoor", "plankton"])
def test_download_gets_verifies_and_converts(
    name, tmp_path, server, monkeypatch, capsys
):
    serve_miniature(name, tmp_path, server, monkeypatch)
    words = ("convert", "--dataset", name, "--download", "--verify", "--workers", 1)
    assert run(*words, "--max-per-class", 3) == 0
    out, err = capsys.readouterr()
    assert f"Downloading {server}/" in err
    assert f"{name}/1.0.0\t" in out
    place = tmp_path / "home" / "archives" / name
    for file in (tmp_path / "www").iterdir():
        assert (place / file.name).read_bytes() == file.read_bytes()
    assert set(AGENTS) == {f"kerastransfer/{__version__}"}
    AGENTS.clear()
    assert run(*words, "--max-per-class", 3) == 0  # nothing is fetched twice
    assert not AGENTS


def test_a_download_goes_on_where_it_broke_off(tmp_path, server, monkeypatch, capsys):
    serve_miniature("cub200", tmp_path, server, monkeypatch)
    place = tmp_path / "home" / "archives" / "cub200"
    place.mkdir(parents=True)
    whole = (tmp_path / "www" / "CUB_200_2011.tgz").read_bytes()
    (place / "CUB_200_2011.tgz.part").write_bytes(whole[:1000])
    words = ("convert", "--dataset", "cub200", "--download", "--max-per-class", 3)
    assert run(*words, "--workers", 1) == 0
    assert (place / "CUB_200_2011.tgz").read_bytes() == whole
    assert RANGES == ["bytes=1000-"]


def without_hashes(name, monkeypatch):
    """As published where no size and no hash is known."""
    known = table.DATASETS[name]
    parts = known.info.parts
    bare = tuple(dataclasses.replace(p, checksums=(), size=None) for p in parts)
    info = dataclasses.replace(known.info, parts=bare)
    changed = dataclasses.replace(known, info=info)
    monkeypatch.setitem(table.DATASETS, name, changed)


@pytest.mark.parametrize(
    ("name", "file", "told"),
    [
        ("plankton", "2006.zip", "a tar, tar.gz or zip file, got bytes b'<html>Pl'"),
        ("mit_indoor", "TestImages.txt", "one name a line, got bytes b'<html>Pl'"),
    ],
)
def test_a_page_in_place_of_a_file_is_not_kept(
    name, file, told, tmp_path, server, monkeypatch, capsys
):
    """No hash would tell, and the next run would take it for the archive."""
    serve_miniature(name, tmp_path, server, monkeypatch)
    without_hashes(name, monkeypatch)
    good = (tmp_path / "www" / file).read_bytes()
    (tmp_path / "www" / file).write_bytes(PAGE)
    words = ("convert", "--dataset", name, "--download", "--workers", 1)
    words += ("--max-per-class", 3)
    assert run(*words) == 1
    assert told in capsys.readouterr().err
    place = tmp_path / "home" / "archives" / name
    assert not list(place.glob(f"{file}*"))
    (tmp_path / "www" / file).write_bytes(good)
    assert run(*words) == 0
    assert (place / file).read_bytes() == good


def test_a_zip_that_ends_too_soon_is_not_kept(tmp_path, server, monkeypatch, capsys):
    serve_miniature("plankton", tmp_path, server, monkeypatch)
    without_hashes("plankton", monkeypatch)
    file = tmp_path / "www" / "2007.zip"
    file.write_bytes(file.read_bytes()[:-30])
    assert run("convert", "--dataset", "plankton", "--download") == 1
    assert "is damaged or cut short: File is not a zip" in capsys.readouterr().err
    place = tmp_path / "home" / "archives" / "plankton"
    assert [path.name for path in place.iterdir()] == ["2006.zip"]


@pytest.mark.parametrize("hashed", [True, False])
def test_a_wrong_file_that_is_there_is_named_with_the_cure(
    hashed, tmp_path, server, monkeypatch, capsys
):
    serve_miniature("plankton", tmp_path, server, monkeypatch)
    place = tmp_path / "home" / "archives" / "plankton"
    place.mkdir(parents=True)
    size = (tmp_path / "www" / "2006.zip").stat().st_size
    (place / "2006.zip").write_bytes(PAGE + bytes(size - len(PAGE)))
    if not hashed:
        without_hashes("plankton", monkeypatch)
    words = ("convert", "--dataset", "plankton", "--download", "--workers", 1)
    assert run(*words) == 1
    err = capsys.readouterr().err
    assert f"'{place}/2006.zip' is not the published file (" in err
    assert "delete it and it is downloaded again" in err and not AGENTS
    (place / "2006.zip").unlink()
    assert run(*words, "--max-per-class", 3) == 0


def test_what_cannot_be_downloaded_is_told_with_the_steps(tmp_path, capsys):
    assert run("convert", "--dataset", "yosinski", "--download") == 1
    err = capsys.readouterr().err
    assert "'ILSVRC2012_img_train.tar' of 'yosinski' cannot be downloaded" in err
    assert "register at image-net.org" in err and "archives/yosinski'" in err
    assert run("convert", "--dataset", "digits", "--download") == 1
    assert "nothing to download for 'digits'" in capsys.readouterr().err


def test_a_file_without_a_published_hash_is_told_with_its_own(
    tmp_path, server, monkeypatch, capsys
):
    serve_miniature("mit_indoor", tmp_path, server, monkeypatch)
    without_hashes("mit_indoor", monkeypatch)
    words = ("convert", "--dataset", "mit_indoor", "--download", "--workers", 1)
    assert run(*words, "--max-per-class", 3) == 0
    data = (tmp_path / "www" / "TrainImages.txt").read_bytes()
    digest = hashlib.sha256(data).hexdigest()
    assert f"'TrainImages.txt' is published; its sha256 is {digest}" in (
        capsys.readouterr().err
    )


def test_the_tool_is_the_command(tmp_path):
    MINIATURES["plankton"](tmp_path)
    tool = [sys.executable, ROOT / "tools" / "make_tfrecords.py"]
    words = ["--dataset", "plankton", "--archives", tmp_path, "--out", tmp_path / "out"]
    done = subprocess.run([*tool, *words], capture_output=True, text=True, check=True)
    path = tmp_path / "out" / "plankton" / "1.0.0"
    assert done.stdout.startswith(f"{path}\t4 classes; ")
    done = subprocess.run(
        [*tool, "--dataset", "plankto"], capture_output=True, text=True
    )
    assert done.returncode == 1
    assert done.stderr.count("\n") == 1 and "Did you mean 'plankton'" in done.stderr


def test_help_and_usage_errors_need_no_tensorflow(tmp_path):
    code = (
        "import sys\nfrom kerastransfer import cli\n"
        "try:\n    cli.main(sys.argv[1:])\nexcept SystemExit as e:\n    code = e.code\n"
        "print('tensorflow' in sys.modules, file=sys.stderr)"
    )
    for words in (["convert", "--help"], ["convert", "--dataset", "cub200"]):
        command = [sys.executable, "-c", code, *words]
        done = subprocess.run(command, capture_output=True, text=True, cwd=tmp_path)
        assert done.stderr.splitlines()[-1] == "False", done.stderr


def test_missing_records_say_which_command_makes_them(capsys):
    words = "train --dataset cub200 --recipe F1-3R4-8 --backbone efficientnet_lite0"
    assert run(*words.split(), "--images-per-class", 5) == 1
    err = capsys.readouterr().err
    assert "No records of 'cub200'" in err
    assert "'kerastransfer convert --dataset cub200 --download'" in err
    assert run(*words.replace("cub200", "sun397").split()) == 1
    err = capsys.readouterr().err
    assert "'kerastransfer convert --dataset sun397 --archives DIR'" in err
