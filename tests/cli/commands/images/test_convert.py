import argparse
import json
import re
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from kerastransfer.cli.commands.images import convert, datasets
from kerastransfer.errors import DataError, MissingError, UnknownNameError


def run(module, *words):
    parser = argparse.ArgumentParser(allow_abbrev=False)
    module.add_arguments(parser)
    return module.execute(parser.parse_args([str(word) for word in words]))


@pytest.fixture
def photos(tmp_path):
    for label, name in enumerate(["ant", "bee"]):
        (tmp_path / "in" / name).mkdir(parents=True)
        for i in range(20):
            pixels = np.full((9, 9, 3), 9 * i + label, np.uint8)
            Image.fromarray(pixels).save(tmp_path / "in" / name / f"{i}.png")
    return tmp_path / "in"


def test_convert_prints_where_the_records_are(photos, tmp_path, capsys):
    words = ["--dataset", f"folder:{photos}", "--out", tmp_path / "out"]
    assert run(convert, *words, "--workers", 1) == 0
    out, err = capsys.readouterr()
    first, *others = out.splitlines()
    path, counts = first.split("\t")
    assert path.startswith(str(tmp_path / "out" / "folder_in_"))
    # 40 flat pictures of 9 gray levels apart, two and two.
    assert any(line.startswith("leaks ") for line in others)
    assert counts == "2 classes; 28 train, 4 val, 8 test images"
    assert re.search(r"Encoding: 40 of 40 \([\d,]+ images/s\)\n", err)
    assert re.search(r"Encoding: 4 of 40 \([\d,]+ images/s, \d+ s left\)\n", err)
    assert err.count("Encoding:") == 10
    assert run(convert, *words, "--json") == 0
    told = json.loads(capsys.readouterr().out)
    assert told["path"] == path and told["classes"] == ["ant", "bee"]
    assert told["sizes"] == {"train": 28, "val": 4, "test": 8}


def test_convert_takes_its_options(photos, tmp_path, capsys):
    words = ["--dataset", f"folder:{photos}", "--out", tmp_path, "--json"]
    words += ["--split-seed", 3, "--max-per-class", 5, "--image-size", 4]
    assert run(convert, *words, "--short-classes", "drop", "--strict") == 0
    told = json.loads(capsys.readouterr().out)
    metadata = json.loads(Path(told["path"], "metadata.json").read_text())
    found = [metadata[name] for name in ("split_seed", "max_per_class", "image_size")]
    assert found == [3, 5, 4] and metadata["short_classes"] == "drop"
    assert told["sizes"]["train"] == 10
    words = [*words[:2], "--out", tmp_path / "all", "--max-per-class", "all"]
    assert run(convert, *words) == 0


def test_convert_refuses_on_one_line(tmp_path, capsys):
    with pytest.raises(UnknownNameError, match="Did you mean 'digits'"):
        run(convert, "--dataset", "digts")
    with pytest.raises(MissingError, match="is not there"):
        run(convert, "--dataset", f"folder:{tmp_path}/none", "--out", tmp_path)
    with pytest.raises(SystemExit):
        run(convert, "--dataset", "digits", "--max-per-class", "many")
    assert "expected a number or all, got 'many'" in capsys.readouterr().err


def test_datasets_lists_what_is_known_and_converted(photos, tmp_path, capsys):
    out = tmp_path / "out"
    run(convert, "--dataset", f"folder:{photos}", "--out", out)
    (out / "broken" / "1.0.0").mkdir(parents=True)
    (out / "broken" / "1.0.0" / "metadata.json").write_text("{}")
    capsys.readouterr()
    assert run(datasets, "--records", out, "--json") == 0
    rows = {row["name"]: row for row in json.loads(capsys.readouterr().out)["datasets"]}
    assert rows["digits"]["converted"] is None and rows["digits"]["classes"] == 10
    [own] = [name for name in rows if name.startswith("folder_in_")]
    assert rows[own]["converted"]["sizes"] == {"train": 28, "val": 4, "test": 8}
    assert "dataset_info.json" in rows["broken"]["converted"]["damaged"]
    assert run(datasets, "--records", out) == 0
    table = capsys.readouterr().out
    assert "fashion_mnist" in table and "28 / 4 / 8" in table and "csv:FILE" in table
    assert run(datasets, "--records", tmp_path / "none") == 0


def test_another_plan_is_refused(photos, tmp_path):
    words = ["--dataset", f"folder:{photos}", "--out", tmp_path]
    run(convert, *words)
    with pytest.raises(DataError, match="another plan"):
        run(convert, *words, "--split-seed", 1)
