"""Tables of answers, read back by others."""

import csv
import json

import numpy as np
import pandas as pd
import pytest

from kerastransfer.errors import InputError
from kerastransfer.export.answers import table
from kerastransfer.export.answers.row import columns, row_of
from kerastransfer.export.predictor import Prediction

CLASSES = ("=cmd", "bee", "cow")
NAMES = ["=1+1.png", "-x.png", 'Ärger, "quoted"\nline.png', "+1.png", "@a.png"]


def rows(top=2):
    probabilities = np.array([0.7, 0.2, 0.1], np.float32)
    made = [Prediction(name, CLASSES, probabilities) for name in NAMES]
    made.append(Prediction("bad.png", CLASSES, None, "the file is empty"))
    return [row_of(each, top) for each in made]


def test_a_row_holds_classes_probabilities_and_the_margin():
    first, bad = rows()[0], rows()[-1]
    assert first["label"] == "=cmd" and first["label_2"] == "bee"
    assert first["probability"] == pytest.approx(0.7)
    assert first["margin"] == pytest.approx(0.5)
    assert first["error"] == ""
    assert bad["label"] is None and bad["margin"] is None
    assert bad["error"] == "the file is empty"
    assert list(first) == list(columns(2))
    assert list(rows(top=1)[0]) == list(columns(1))


@pytest.mark.parametrize(("ending", "delimiter"), [(".csv", ","), (".tsv", "\t")])
def test_a_spreadsheet_takes_no_cell_for_a_formula(tmp_path, ending, delimiter):
    path = tmp_path / f"answers{ending}"
    table.write(path, columns(2), rows())
    assert path.read_bytes().startswith(b"\xef\xbb\xbf")
    with path.open(newline="", encoding="utf-8-sig") as file:
        read = list(csv.DictReader(file, delimiter=delimiter))
    assert [row["path"].removeprefix("'") for row in read[:-1]] == NAMES
    cells = [cell for row in read for cell in row.values()]
    assert not [cell for cell in cells if cell[:1] in ("=", "+", "-", "@")]
    frame = pd.read_csv(path, sep=delimiter)
    assert frame.path[0] == "'=1+1.png"
    assert frame.probability[0] == pytest.approx(0.7)
    assert np.isnan(frame.margin.iloc[-1])


def test_json_lines_and_parquet_hold_what_there_is(tmp_path):
    lines, parquet = tmp_path / "a.jsonl", tmp_path / "a.parquet"
    for path in (lines, parquet):
        table.write(path, columns(2), rows())
    read = [json.loads(line) for line in lines.read_text().splitlines()]
    assert read == rows()
    frame = pd.read_parquet(parquet)
    assert frame.path.tolist()[:-1] == NAMES
    assert list(frame.columns) == list(columns(2))


def test_a_name_that_is_no_text_has_a_row(tmp_path):
    row = {**rows()[0], "path": "caf\udce9.png"}
    for ending in table.WRITERS:
        table.write(tmp_path / f"a{ending}", columns(2), [row])
    assert b"caf\xe9.png" in (tmp_path / "a.csv").read_bytes()
    assert json.loads((tmp_path / "a.jsonl").read_text())["path"] == "caf\udce9.png"
    assert pd.read_parquet(tmp_path / "a.parquet").path[0] == "caf\\xe9.png"


def test_a_table_that_failed_leaves_the_one_before(tmp_path):
    path = tmp_path / "a.csv"
    path.write_text("before")
    with pytest.raises(KeyError):
        table.write(path, columns(2), [{"path": "x"}])
    assert path.read_text() == "before" and len(list(tmp_path.iterdir())) == 1


def test_other_endings_and_folders_are_refused(tmp_path):
    with pytest.raises(InputError, match=r"ends in \.csv, \.tsv, \.jsonl, \.parquet"):
        table.check(tmp_path / "a.xlsx")
    (tmp_path / "a.csv").mkdir()
    with pytest.raises(InputError, match="is a folder"):
        table.check(tmp_path / "a.csv")
