"""Two recipes on the test images of a draw, from the answers that runs keep."""

import pytest
import scipy.stats

from kerastransfer.errors import DataError
from kerastransfer.study import results
from kerastransfer.study.summary import summarise

RIGHT = {"a": "1" * 70 + "0" * 30, "b": "1" * 85 + "0" * 15}


def row(name, recipe, draw=0, images_per_class=3):
    right = RIGHT[name]
    return dict.fromkeys(results.COLUMNS) | {
        "dataset": "birds",
        "backbone": "lite",
        "images_per_class": images_per_class,
        "status": "finished",
        "seed": 0,
        "recipe": recipe,
        "rate": 1e-3,
        "draw": draw,
        "accuracy": right.count("1") / len(right),
        "val_accuracy": 0.5,
        "run": f"runs/{name}",
    }


def keep(folder, name, images=100):
    path = folder / "runs" / name / "predictions" / "test.csv"
    path.parent.mkdir(parents=True)
    rows = [
        f"{number},,cat,{'cat' if right == '1' else 'dog'},1"
        for number, right in enumerate(RIGHT[name][:images])
    ]
    path.write_text("\n".join(["id,group,true,predicted,rank", *rows]) + "\n")
    return path


ROWS = [row("a", "F1-7R8"), row("b", "FT1-7R8")]


def test_one_draw_is_compared_on_its_images(tmp_path):
    for name in RIGHT:
        keep(tmp_path, name)
    summary = summarise(ROWS, tmp_path)
    (image,) = summary.by_image
    assert (image.result.only_first, image.result.only_second) == (15, 0)
    expected = scipy.stats.binomtest(15, 15).pvalue
    assert image.p_value == image.result.p_value == pytest.approx(expected)
    assert image.result.difference.value == pytest.approx(0.15)
    assert "+15.0 points: one draw; over the images of draw 0 +" in str(summary)


def test_p_values_of_all_pairs_are_adjusted_together(tmp_path):
    for name in RIGHT:
        keep(tmp_path, name)
    more = [row("a", "F1-7R8", 1), row("b", "FT1-7R8", 1)]
    images = summarise([*ROWS, *more], tmp_path).by_image
    assert [each.draw for each in images] == [0, 1]
    assert [each.p_value for each in images] == [2 * images[0].result.p_value] * 2


def test_runs_without_answers_are_passed_over(tmp_path):
    keep(tmp_path, "a")
    assert summarise(ROWS, tmp_path).by_image == ()
    assert summarise(ROWS).by_image == ()


def test_other_images_and_damaged_answers_are_told(tmp_path):
    keep(tmp_path, "a")
    path = keep(tmp_path, "b", images=99)
    with pytest.raises(DataError, match="tested on the same images, and two are not"):
        summarise(ROWS, tmp_path)
    path.write_text("id,true\n1,cat\n")
    with pytest.raises(DataError, match="delete that run"):
        summarise(ROWS, tmp_path)
