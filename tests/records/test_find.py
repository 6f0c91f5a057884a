"""Records made on first use: what stands twice in them is said once."""

import shutil

import numpy as np
import pytest
from PIL import Image

from kerastransfer.datasets.table import resolve
from kerastransfer.foundation import report
from kerastransfer.foundation.report import KerasTransferWarning
from kerastransfer.records.find import find_or_convert
from kerastransfer.records.health import exact_copies


@pytest.fixture
def photos(tmp_path):
    """Two classes in official splits, no image twice."""
    root, rng = tmp_path / "photos", np.random.default_rng(0)
    for split, size in (("train", 12), ("val", 3), ("test", 4)):
        for name in ("finch", "wren"):
            (root / split / name).mkdir(parents=True)
            for number in range(size):
                pixels = rng.integers(0, 256, (20, 24, 3), np.uint8)
                path = root / split / name / f"{number:02}.png"
                Image.fromarray(pixels).save(path)
    return root


def said(photos, out, capsys, *, warnings):
    """Open the records; return what was said, and how many warnings of copies."""
    capsys.readouterr()
    with pytest.warns(KerasTransferWarning) as caught:
        records = find_or_convert(resolve(f"folder:{photos}"), out, workers=1)
        report.warn("the last")  # for pytest.warns wants one
    texts = [str(each.message) for each in caught if "same bytes" in str(each.message)]
    assert len(texts) == warnings
    return records, (capsys.readouterr().err + "\n".join(texts))


def test_a_sound_folder_is_said_to_be_sound_once(photos, tmp_path, capsys):
    _, text = said(photos, tmp_path / "out", capsys, warnings=0)
    assert "No two of 38 images have the same bytes." in text
    _, text = said(photos, tmp_path / "out", capsys, warnings=0)
    assert "same bytes" not in text


def test_copies_in_one_class_and_split_are_told_and_no_warning(
    photos, tmp_path, capsys
):
    for name in ("a", "b"):
        shutil.copy(photos / "train/finch/00.png", photos / f"train/finch/{name}.png")
    _, text = said(photos, tmp_path / "out", capsys, warnings=0)
    assert "2 of 40 images have the same bytes as another; none in two splits." in text


def test_leaks_and_conflicts_are_warned_of_when_the_folder_changes(
    photos, tmp_path, capsys
):
    said(photos, tmp_path / "out", capsys, warnings=0)
    shutil.copy(photos / "train/finch/00.png", photos / "test/finch/copy.png")
    shutil.copy(photos / "train/finch/01.png", photos / "val/wren/copy.png")
    shutil.copy(photos / "train/wren/02.png", photos / "train/finch/copy.png")
    records, text = said(photos, tmp_path / "out", capsys, warnings=1)
    assert (
        "3 of 41 images have the same bytes as another; 1 of test stand in train; "
        "1 of val stand in train; 2 pictures under two labels or more." in text
    )
    assert f"kerastransfer inspect folder:{photos}" in text
    clusters = {frozenset(each.ids) for each in exact_copies.find(records)}
    assert clusters == {
        frozenset({"train/finch/00.png", "test/finch/copy.png"}),
        frozenset({"train/finch/01.png", "val/wren/copy.png"}),
        frozenset({"train/wren/02.png", "train/finch/copy.png"}),
    }
