"""Folders as a user meets them: what is said before anything is trained."""

import re

import pytest
from helpers.pictures import jpeg

from kerastransfer import cli


def draw(root, *classes, count=8):
    for c, name in enumerate(classes):
        (root / name).mkdir(parents=True)
        for i in range(count):
            data = jpeg(1000 * len(name) + 100 * c + i, height=64, width=64)
            (root / name / f"{i}.jpg").write_bytes(data)


@pytest.fixture
def run(tmp_path, monkeypatch, capsys):
    monkeypatch.setenv("KERASTRANSFER_HOME", str(tmp_path / "home"))
    monkeypatch.chdir(tmp_path)

    def run(line, code=0):
        assert cli.main(line.split()) == code, capsys.readouterr().err
        return capsys.readouterr()

    return run


def dry(run, words, code=0):
    return run(f"train --recipe F1-7R8 --dry-run --dataset {words}", code)


def test_a_folder_is_taken_by_its_name_and_said_before_training(run, tmp_path):
    draw(
        tmp_path / "photos",
        "Training/cat",
        "Training/dog",
        "Testing/cat",
        "Testing/dog",
    )
    (tmp_path / "photos" / "readme.txt").touch()
    for name in ("photos", "./photos", "folder:photos", str(tmp_path / "photos")):
        lines = dry(run, name).out.splitlines()[-8:]
        assert lines[:6] == [
            "class    train      val     test",
            "cat          7        1        8",
            "dog          7        1        8",
            "test         16 images, official, folder 'Testing'",
            "val          2 images, drawn from train",
            "read         splits: train in 'Training', test in 'Testing'",
        ]
        assert lines[6] == "left out     1 .txt files"
    assert not (tmp_path / "home").exists()


def test_patterns_are_remembered_and_records_have_a_name(run, tmp_path):
    for name in ("a", "b"):
        draw(tmp_path / "scans" / name, "images", "masks")
    assert "--exclude 'masks/'" in dry(run, "scans", 1).err
    told = run("convert --dataset scans --exclude masks/ --workers 1")
    assert "\na            6        1        1\n" in told.err
    assert "read         chosen with --exclude masks/" in told.err
    assert "test         2 images, drawn from all images" in told.err
    assert "left out     2 folders that the patterns leave out" in told.out
    assert "chosen with --exclude masks/" in dry(run, "scans").out  # not said again
    [path] = (tmp_path / "home" / "records").glob("folder_scans_*")
    for words in (path.name, str(path), str(path / "1.0.0"), "scans"):
        report = run(f"inspect {words} --workers 1").out
        assert "test         2 images, drawn from all images" in report
        assert "left out     2 folders that the patterns leave out" in report
    assert "chosen with" in dry(run, path.name).out
    assert "another plan (exclude" in dry(run, "scans --exclude images/", 1).err


@pytest.mark.parametrize(
    ("words", "message"),
    [
        ("folder:none", "Folder '.*none' is not there"),
        ("./none", "Expected a folder .* './none' is not there"),
        ("none.csv", "Expected a folder .* 'none.csv' is not there"),
        ("csv:none.csv", "File '.*none.csv' is not there"),
        ("digits --exclude x", "--exclude does not go with 'digits'"),
    ],
)
def test_what_is_not_there_is_refused_before_anything_is_begun(
    words, message, run, tmp_path
):
    for command in (
        f"train --recipe F1-7R8 --dataset {words}",
        f"convert --dataset {words}",
    ):
        err = run(command, 1).err
        assert err.count("\n") == 1 and "Converting" not in err
        assert re.search(message, err)
    assert not (tmp_path / "home").exists()


def test_predict_looks_for_its_files_first(run, tmp_path):
    assert "Expected a run or a SavedModel" in run("predict none a.jpg", 1).err
    (tmp_path / "empty").mkdir()
    assert "there is none; train" in run("predict empty a.jpg", 1).err
    (tmp_path / "empty" / "saved_model.pb").touch()
    assert "none of 2 is there, such as 'a.jpg'" in run("predict empty a.jpg b", 1).err
    (tmp_path / "in").mkdir()
    assert (
        "Expected images in 'in', and there is none" in run("predict empty in", 1).err
    )
    assert "Expected a table that ends in .csv" in run("predict empty a --out b", 1).err


def test_a_folder_called_like_a_dataset_is_told(run, tmp_path):
    draw(tmp_path / "digits", "a", "b")
    told = dry(run, "digits")
    assert "warning: 'digits' is a known dataset and a folder here" in told.err
    assert "folder:" not in told.out
    assert "a  " in dry(run, "folder:digits").out
