"""How advice is judged: on made-up studies and choices."""

import dataclasses
import sys
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
from helpers import made_up_study

from kerastransfer.advice import decision
from kerastransfer.advice.contenders import CONTENDERS, FROZEN
from kerastransfer.advice.decision import TunedGain
from kerastransfer.advice.pilot.training import untried
from kerastransfer.advice.pilot.tried import Pilot
from kerastransfer.evaluation.intervals import Estimate

TOOLS = Path(__file__).parents[3] / "tools"
SHALLOW, SHALLOW_SLOW, DEEP = CONTENDERS[1:4]


@pytest.fixture
def tool(monkeypatch):
    monkeypatch.syspath_prepend(str(TOOLS))
    import leave_one_out

    yield leave_one_out
    for name in ("leave_one_out", "measured_cells"):
        sys.modules.pop(name, None)


@pytest.fixture
def table():
    return made_up_study.make_rows(numbers=(3, 100, None))


def test_a_cell_holds_means_over_the_draws_that_all_have(tool, table):
    few, many = tool.study_cells(table, "digits")
    assert (few.images_per_class, many.images_per_class) == (3, 100)
    assert set(few.accuracies) == {c for c in CONTENDERS if len(c.rates) < 2}
    rows = [
        row
        for row in table
        if (row["dataset"], row["images_per_class"]) == ("digits", 3)
        and (row["recipe"], row["rate"]) == (DEEP.recipe, DEEP.rates[0])
    ]
    assert len(rows) == 3
    expected = np.mean([row["accuracy"] for row in rows])
    assert few.accuracies[DEEP] == pytest.approx(expected)
    lost = [row for row in table if row is not rows[0]]
    fewer, _ = tool.study_cells(lost, "digits")
    expected = np.mean([row["accuracy"] for row in rows[1:]])
    assert fewer.accuracies[DEEP] == pytest.approx(expected)
    assert [*tool.study_cells(table, "nowhere")] == []
    frozen = [row for row in table if row["recipe"] == FROZEN.recipe]
    assert [*tool.study_cells(frozen, "digits")] == []


def asked(accuracy, chosen):
    """Advice that was never asked for."""
    estimate = Estimate(value=accuracy, low=0.6, high=0.8, n=9, method="")
    gain = Estimate(value=0.1, low=0.0, high=0.2, n=9, method="")
    decided = decision.Decision(
        contender=chosen, verdict="", accuracy=estimate, gain=None
    )
    frozen = decision.Decision(
        contender=FROZEN, verdict="", accuracy=estimate, gain=None
    )
    tried = [untried(each) for each in (FROZEN, SHALLOW)]
    return SimpleNamespace(
        advice=SimpleNamespace(
            decision=decided,
            distance=SimpleNamespace(table=("Tune",)),
            pilot=Pilot(
                tried=(
                    dataclasses.replace(tried[0], rounds=2),
                    dataclasses.replace(tried[1], rounds=1),
                ),
                units=np.zeros(0, int),
                ended="",
            ),
        ),
        pilot=decided,
        prior=frozen,
        gains=[
            TunedGain(
                contender=SHALLOW, pilot=gain, prior=gain, both=gain, measured=True
            )
        ],
    )


def test_a_choice_is_held_against_the_best(tool):
    cell = tool.Cell(
        dataset="digits",
        images_per_class=3,
        accuracies={FROZEN: 0.60, SHALLOW: 0.75, DEEP: 0.78},
        deep=0.77,
        tried_both=0.70,
    )
    seconds = {FROZEN: 1.0, SHALLOW: 4.0, DEEP: 15.0}
    row = tool.judge(cell, asked(0.7, SHALLOW), seconds)
    regrets = {name: row[f"regret of {name}"] for name in ("freeze", "tune", "table 3")}
    assert regrets == pytest.approx({"freeze": 0.18, "tune": 0.01, "table 3": 0.01})
    assert row["regret of advice"] == pytest.approx(0.03)
    assert row["regret of prior"] == pytest.approx(0.18)
    assert row["regret of certainty"] == pytest.approx(0.18)  # 0 to 20 points
    assert row["cost"] == pytest.approx((2 * 1 + 4) / 20)
    assert (row["gains"], row["gains held"]) == (1, 1)  # 15 points, 0 to 20
    assert row["accuracy held"] == 1  # 75 %, of 60 to 80
    summary = {each["what"]: each["value"] for each in tool.summary([row, row])}
    assert summary["regret of advice"] == pytest.approx(0.03)
    assert summary["intervals of gains that held"] == "2 of 2"
