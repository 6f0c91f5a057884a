"""Listing and pruning caches, whatever their folders hold."""

import fcntl
import json

import pytest

from kerastransfer import cli
from kerastransfer.features import cache_inventory

FACTS = {"backbone": "alexnet", "cut": 3, "dtype": "float32", "records": "r" * 64}


@pytest.fixture
def home(tmp_path, monkeypatch):
    monkeypatch.setenv("KERASTRANSFER_HOME", str(tmp_path))
    return tmp_path / "features"


def make(home, name, text):
    (home / name).mkdir(parents=True)
    (home / name / cache_inventory.META).write_text(text)
    return home / name


@pytest.mark.parametrize("text", ['{"x": 1}', "[1]", "{", "5", '"cut"'])
def test_a_damaged_cache_is_listed_as_such(home, capsys, text):
    make(home, "damaged", text)
    make(home, "whole", json.dumps(FACTS))
    assert cli.main(["features", "list"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert any("damaged" in line and "unreadable" in line for line in lines)
    assert any("whole" in line and "blocks 1-3 of alexnet" in line for line in lines)
    assert cli.main(["features", "list", "--json"]) == 0
    assert len(json.loads(capsys.readouterr().out)) == 2
    assert cli.main(["features", "prune", "--all"]) == 0
    assert not list(home.iterdir())


def test_what_a_kill_left_of_a_file_goes_too(home):
    folder = make(home, "killed", json.dumps(FACTS))
    for name in (".part-x7", "rows.npy"):
        (folder / name).touch()
    (entry,) = cache_inventory.entries(home)
    cache_inventory.remove(entry)
    assert not folder.exists()


def test_a_cache_that_is_being_filled_does_not_keep_the_others(home, capsys):
    paths = [make(home, name, json.dumps(FACTS)) for name in "abc"]
    with (paths[1] / cache_inventory.LOCK).open("a") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        assert cli.main(["features", "prune", "--all"]) == 0
    told = capsys.readouterr()
    assert "2 caches deleted" in told.out
    assert "Left out: Expected nobody to fill" in told.err
    assert [path.exists() for path in paths] == [False, True, False]
