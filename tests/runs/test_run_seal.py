"""Edits behind a run's back are told by whatever reads the run."""

import getpass
import json
import re
import shutil
import socket
import subprocess
from pathlib import Path

import numpy as np
import pytest
from helpers import miniature, small_run

import kerastransfer as kt
from kerastransfer import cli
from kerastransfer.backbones import table
from kerastransfer.errors import DataError
from kerastransfer.foundation.formats import seal
from kerastransfer.foundation.report import KerasTransferWarning


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    place = tmp_path_factory.mktemp("sealed")
    small_run.make_images(place / "images")
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(table.BACKBONES, "miniature", miniature.BACKBONE)
        patch.setenv("KERASTRANSFER_HOME", str(place / "home"))
        images = f"folder:{place / 'images'}"
        yield kt.train(
            images, "R1-8", backbone="miniature", epochs=(1,), runs=place / "runs"
        )


@pytest.fixture
def folder(trained, tmp_path):
    shutil.copytree(trained.folder, tmp_path / "run")
    return tmp_path / "run"


@pytest.fixture
def photo(trained, tmp_path):
    images = trained.config.dataset.removeprefix("folder:")
    return shutil.copy(f"{images}/dark/00.png", tmp_path / "photo.png")


def swap_labels(folder):
    lines = (folder / "labels.txt").read_text().splitlines()
    (folder / "labels.txt").write_text("".join(f"{x}\n" for x in reversed(lines)))


def edit_json(name, **fields):
    def edit(folder):
        path = folder / name
        path.write_text(json.dumps({**json.loads(path.read_text()), **fields}))

    return edit


def flip(name):
    def edit(folder):
        path = folder / name
        data = bytearray(path.read_bytes())
        data[len(data) // 2] ^= 4
        path.write_bytes(data)

    return edit


@pytest.mark.parametrize(
    ("name", "edit"),
    [
        ("labels.txt", swap_labels),
        ("config.json", edit_json("config.json", fit="squash")),
        ("images.json", edit_json("images.json", image_size=128)),
        ("result.json", edit_json("result.json", training_seconds=0.1)),
        ("model.keras", flip("model.keras")),
        ("predictions/test.csv", flip("predictions/test.csv")),
        ("checkpoints/phase1.weights.h5", flip("checkpoints/phase1.weights.h5")),
    ],
)
def test_an_edited_file_is_named(folder, photo, name, edit, capsys, tmp_path):
    edit(folder)
    with pytest.raises(DataError, match=re.escape(f"{name} was changed")):
        kt.open_run(folder)
    for command in (
        ["evaluate", str(folder)],
        ["export", str(folder), "--out", str(tmp_path / "exported")],
        ["predict", str(folder), str(photo)],
    ):
        assert cli.main(command) == 1
        told = capsys.readouterr().err
        assert f"{name} was changed" in told and "--ignore-seal" in told
    assert not (tmp_path / "exported").exists()


def test_an_edit_that_is_meant_is_taken(folder, photo, capsys):
    swap_labels(folder)
    run = kt.open_run(folder, ignore_seal=True)
    assert run.classes == ("middle", "light", "dark")
    assert cli.main(["evaluate", str(folder), "--ignore-seal"]) == 1  # other classes
    assert "classes, in their order" in capsys.readouterr().err
    assert cli.main(["predict", str(folder), str(photo), "--ignore-seal"]) == 0


def test_an_edited_export_is_named(folder, photo, capsys, tmp_path):
    out = kt.open_run(folder).export(tmp_path / "exported")
    (before,) = kt.predict(out, [photo])
    swap_labels(out / "assets")
    with pytest.raises(DataError, match=r"assets/labels.txt was changed"):
        kt.predict(out, [photo])
    assert cli.main(["predict", str(out), str(photo)]) == 1
    assert "assets/labels.txt was changed" in capsys.readouterr().err
    (after,) = kt.predict(out, [photo], ignore_seal=True)
    np.testing.assert_array_equal(before.probabilities, after.probabilities)
    assert before.top() != after.top()


def test_every_file_of_an_export_is_sealed(folder):
    saved = folder / "saved_model"
    files = {p.relative_to(saved).as_posix() for p in saved.rglob("*") if p.is_file()}
    sealed = (saved / seal.FILE).read_text().splitlines()
    assert {line[66:] for line in sealed} == files - {seal.FILE}
    if shutil.which("sha256sum"):
        for place in (folder, saved):
            subprocess.run(["sha256sum", "-c", seal.FILE], cwd=place, check=True)


def test_nothing_that_is_given_away_tells_whose_it_was(trained):
    """No absolute path, user or host; result.json and config.json are for oneself."""
    home = Path(trained.config.dataset.removeprefix("folder:")).parent
    records = next((home / "home" / "records").glob("folder_*"))
    given = [records, *(trained.folder / x for x in ("saved_model", "predictions"))]
    files = [path for folder in given for path in folder.rglob("*") if path.is_file()]
    assert len(files) > 12
    # Names that are too short are found in any random bytes.
    secrets = [str(home), str(Path(kt.__file__).parent), str(Path.home())]
    secrets += [getpass.getuser(), socket.gethostname()]
    for path in files:
        content = path.read_bytes()
        for secret in secrets:
            assert len(secret) < 8 or secret.encode() not in content, (path, secret)


def test_a_run_of_an_earlier_release_is_read_with_a_word(folder):
    (folder / seal.FILE).unlink()
    with pytest.warns(KerasTransferWarning, match="no SHA256SUMS"):
        kt.open_run(folder)


def test_records_that_are_others_now_are_told(trained, tmp_path):
    images = Path(trained.config.dataset.removeprefix("folder:"))
    (images / "dark" / "13.png").unlink()
    other = kt.load(f"folder:{images}", records=tmp_path / "records")
    with pytest.warns(KerasTransferWarning, match="others than those"):
        trained.evaluate("test", other)
