"""A study that is killed again and again ends as one that is not."""

import random
import time
from pathlib import Path

import pytest
from helpers import small_run, small_study
from helpers.warm import WarmProcess

from kerastransfer.study import results

KILLS = 5


def carry_out(place, out):
    return WarmProcess(Path(small_study.__file__), place, out)


@pytest.mark.slow
def test_a_study_that_is_killed_five_times_gives_the_same_table(tmp_path, monkeypatch):
    monkeypatch.setenv("KERASTRANSFER_HOME", str(tmp_path / "home"))
    small_run.make_images(tmp_path / "images")
    whole = carry_out(tmp_path, tmp_path / "whole")
    _, told = whole.communicate()
    assert whole.returncode == 0, told
    chance = random.Random(0)
    finished = []
    for _ in range(KILLS):
        running = carry_out(tmp_path, tmp_path / "killed")
        time.sleep(chance.uniform(1, 8))
        running.kill()
        running.communicate()
        file = tmp_path / "killed" / results.CSV
        finished.append(len(results.read(file.parent)) if file.is_file() else 0)
    assert finished == sorted(finished), "a row was lost"
    running = carry_out(tmp_path, tmp_path / "killed")
    running.communicate()
    assert running.returncode == 0
    expected = small_study.table(tmp_path / "whole")
    assert small_study.table(tmp_path / "killed") == expected
    assert [row["status"] for row in expected] == ["finished"] * 2
    scratch = [path.name for path in (tmp_path / "killed").rglob(".part-*")]
    assert scratch == []
