"""Small studies, really run: once each, whatever fails, and in a table."""

import csv
import json
import shutil

import numpy as np
import pandas as pd
import pytest
from helpers.small_home import small_home

import kerastransfer as kt
from kerastransfer import cli
from kerastransfer.errors import DataError, InputError, MissingError
from kerastransfer.foundation import locks
from kerastransfer.foundation.report import KerasTransferWarning
from kerastransfer.study import identity, progress, results, runner, work
from kerastransfer.study.summary import summarise

RECIPES = ("R1-8", "R1-8+F1-5FT6-8", "F1-7R8")  # the last has no weights to copy


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    with small_home(tmp_path_factory.mktemp("study")) as place:
        yield place


def study(place, **changed):
    arguments = {
        "recipes": RECIPES,
        "images_per_class": (3,),
        "draws": 2,
        "epochs": (1,),
        "backbone": "miniature",
        "out": place / "out",
    }
    return kt.study([f"folder:{place / 'images'}"], **{**arguments, **changed})


@pytest.fixture(scope="module")
def summary(place):
    return study(place)


def test_every_run_is_a_row_and_one_that_fails_stops_no_other(summary, place):
    rows = results.read(place / "out")
    assert [row["status"] for row in rows] == ["failed", "finished", "finished"] * 2
    assert {row["recipe"] for row in rows if row["status"] == "failed"} == {"F1-7R8"}
    assert all("weights" in row["error"] for row in rows if row["error"])
    finished = [row for row in rows if row["status"] == "finished"]
    for row in finished:
        run = kt.open_run(place / "out" / row["run"])
        assert run.test.accuracy.value == row["accuracy"]
        assert (run.config.draw, str(run.config.recipe)) == (row["draw"], row["recipe"])
        assert row["train_images"] == 9 and row["dataset"] == "folder:images"
    assert len({row["config_hash"] for row in finished}) == 4
    assert "failed" in str(summary)


def test_pandas_reads_the_table_in_both_formats(summary, place):
    text = pd.read_csv(place / "out" / results.CSV)
    stored = pd.read_parquet(place / "out" / results.PARQUET)
    assert list(text.columns) == list(stored.columns) == list(results.COLUMNS)
    assert len(text) == 6
    np.testing.assert_allclose(text["accuracy"], stored["accuracy"])


def test_means_are_over_draws(summary, place):
    rows = [row for row in results.read(place / "out") if row["recipe"] == "R1-8"]
    (mean,) = [each for each in summary.means if each.recipe[0] == "R1-8"]
    assert mean.accuracy.draws == 2
    assert mean.accuracy.value == np.mean([row["accuracy"] for row in rows])


def test_runs_are_compared_on_the_images_that_they_answered(summary, place):
    rows = [r for r in results.read(place / "out") if r["status"] == "finished"]
    images = summarise(rows, place / "out", frozen="R1-8").by_image
    assert [each.draw for each in images] == [0, 1]
    for each in images:
        first, second = (
            next(r for r in rows if (r["recipe"], r["draw"]) == (name[0], each.draw))
            for name in (each.first, each.second)
        )
        gain = first["accuracy"] - second["accuracy"]
        assert each.result.difference.value == pytest.approx(gain)
        assert each.result.difference.n == first["test_images"]


def test_a_finished_run_is_not_trained_again(summary, place, capsys):
    files = {p: p.stat().st_mtime_ns for p in (place / "out" / "runs").rglob("*.keras")}
    assert str(study(place)) == str(summary)
    assert files == {p: p.stat().st_mtime_ns for p in files}
    assert "Run 6 of 6" in capsys.readouterr().err


def test_a_row_stands_for_a_run_whose_folder_is_gone(summary, place, tmp_path):
    copy = shutil.copytree(place / "out", tmp_path / "copy")
    before = (copy / results.CSV).read_bytes()
    shutil.rmtree(copy / "runs")
    again = study(place, out=copy)
    assert (copy / results.CSV).read_bytes() == before
    assert not list(copy.rglob("result.json"))
    assert again.means == summary.means
    # Of other settings, or images, it does not stand for them.
    lines = before.decode().splitlines(keepends=True)
    hashed = results.read(copy)[1]["config_hash"]
    lines[2] = lines[2].replace(hashed, "0" * 64)
    (copy / results.CSV).write_text("".join(lines))
    study(place, out=copy)
    assert len(list(copy.rglob("result.json"))) == 1
    assert results.read(copy)[1]["config_hash"] == hashed


def test_a_row_is_not_lost_where_its_run_cannot_be_made_out(
    summary, place, tmp_path, monkeypatch
):
    copy = shutil.copytree(place / "out", tmp_path / "copy")
    before = results.read(copy)
    shutil.rmtree(copy / "runs")

    def missing(*arguments):
        raise MissingError("Expected images, and they are not there; bring them back.")

    monkeypatch.setattr(work, "find_or_convert", missing)
    with pytest.warns(KerasTransferWarning, match="held against its row") as warned:
        study(place, out=copy)
    assert len(warned) == 4
    assert results.read(copy) == before


def test_a_study_grows_and_another_one_is_refused(summary, place, tmp_path):
    with pytest.raises(InputError, match="'epochs' differ; name another --out"):
        study(place, epochs=(2,))
    (cells,) = json.loads((place / "out" / identity.STUDY).read_text())[
        "cells"
    ].values()
    assert len(cells) == 6
    before = {row["cell"]: row for row in results.read(place / "out")}
    larger = tmp_path / "out"
    shutil.copytree(place / "out", larger)
    study(place, out=larger, recipes=("R1-8",), images_per_class=(2, 3), draws=(1, 2))
    rows = {row["cell"]: row for row in results.read(larger)}
    assert before.items() <= rows.items() and len(rows) == 7
    assert "5 of 7 runs" in str(progress.of(larger))


def test_two_processes_do_not_work_on_one_study(summary, place):
    with (
        locks.held(place / "out" / runner.LOCK),
        pytest.raises(InputError, match="Another process works on the study"),
    ):
        study(place)


def test_the_time_limit_leaves_what_there_is(place, tmp_path, capsys):
    study(place, out=tmp_path / "short", time_limit=0.0, recipes=("R1-8",))
    assert "The time is up after" in capsys.readouterr().err
    assert results.read(tmp_path / "short") == []


def test_status_and_table_are_commands(summary, place, capsys):
    out = str(place / "out")
    assert cli.main(["study", "status", out]) == 0
    assert "all                  4 of 6 runs" in capsys.readouterr().out
    assert cli.main(["study", "table", out, "--json"]) == 0
    means = json.loads(capsys.readouterr().out)["means"]
    assert len(means) == 2
    assert cli.main(["study", "table", str(place)]) == 1
    assert "Expected a study's results.csv" in capsys.readouterr().err


def test_a_damaged_table_is_told(summary, place, tmp_path):
    with pytest.raises(MissingError):
        results.read(tmp_path)
    content = (place / "out" / results.CSV).read_text()
    elsewhere = content.replace(",runs/", ",../runs/")
    assert elsewhere != content
    for damaged in (
        elsewhere,
        content[:-40],
        content.replace("accuracy", "x"),
        "\0",
        "",
    ):
        (tmp_path / results.CSV).write_text(damaged)
        with pytest.raises(DataError, match="writes it again"):
            results.read(tmp_path)
    with (place / "out" / results.CSV).open() as file:
        assert len(list(csv.reader(file))) == 7
