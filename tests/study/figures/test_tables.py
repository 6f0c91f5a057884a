"""Tables 2 and 3: the published rows as printed, and the study's own beside them."""

import csv
import io
import math

import pytest
from helpers import made_up_study

from kerastransfer.advice.matrix import Advice
from kerastransfer.evaluation.intervals import Estimate
from kerastransfer.study.distances import DatasetDistance
from kerastransfer.study.figures import comparisons, tables

MADE_UP = {"backbone": "alexnet", "status": "finished"}


def estimate(value, low, high):
    return Estimate(value=value, low=low, high=high, n=300, method="bootstrap")


@pytest.fixture(scope="module")
def distances():
    entry = DatasetDistance(
        dataset="my|set",
        backbone="alexnet",
        metrics={
            "cosine": estimate(0.4567, 0.44, 0.48),
            "mmd": estimate(31.24, 30, 33),
            "svm": estimate(0.912, 0.9, 0.93),
            "cnn": estimate(0.8, math.nan, math.nan),
        },
    )
    failed = DatasetDistance(dataset="coral", backbone="alexnet", error="No archives.")
    rows = [MADE_UP | {"dataset": name} for name in ("my|set", "coral", "digits")]
    return tables.distances_table(rows, [entry, failed])


def test_published_rows_stand_above_the_studys_own(distances):
    assert distances.head == (
        "dataset",
        "backbone",
        "cosine",
        "MMD",
        "linear SVM",
        "CNN",
    )
    published = "alexnet, published"
    assert distances.rows[4] == (
        "cub200",
        published,
        "0.358",
        "37.2",
        "92.9 %",
        "86.5 %",
    )
    assert len(distances.rows) == 7 + 3
    assert distances.rows[7] == (
        "my|set",
        "alexnet",
        "0.457 (0.440 to 0.480)",
        "31.2 (30.0 to 33.0)",
        "91.2 % (90.0 to 93.0)",
        "80.0 %",
    )
    assert distances.rows[8] == ("coral", "alexnet", "-", "-", "-", "-")
    assert distances.notes == ("coral: No archives.", "digits: not measured")


def test_another_backbones_distances_carry_a_warning():
    row = {"dataset": "digits", "backbone": "efficientnet_lite0"}
    table = tables.distances_table([row], made_up_study.make_distances(("digits",)))
    assert "on scales of their own" in table.notes[-1]


def test_text_markdown_and_csv_say_the_same(distances):
    lines = str(distances).splitlines()
    column = lines[2].index("cosine")
    assert {line[column - 1] for line in lines[2:13]} == {" "}
    markdown = distances.markdown().splitlines()
    assert markdown[3] == "| --- | --- | --- | --- | --- | --- |"
    assert markdown[11].startswith("| my\\|set | alexnet | 0.457 (0.440 to 0.480) |")
    assert markdown[-1] == "digits: not measured"
    records = list(csv.DictReader(io.StringIO(distances.csv())))
    assert len(records) == 10
    own = records[7]
    assert (own["cosine"], own["cosine_n"], own["published"]) == (
        "0.4567",
        "300",
        "False",
    )
    assert (own["cnn"], own["cnn_low"]) == ("0.8", "")
    assert (records[0]["dataset"], records[0]["svm"]) == ("yosinski", "0.573")


@pytest.mark.parametrize(
    ("verdicts", "derived"),
    [
        ([], None),
        (["one draw"], None),
        (["first is better"], Advice.TUNE),
        (["second is better", "not decided"], Advice.FREEZE),
        (["equivalent"], Advice.FREEZE),
        (["equivalent", "first is better"], Advice.TRY),
        (["first is better", "not decided", "one draw"], None),
    ],
)
def test_a_cell_is_decided_by_what_is_certain_or_stays_open(verdicts, derived):
    cell = tables.derive(verdicts, Advice.TRY)
    assert cell.derived == derived
    assert cell.comparisons == len(verdicts)
    assert str(cell).startswith(
        f"Try Freeze or Tune / {getattr(derived, 'value', 'open')}"
    )


def point(distance, images, verdict):
    [first, *_] = comparisons.gain_points(
        made_up_study.make_rows(("digits",), numbers=(images,), draws=2),
        made_up_study.make_distances(),
    )
    return comparisons.dataclasses.replace(
        first,
        distance=comparisons.SourceDistance(value=distance),
        verdict=verdict,
    )


def test_points_fall_into_the_published_rows_and_columns():
    cells = tables.advice_cells(
        [
            point(0.19, 20, "second is better"),
            point(0.2, 21, "first is better"),
            point(0.41, 99, "equivalent"),
            point(0.9, 100, "not decided"),
        ]
    )
    counts = [[cell.comparisons for cell in several] for several in cells]
    assert counts == [[1, 0, 0], [0, 1, 0], [0, 1, 1]]
    assert cells[0][0].derived == cells[0][0].published == Advice.FREEZE
    assert cells[2][1].derived == Advice.FREEZE
    assert cells[2][2].derived is None


def test_table_3_names_its_rows_and_columns_and_what_is_open():
    table = tables.advice_table([point(0.19, 20, "second is better")])
    assert table.head == ("distance", "1 to 20", "21 to 99", "100 and more")
    names = [row[0] for row in table.rows]
    assert names == ["0.0 to 0.2", "0.2 to 0.4", "0.4 to 1.0"]
    assert table.rows[0][1] == "Freeze / Freeze: 1 for freezing"
    assert table.rows[2][2] == "Tune / open: no data"
    assert "a prior only" in table.notes[-1]
    records = list(csv.DictReader(io.StringIO(table.csv())))
    assert len(records) == 9
    assert records[0]["derived"] == "Freeze" and records[8]["derived"] == "open"
