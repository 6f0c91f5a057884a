"""inspect, over records with planted faults."""

import dataclasses
import json
import shutil

import numpy as np
import pytest
from PIL import Image

import kerastransfer as kt
from kerastransfer import cli
from kerastransfer.backbones import table as backbones
from kerastransfer.backbones.preprocessing import kept_part
from kerastransfer.errors import DataError
from kerastransfer.records import manifest
from kerastransfer.records.health import health_text
from kerastransfer.records.health.clusters import Cluster, pictures
from kerastransfer.records.health.report import Health
from kerastransfer.records.reader import open_records


def noise(seed, width=60, height=40):
    rng = np.random.default_rng(seed)
    coarse = Image.fromarray(rng.integers(0, 256, (6, 7, 3), np.uint8))
    return coarse.resize((width, height), Image.Resampling.BICUBIC)


@pytest.fixture(scope="module")
def records(tmp_path_factory):
    """A folder with official splits, and faults of every kind in it."""
    root = tmp_path_factory.mktemp("faults") / "birds"
    for s, (split, size) in enumerate([("train", 20), ("val", 6), ("test", 8)]):
        for c, name in enumerate(["finch", "wren"]):
            (root / split / name).mkdir(parents=True)
            for i in range(size):
                picture = noise(1000 * s + 100 * c + i)
                picture.save(root / split / name / f"{i:02}.png")
    # The same bytes in train and test.
    shutil.copy(root / "train/finch/00.png", root / "test/finch/copy.png")
    # The same picture, smaller and compressed, in train and val.
    noise(100 + 3).resize((45, 30)).save(root / "val/wren/again.jpg", quality=85)
    # The same bytes under two labels.
    shutil.copy(root / "train/finch/05.png", root / "train/wren/finch.png")
    # A long and thin picture, and one that cannot be decoded.
    noise(9999, 400, 20).save(root / "train/wren/thin.png")
    (root / "train/wren/bad.png").write_bytes(b"\x89PNG\r\n\x1a\nbroken")
    out = tmp_path_factory.mktemp("out")
    words = ["convert", "--dataset", f"folder:{root}", "--out", str(out)]
    assert cli.main([*words, "--workers", "1", "--no-inspect"]) == 0
    [path] = out.glob("*/1.0.0")
    return path


def run(capsys, *words):
    capsys.readouterr()
    assert cli.main(["inspect", *map(str, words)]) == 0
    return capsys.readouterr().out


def test_faults_are_found(records, capsys):
    found = json.loads(run(capsys, records, "--json"))
    assert found["across"] == {
        "test in train": {"exact": 1, "near": 1},
        "val in train": {"exact": 0, "near": 1},
        "test in val": {"exact": 0, "near": 0},
    }
    [conflict] = found["conflicts"]
    assert conflict["exact"] and set(conflict["classes"]) == {"finch", "wren"}
    assert set(conflict["ids"]) == {"train/finch/05.png", "train/wren/finch.png"}
    assert len(found["clusters"]) == 3
    assert list(found["rejected"]) == ["train/wren/bad.png"]
    assert found["damaged"] == {} and found["complete"]
    assert found["counts"]["train"] == {"finch": 20, "wren": 22}
    assert found["sizes"]["aspect"][-1] == 20.0
    assert found["sizes"]["width"][0] == 45.0


def test_the_crop_of_a_backbone_is_looked_at(records, capsys):
    found = json.loads(run(capsys, records, "--json"))
    # Lite0 keeps 224 of 256 pixels along the shorter side.
    assert found["dropped"]["most"] == pytest.approx(1 - (224 / 256) ** 2 / 20)
    assert 0 < found["dropped"]["half"] < 0.1
    found = json.loads(run(capsys, records, "--backbone", "alexnet", "--json"))
    assert found["dropped"]["most"] == pytest.approx(1 - (227 / 256) ** 2)
    assert cli.main(["inspect", str(records), "--backbone", "alexnt"]) == 1


def test_the_kept_part_by_hand():
    facts = backbones.get("efficientnet_lite0").preprocessing
    assert kept_part(facts, 256, 256) == pytest.approx(0.765625)
    assert kept_part(facts, 10, 20) == kept_part(facts, 20, 10)
    assert kept_part(facts, 10, 20) == pytest.approx(0.765625 / 2)


def test_the_text_says_it_all(records, capsys):
    text = run(capsys, records)
    lines = text.splitlines()
    assert lines[0].startswith("folder_birds_") and "72 images of 2 classes" in lines[0]
    assert "rejected     train/wren/bad.png (the PNG data cannot be decoded" in text
    assert "duplicates   4 with the same bytes as another, 2 nearly the same" in text
    assert "leaks        1 images of test stand in train too, 1 with the same" in text
    assert "leaks        1 images of val stand in train too, 0 with the same" in text
    assert "stand in val too" not in text
    assert "conflicts    1 pictures stand under two labels or more" in text
    assert "centre crop  of efficientnet_lite0 leaves out" in text
    assert "aspect       1.50 to 20.00" in text
    [finch] = [line for line in lines if line.startswith("finch")]
    assert finch.split()[:4] == ["finch", "20", "6", "9"] and "█" in finch


def clusters_of(*rows):
    """From strings of one-letter names, each image under a label of its own."""
    return [
        Cluster(
            exact=exact,
            ids=tuple(ids),
            splits=("train",) * len(ids),
            classes=tuple(ids.lower()),
        )
        for exact, ids in rows
    ]


def test_a_picture_is_told_once_as_it_may_be_in_two_clusters():
    clusters = clusters_of((True, "ab"), (True, "cd"), (False, "abe"), (False, "fg"))
    told = [each.ids for each in pictures(clusters)]
    assert told == [("c", "d"), ("a", "b", "e"), ("f", "g")]


def test_what_is_not_shown_is_counted():
    conflicts = clusters_of(*((True, f"{x}{x.upper()}") for x in "abcdefg"))
    conflicts = [dataclasses.replace(c, classes=("x", "y")) for c in conflicts]
    health = Health(
        counts={},
        short={},
        rejected={},
        damaged={},
        ignored={f"points of other labels: {x}": i for i, x in enumerate("abcdefgh")},
        sizes={},
        dropped={},
        clusters=tuple(conflicts),
        complete=True,
        across={},
        conflicts=tuple(conflicts),
    )
    lines = health_text.findings(health, "cap")
    assert "left out     7 points of other labels: h" in lines
    assert "left out     3 more, of 3 kinds" in lines  # 0 + 1 + 2
    assert "conflicts    7 pictures stand under two labels or more" in lines
    assert lines[-2:] == ["  conflict: e (train, x) = E (train, y)", "  and 2 more"]


def test_a_converted_folder_ends_with_its_faults(records, tmp_path, capsys):
    spec = manifest.read(records)["spec"]
    words = ["convert", "--dataset", spec, "--out", str(tmp_path), "--workers", "1"]
    assert cli.main(words) == 0
    assert "leaks        1 images of test stand in train" in capsys.readouterr().out
    assert cli.main(words) == 0  # they are there already: nothing is looked at again
    assert "leaks" not in capsys.readouterr().out
    changed = tmp_path / "changed"
    shutil.copytree(spec.removeprefix("folder:"), changed)
    words[2] = f"folder:{changed}"
    assert cli.main(words) == 0
    (changed / "train/finch/00.png").write_bytes(
        (changed / "train/finch/01.png").read_bytes()
    )
    capsys.readouterr()
    assert cli.main(words) == 0  # made again, and looked at again
    out, err = capsys.readouterr()
    assert "have changed; converting them again" in err and "leaks        " in out
    words[2] = spec
    assert cli.main([*words[:3], "--out", str(tmp_path / "b"), "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert told["leaks"]["test in train"] == {"exact": 1, "near": 1}
    assert told["conflicts"] == 1


def test_many_classes_show_their_ends(tmp_path, capsys):
    for c in range(45):
        (tmp_path / "in" / f"c{c:02}").mkdir(parents=True)
        for i in range(4 + c):
            noise(100 * c + i, 12, 9).save(tmp_path / "in" / f"c{c:02}" / f"{i}.png")
    words = ["convert", "--dataset", f"folder:{tmp_path / 'in'}", "--no-inspect"]
    assert cli.main([*words, "--out", str(tmp_path), "--workers", "2"]) == 0
    [path] = tmp_path.glob("folder_*/1.0.0")
    text = run(capsys, path)
    assert "... 25 classes of sizes in between" in text
    assert "\nc44 " in text and "\nc00 " in text and "\nc20 " not in text


def test_digits_tiny_and_alike_hold_no_duplicate(tmp_path, capsys, monkeypatch):
    monkeypatch.setenv("KERASTRANSFER_HOME", str(tmp_path))
    text = run(capsys, "digits")
    assert "duplicates   0 with the same bytes as another, 0 nearly the same" in text
    assert "leaks        none: no image stands in two splits" in text


def test_what_holds_no_records_is_told(tmp_path, capsys):
    assert cli.main(["inspect", str(tmp_path)]) == 1
    assert "holds no 'metadata.json'" in capsys.readouterr().err
    assert cli.main(["inspect", "digts"]) == 1
    assert "Did you mean 'digits'" in capsys.readouterr().err


@pytest.fixture(scope="module", params=["tfrecord", "array_record"])
def sound(request, tmp_path_factory):
    out = tmp_path_factory.mktemp(request.param)
    words = ["convert", "--dataset", "digits", "--out", str(out), "--shards", "2"]
    words += ["--format", request.param, "--max-per-class", "5", "--no-inspect"]
    assert cli.main(words) == 0
    return out / "digits" / "1.0.0"


def test_checksums_that_hold_are_counted(sound, capsys):
    out = run(capsys, sound, "--verify")
    assert "the checksums of all 650 records hold" in out
    checked = json.loads(run(capsys, sound, "--verify", "--json"))
    assert checked["checked"] == 650 and checked["damaged"] == []


def test_every_damaged_record_is_named_and_the_exit_code_is_1(sound, tmp_path, capsys):
    path = shutil.copytree(sound, tmp_path / "1.0.0")
    kind = "array_record" if list(path.glob("*.array_record-*")) else "tfrecord"
    files = [
        path / f"digits-{name}.{kind}-00001-of-00002" for name in ("train", "test")
    ]
    for file in files:
        data = bytearray(file.read_bytes())
        data[2_000] ^= 1
        file.write_bytes(data)
    capsys.readouterr()
    assert cli.main(["inspect", str(path), "--verify", "--json"]) == 1
    found = json.loads(capsys.readouterr().out)
    assert {each["file"] for each in found["damaged"]} == {f.name for f in files}
    assert found["num_damaged"] == len(found["damaged"]) >= 2
    assert found["checked"] == 650
    if kind == "tfrecord":  # ArrayRecord guards several records by one checksum
        assert found["num_damaged"] == 2
    assert cli.main(["inspect", str(path), "--verify"]) == 1
    out = capsys.readouterr().out
    first = found["damaged"][0]
    assert "of 650 records are damaged" in out
    assert f"{first['file']}, record {first['record']:,}: " in out
    with pytest.raises(DataError, match="is damaged"):
        records = open_records(path)
        for number in range(records.size("train")):
            records.serialized("train", number)
    assert kt.inspect(path, verify=True).num_damaged == found["num_damaged"]


def test_records_that_are_missing_are_counted(sound, tmp_path, capsys):
    path = shutil.copytree(sound, tmp_path / "1.0.0")
    [file] = path.glob("digits-val.*record-00000-of-00002")
    in_array_record = "array_record" in file.name
    file.write_bytes(file.read_bytes()[: file.stat().st_size * 2 // 3])
    capsys.readouterr()
    assert cli.main(["inspect", str(path), "--verify"]) == 1
    told = capsys.readouterr()
    if in_array_record:  # which is not opened without its end
        assert "is damaged" in told.err and file.name in told.err
    else:
        assert "the file ends within it" in told.out and "it is missing" in told.out
