"""A folder of files into a table: stopped anywhere, the same table."""

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
from PIL import Image

from kerastransfer.errors import DataError
from kerastransfer.export import saved_model
from kerastransfer.export.answers import journal
from kerastransfer.export.answers.classify import classify
from kerastransfer.export.predictor import BATCH, Predictor
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


def test_another_model_or_changed_images_begin_anew(
    predictor, photos, tmp_path, monkeypatch, capsys
):
    out = tmp_path / "a.csv"

    def stop(self, rows):
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(journal.Journal, "add", stop)
        with pytest.raises(KeyboardInterrupt):
            classify(predictor, [photos], out)
    classify(predictor, [photos], out)
    assert "begun anew" not in capsys.readouterr().err
    with monkeypatch.context() as patch:
        patch.setattr(journal.Journal, "add", stop)
        with pytest.raises(KeyboardInterrupt):
            classify(predictor, [photos], out)
    other = exported(tmp_path / "other", seed=1)
    assert other.identity != predictor.identity
    classify(other, [photos], out)
    assert "begun anew" in capsys.readouterr().err


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


def counting(batches, done):
    def counted(self, paths, top=1):
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
