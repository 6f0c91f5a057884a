"""A confusion matrix as a table and as a figure."""

import csv
import sys

import numpy as np
import pytest
from matplotlib.figure import Figure
from PIL import Image

from kerastransfer.errors import InputError, MissingError
from kerastransfer.evaluation import confusion_file

MATRIX = np.array([[8, 2, 0], [0, 5, 5], [1, 0, 0]])
CLASSES = ("cat", "=dog", "$cow$")


def test_a_table_holds_names_and_counts(tmp_path):
    path = tmp_path / "confusion.csv"
    confusion_file.write(path, MATRIX, CLASSES)
    with path.open(newline="", encoding="utf-8-sig") as file:
        header, *rows = csv.reader(file)
    assert header == ["true \\ predicted", "cat", "'=dog", "$cow$"]
    assert [row[0] for row in rows] == ["cat", "'=dog", "$cow$"]
    assert np.array([row[1:] for row in rows], int).tolist() == MATRIX.tolist()


def test_a_figure_holds_names_counts_and_parts_of_rows():
    axes = confusion_file.draw(Figure().add_subplot(), MATRIX, CLASSES)
    assert [tick.get_text() for tick in axes.get_xticklabels()] == list(CLASSES)
    assert [tick.get_text() for tick in axes.get_yticklabels()] == list(CLASSES)
    (image,) = axes.images
    np.testing.assert_allclose(image.get_array()[0], [0.8, 0.2, 0])
    numbers = {text.get_position(): text.get_text() for text in axes.texts}
    assert numbers == {(0, 0): "8", (1, 0): "2", (1, 1): "5", (2, 1): "5", (0, 2): "1"}
    assert (axes.get_xlabel(), axes.get_ylabel()) == ("predicted class", "true class")


@pytest.mark.parametrize("count", [2, 60])
def test_a_figure_is_written_with_few_classes_and_many(tmp_path, count):
    matrix = np.full((count, count), 3)
    names = [f"class {i}" for i in range(count)]
    for ending in (".png", ".svg"):
        paths = [tmp_path / f"{n}{ending}" for n in (1, 2)]
        for path in paths:
            confusion_file.write(path, matrix, names)
        if ending == ".png":
            with Image.open(paths[0]) as image:
                assert min(image.size) >= 600
        assert paths[0].stat().st_size > 1_000
        assert paths[0].read_bytes() == paths[1].read_bytes()
    axes = confusion_file.draw(Figure().add_subplot(), matrix, names)
    assert len(axes.texts) == (4 if count == 2 else 0)


def test_other_endings_and_a_figure_without_matplotlib_are_refused(monkeypatch):
    with pytest.raises(InputError, match=r"ends in \.csv, \.png"):
        confusion_file.check(confusion_file.Path("a.xlsx"))
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    confusion_file.check(confusion_file.Path("a.csv"))
    with pytest.raises(MissingError, match=r"kerastransfer\[plot\]"):
        confusion_file.check(confusion_file.Path("a.png"))
