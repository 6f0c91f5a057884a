"""A folder of files into a table: stopped anywhere, the same table."""

import itertools
import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from helpers import miniature
from helpers.disks import small_disk
from PIL import Image

import kerastransfer as kt
from kerastransfer.errors import DataError, InputError
from kerastransfer.export import file_reading, saved_model
from kerastransfer.export.answers import journal
from kerastransfer.export.answers.classify import classify
from kerastransfer.export.predictor import BATCH, Predictor
from kerastransfer.foundation import locks
from kerastransfer.records import workers

NUMBER = 3 * BATCH + 7


@pytest.fixture(scope="module")
def predictor(tmp_path_factory):
    return exported(tmp_path_factory.mktemp("exported"), seed=0)


def exported(folder, seed):
    network = miniature.build(len(miniature.CLASSES), seed)
    preprocessing = miniature.BACKBONE.preprocessing
    saved_model.save(network, preprocessing, miniature.CLASSES, folder / "model")
    return Predictor.load(folder / "model")


@pytest.fixture(scope="module")
def photos(tmp_path_factory):
    root = tmp_path_factory.mktemp("photos")
    rng = np.random.default_rng(0)
    for number in range(NUMBER):
        file = root / f"{number % 3}" / f"{number:03}.png"
        file.parent.mkdir(exist_ok=True)
        size = tuple(rng.integers(12, 40, 2))
        Image.fromarray(rng.integers(0, 256, (*size, 3), np.uint8)).save(file)
    (root / "1" / "broken.png").write_bytes(b"\x89PNG\r\n\x1a\n broken")
    (root / "2" / "empty.png").write_bytes(b"")
    return root


def test_a_table_has_a_row_a_file_and_says_what_could_not_be_read(
    predictor, photos, tmp_path
):
    out = tmp_path / "answers.csv"
    written = classify(predictor, [photos], out, top=2)
    assert (written.files, written.failed) == (NUMBER + 2, 2)
    assert "2 could not be read" in str(written)
    frame = pd.read_csv(out, keep_default_na=False)
    assert frame.path.tolist() == sorted(frame.path)
    bad = frame[frame.error != ""]
    assert [path[-10:] for path in bad.path] == ["broken.png", "/empty.png"]
    assert (bad.label == "").all()
    one_by_one = [next(iter(predictor.predict([p]))) for p in map(Path, frame.path)]
    for row, alone in zip(frame.itertuples(), one_by_one, strict=True):
        if alone.probabilities is not None:
            (label, p), (_, second) = alone.top(2)
            assert row.label == label
            assert float(row.probability) == pytest.approx(p, abs=2e-6)
            assert float(row.margin) == pytest.approx(p - second, abs=3e-6)
    assert [path.name for path in tmp_path.iterdir()] == ["answers.csv"]


def test_many_files_are_read_by_other_processes_with_the_same_answers(
    predictor, photos, tmp_path, monkeypatch
):
    classify(predictor, [photos], tmp_path / "alone.jsonl")
    monkeypatch.setattr(workers, "FEW", 1)
    classify(predictor, [photos], tmp_path / "others.jsonl")
    first, second = (tmp_path / name for name in ("alone.jsonl", "others.jsonl"))
    assert first.read_bytes() == second.read_bytes()


def test_what_was_stopped_goes_on_with_the_same_table(
    predictor, photos, tmp_path, monkeypatch
):
    whole, out = tmp_path / "whole.csv", tmp_path / "stopped.csv"
    classify(predictor, [photos], whole)
    add, classified = journal.Journal.add, []

    def stop_after_two(self, rows):
        add(self, rows)
        classified.append(len(rows))
        if len(classified) == 2:
            raise KeyboardInterrupt

    monkeypatch.setattr(journal.Journal, "add", stop_after_two)
    with pytest.raises(KeyboardInterrupt):
        classify(predictor, [photos], out)
    assert not out.exists()
    classify(predictor, [photos], out)
    assert out.read_bytes() == whole.read_bytes()
    assert sum(classified) == NUMBER + 2  # none was classified twice


@pytest.mark.parametrize("change", ["model", "image", "top"])
def test_another_question_begins_anew(
    predictor, photos, tmp_path, monkeypatch, capsys, change
):
    mine, out = tmp_path / "photos", tmp_path / "a.csv"
    shutil.copytree(photos, mine)
    stop_after(monkeypatch, 1, predictor, mine, out)
    capsys.readouterr()
    if change == "image":
        Image.new("RGB", (9, 9), (9, 9, 9)).save(mine / "0" / "000.png")
    model = exported(tmp_path / "other", seed=1) if change == "model" else predictor
    top = 2 if change == "top" else 1
    classify(model, [mine], out, top=top)
    assert "begun anew" in capsys.readouterr().err
    assert len(pd.read_csv(out)) == NUMBER + 2
    assert (tmp_path / "a.csv.unfinished.before1").exists()


def test_the_same_question_goes_on(predictor, photos, tmp_path, monkeypatch, capsys):
    copy = tmp_path / "copied"
    shutil.copytree(predictor.folder, copy)
    out = tmp_path / "a.csv"
    stop_after(monkeypatch, 1, predictor, photos, out)
    classify(Predictor.load(copy), [photos], out)
    assert "begun anew" not in capsys.readouterr().err


def stop_after(monkeypatch, batches, predictor, folder, out):
    """Classify, and be interrupted after some batches."""
    add, number = journal.Journal.add, itertools.count(1)

    def stop(self, rows):
        add(self, rows)
        if next(number) == batches:
            raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(journal.Journal, "add", stop)
        with pytest.raises(KeyboardInterrupt):
            classify(predictor, [folder], out)


def test_a_file_that_could_not_be_read_is_read_again(predictor, tmp_path, monkeypatch):
    """Whoever may read everything has no file that may not be read: a link does it."""
    mine, out = tmp_path / "photos", tmp_path / "a.csv"
    mine.mkdir()
    for number in range(BATCH + 3):
        Image.new("RGB", (9, 9), (number, 0, 0)).save(mine / f"{number:03}.png")
    names = sorted(mine.iterdir())
    read = file_reading.Path.read_bytes

    def refused(path):
        if path.name == "001.png":
            raise PermissionError(13, "Permission denied")
        return read(path)

    add = journal.Journal.add

    def stop(self, rows):
        add(self, rows)
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(Predictor, "batches", in_this_process(Predictor.batches))
        patch.setattr(file_reading.Path, "read_bytes", refused)
        patch.setattr(journal.Journal, "add", stop)
        with pytest.raises(KeyboardInterrupt):
            classify(predictor, names, out)
    assert "Permission denied" in journal.beside(out).read_text()
    assert classify(predictor, names, out).failed == 0
    assert pd.read_csv(out, keep_default_na=False).error.eq("").all()


@pytest.mark.parametrize("few", [1, 1_000])
def test_a_file_that_kills_its_reader_is_one_row_with_an_error(
    predictor, tmp_path, monkeypatch, few
):
    """A reader of its own kind, which a real image of some library's fault would be."""
    mine = tmp_path / "photos"
    mine.mkdir()
    for number in range(2 * BATCH + 5):
        Image.new("RGB", (9, 9), (number, 0, 0)).save(mine / f"{number:03}.png")
    for number in (3, 40):
        (mine / f"{number:03}.png").write_bytes(b"deadly")
    monkeypatch.setattr(workers, "FEW", few)
    monkeypatch.setattr(file_reading, "read", read_or_die)
    out = tmp_path / "a.csv"
    assert classify(predictor, [mine], out).failed == 2
    frame = pd.read_csv(out, keep_default_na=False)
    bad = frame[frame.error != ""]
    assert [Path(path).name for path in bad.path] == ["003.png", "040.png"]
    assert bad.error.str.startswith("it ended the process that read it").all()
    assert (frame[frame.error == ""].label != "").all()


def read_or_die(numbered, rules):
    if numbered[1].read_bytes() == b"deadly":
        os.kill(os.getpid(), signal.SIGKILL)
    return READ(numbered, rules)


READ = file_reading.read


def test_two_processes_do_not_make_one_table(predictor, photos, tmp_path):
    out = tmp_path / "a.csv"
    with (
        locks.held(locks.beside(out), keep=False),
        pytest.raises(InputError, match="Another process makes"),
    ):
        classify(predictor, [photos], out)


def test_a_path_alone_is_no_list_of_letters(predictor, photos, tmp_path):
    out = tmp_path / "a.csv"
    written = kt.predict_table(predictor.folder, str(photos / "1"), out)
    assert written.files == len([*(photos / "1").iterdir()])
    few = [*kt.predict(predictor.folder, str(photos / "0" / "000.png"))]
    assert len(few) == 1
    with pytest.raises(InputError, match="--top > 0"):
        classify(predictor, [photos], out, top=0)


@pytest.mark.skipif(
    not Path("/dev/full").exists(), reason="needs /dev/full, which Linux has"
)
def test_a_full_disk_loses_no_row_that_was_written(
    predictor, photos, tmp_path, monkeypatch
):
    out, add, added = tmp_path / "a.csv", journal.Journal.add, []

    def full(self, rows):
        if len(added) == 2:
            with Path("/dev/full").open("wb") as file:
                file.write(b"x" * 10_000)
        added.append(rows)
        add(self, rows)

    monkeypatch.setattr(journal.Journal, "add", full)
    with pytest.raises(DataError, match="No space is left"):
        classify(predictor, [photos], out)
    monkeypatch.setattr(journal.Journal, "add", add)
    done = []
    monkeypatch.setattr(
        Predictor,
        "batches",
        counting(Predictor.batches, done),
    )
    classify(predictor, [photos], out)
    assert done == [NUMBER + 2 - 2 * BATCH]
    assert len(pd.read_csv(out)) == NUMBER + 2


def test_a_disk_that_fills_loses_no_finished_row(
    predictor, photos, tmp_path, monkeypatch
):
    """A real one, which takes a part of a batch before it is full."""
    whole, disk = tmp_path / "whole.csv", tmp_path / "disk"
    classify(predictor, [photos], whole)
    disk.mkdir()
    with small_disk(disk, 96 * 1024):
        out, ballast = disk / "a.csv", disk / "ballast"
        ballast.write_bytes(bytes(80 * 1024))
        with pytest.raises(DataError, match="No space is left"):
            classify(predictor, [photos], out)
        kept = rows_in(journal.beside(out))
        assert not out.exists() and kept > BATCH
        ballast.unlink()
        done = []
        monkeypatch.setattr(Predictor, "batches", counting(Predictor.batches, done))
        classify(predictor, [photos], out)
        assert done[0] <= NUMBER + 2 - BATCH
        assert out.read_bytes() == whole.read_bytes()
        assert [path.name for path in disk.iterdir()] == ["a.csv"]


def in_this_process(batches):
    return lambda self, paths, top=1, *, apart=False: batches(self, paths, top)


def counting(batches, done):
    def counted(self, paths, top=1, *, apart=False):
        done.append(len(paths))
        return batches(self, paths, top)

    return counted


@pytest.mark.slow
def test_a_command_that_is_killed_goes_on_with_the_same_table(
    predictor, photos, tmp_path
):
    """5,000 files, killed three times."""
    many = tmp_path / "many"
    many.mkdir()
    originals = sorted(photos.rglob("*.png"))
    for number in range(5_000):
        shutil.copyfile(originals[number % len(originals)], many / f"{number:04}.png")
    whole, out = tmp_path / "whole.csv", tmp_path / "killed.csv"
    assert command(predictor, many, whole).wait() == 1  # some cannot be read
    kills = 0
    while kills < 3:
        process = command(predictor, many, out)
        at_least = (kills + 1) * 1_000
        while process.poll() is None and rows_in(journal.beside(out)) < at_least:
            time.sleep(0.02)
        if process.poll() is not None:
            break
        process.send_signal(signal.SIGKILL)
        process.wait()
        kills += 1
    assert kills == 3
    assert command(predictor, many, out).wait() == 1
    assert out.read_bytes() == whole.read_bytes()


def rows_in(path):
    return path.read_bytes().count(b"\n") if path.exists() else 0


def command(predictor, folder, out):
    words = [sys.executable, "-m", "kerastransfer", "predict"]
    words += [str(predictor.folder), str(folder), "--out", str(out)]
    return subprocess.Popen(words)
