import sys
from subprocess import run

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from kerastransfer.datasets.table import resolve
from kerastransfer.errors import DataError, MissingError
from kerastransfer.foundation.report import KerasTransferWarning
from kerastransfer.records.find import find_or_convert
from kerastransfer.records.split.plan import SplitPlan


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """Forty pictures in ten groups, in the current folder."""
    monkeypatch.chdir(tmp_path)
    for i in range(40):
        pixels = np.full((6, 6, 3), 6 * i, np.uint8)
        Image.fromarray(pixels).save(tmp_path / f"{i:02d}.png")
    return tmp_path


def rows(**columns):
    paths = [f"{i:02d}.png" for i in range(40)]
    return pd.DataFrame(
        {"path": paths, "label": ["ant", "bee"] * 20, "taken": 2020, **columns}
    )


def test_a_frame_is_split_as_the_same_csv_file_is(folder):
    frame = rows(group=[f"g{i // 4}" for i in range(40)])
    frame.drop(columns="taken").to_csv(folder / "all.csv", index=False)
    ours = SplitPlan.of(resolve(frame))
    theirs = SplitPlan.of(resolve(folder / "all.csv"))
    assert ours.hash == theirs.hash
    sides = {}
    for split in ("train", "val", "test"):
        for place in ours.places(split):
            assert sides.setdefault(place.group, split) == split
    assert set(sides.values()) == {"train", "val", "test"} and len(sides) == 10


def test_the_split_column_is_obeyed(folder):
    split = [["train", "Dev", None, "test", "TEST"][i // 2 % 5] for i in range(40)]
    plan = SplitPlan.of(resolve(rows(split=split)))
    assert {p.path for p in plan.test} == {
        f"{i:02d}.png" for i in range(40) if i // 2 % 5 in (3, 4)
    }
    assert {p.path for p in plan.val} == {
        f"{i:02d}.png" for i in range(40) if i // 2 % 5 == 1
    }


def test_records_are_made_once_and_again_when_a_file_changes(folder, tmp_path):
    out = tmp_path / "records"
    with pytest.warns(KerasTransferWarning, match="Converting frame:"):
        records = find_or_convert(resolve(rows()), out, workers=1)
    made = (records.path / "metadata.json").stat().st_mtime_ns
    find_or_convert(resolve(rows()), out)
    named = find_or_convert(resolve(resolve(rows()).spec), out)
    assert (named.path / "metadata.json").stat().st_mtime_ns == made
    Image.fromarray(np.full((5, 5, 3), 9, np.uint8)).save(folder / "07.png")
    with pytest.warns(KerasTransferWarning, match="have changed; converting"):
        find_or_convert(resolve(rows()), out)


def test_labels_that_are_numbers_are_sorted_by_them(folder):
    listing = resolve(rows(label=[2, 10] * 20)).listing()
    assert listing.classes == ("2", "10")
    assert listing.classes[listing.items[1].label] == "10"


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda f: f.drop(columns="label"), "got 'path', 'taken'; 'label' is missing"),
        (lambda f: f[["taken"]], "'path' and 'label' is missing"),
        (lambda f: f.assign(path="00.png"), "row 1: path '00.png' stands twice"),
        (lambda f: f.assign(path="no.png"), "row 0: file 'no.png' is not there"),
        (lambda f: f.assign(label=None), "row 0: the label is empty"),
        (lambda f: f.assign(label=0.5), "row 0: expected a label of text or a whole"),
        (lambda f: f.assign(path=3), "row 0: expected a path of text, got 3"),
        (lambda f: f.assign(split="x"), "row 0: expected split train, val or test"),
        (lambda f: f.assign(label="ant"), "at least two classes in the data frame"),
    ],
)
def test_a_frame_that_cannot_be_used_is_refused(change, message, folder):
    with pytest.raises(DataError, match=message) as error:
        resolve(change(rows())).listing()
    assert "\n" not in str(error.value)


def test_folders_and_csv_files_need_no_prefix(folder, tmp_path):
    rows().drop(columns="taken").to_csv("all.csv", index=False)
    (tmp_path / "photos").mkdir()
    for data in (folder / "all.csv", "all.csv"):
        assert resolve(data).spec == f"csv:{folder / 'all.csv'}"
    for data in (folder / "photos", "photos"):
        assert resolve(data).spec == f"folder:{folder / 'photos'}"
    (tmp_path / "digits").mkdir()
    assert resolve("digits").spec == "digits"  # a known name comes first
    assert resolve(tmp_path / "digits").spec == f"folder:{folder / 'digits'}"
    with pytest.raises(MissingError, match=r"a folder of images or a \.csv file, and"):
        resolve(folder / "00.png")


def test_pandas_is_not_imported_where_no_frame_is_given():
    code = (
        "import sys\nimport numpy as np\nfrom kerastransfer.datasets import table\n"
        "table.resolve((np.zeros((2, 4, 4), np.uint8), [0, 1])).listing()\n"
        "assert 'pandas' not in sys.modules"
    )
    run([sys.executable, "-c", code], check=True)
