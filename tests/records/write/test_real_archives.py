"""The seven datasets' miniature archives, converted: counts, labels, splits, bytes."""

import dataclasses
import gzip
import hashlib
import io
import json
import os
import subprocess
import sys
import tarfile
import warnings
from collections import Counter
from pathlib import Path

import numpy as np
import pytest
import tensorflow as tf
from helpers import miniature_archives
from helpers.miniature_archives import MINIATURES
from PIL import Image

from kerastransfer.datasets.known import imagenet_halves
from kerastransfer.datasets.table import resolve
from kerastransfer.errors import DataError, InputError, MissingError
from kerastransfer.foundation.report import KerasTransferWarning
from kerastransfer.records import workers as workers_module
from kerastransfer.records.reader import open_records
from kerastransfer.records.split.plan import SPLITS, SplitPlan
from kerastransfer.records.write.convert import convert

# Reads records with TFDS alone, as somebody without our package would.
READ_WITH_TFDS = """
import json, sys
import tensorflow_datasets as tfds
found = {}
for folder in sys.argv[1:]:
    builder = tfds.builder_from_directory(folder)
    names = builder.info.features["label"].names
    found[folder] = {
        split: [
            [e["id"].decode(), names[e["label"]], list(e["image"].shape)]
            for e in builder.as_dataset(split=split).as_numpy_iterator()
        ]
        for split in ("train", "val", "test")
    }
assert not any(name.startswith("kerastransfer") for name in sys.modules)
print(json.dumps(found))
"""


@dataclasses.dataclass
class Converted:
    mini: object
    path: object
    plan: object


def quietly(dataset, out, **options):
    """Convert; that miniatures hold fewer images than were published is known."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return convert(dataset, out, **options)


@pytest.fixture(scope="module")
def converted(tmp_path_factory):
    """Every miniature, converted once."""
    found = {}
    for name, make in MINIATURES.items():
        folder = tmp_path_factory.mktemp(name)
        mini = make(folder)
        dataset = resolve(name, folder)
        path = quietly(dataset, tmp_path_factory.mktemp("records"), **mini.options)
        items = [i for i in dataset.listing().items if i.path not in mini.rejected]
        listing = dataclasses.replace(dataset.listing(), items=tuple(items))
        plan = SplitPlan.of(dataset, listing, **mini.options)
        found[name] = Converted(mini, path, plan)
    return found


@pytest.mark.parametrize("name", MINIATURES)
def test_everything_is_listed_under_its_class_and_split(name, tmp_path):
    mini = MINIATURES[name](tmp_path)
    listing = resolve(name, tmp_path).listing()
    labels = {item.path: listing.classes[item.label] for item in listing.items}
    assert labels == mini.labels
    splits = {item.path: item.split for item in listing.items if item.split}
    assert splits == mini.splits
    assert listing.ignored == mini.ignored
    facts = resolve(name, tmp_path).info
    assert facts.classes is None or set(listing.classes) <= set(facts.classes)


@pytest.mark.parametrize("name", MINIATURES)
def test_rejected_files_are_named_and_the_plan_is_made_without_them(name, converted):
    found = converted[name]
    records = open_records(found.path)
    assert set(records.metadata["rejected"]) == found.mini.rejected
    assert records.metadata["plan_hash"] == found.plan.hash
    assert records.metadata["ignored"] == found.mini.ignored
    listed = Counter(found.mini.labels.values())
    sizes = {split: records.class_counts(split) for split in SPLITS}
    assert all(size.sum() for size in sizes.values())
    for label, class_name in enumerate(records.classes):
        held = sum(int(size[label]) for size in sizes.values())
        assert 0 < held <= listed[class_name]


def test_plain_tfds_reads_them_all(converted):
    folders = {name: str(found.path) for name, found in converted.items()}
    done = subprocess.run(
        [sys.executable, "-c", READ_WITH_TFDS, *folders.values()],
        check=True,
        capture_output=True,
        env={**os.environ, "TF_CPP_MIN_LOG_LEVEL": "3"},
        cwd="/",
    )
    read = json.loads(done.stdout)
    for name, folder in folders.items():
        plan, labels = converted[name].plan, converted[name].mini.labels
        for split in SPLITS:
            rows = read[folder][split]
            assert [path for path, _, _ in rows] == [p.path for p in plan.places(split)]
            assert all(labels[path] == told for path, told, _ in rows)
            assert all(shape[2] == 3 for _, _, shape in rows)
        everyone = [row[0] for split in SPLITS for row in read[folder][split]]
        assert len(set(everyone)) == len(everyone)


def shuffled(name, tmp_path):
    make = MINIATURES[name]
    (tmp_path / "other").mkdir()
    return resolve(name, make(tmp_path / "other", order=3).folder)


def unpacked(name, tmp_path):
    (tmp_path / "packed").mkdir()
    (tmp_path / "plain").mkdir()
    MINIATURES[name](tmp_path / "packed")
    folder = miniature_archives.unpack(tmp_path / "packed", tmp_path / "plain")
    return resolve(name, folder)


@pytest.mark.parametrize("other", [shuffled, unpacked])
@pytest.mark.parametrize("name", MINIATURES)
def test_the_records_are_the_same_however_the_images_came(
    name, other, converted, tmp_path
):
    found = converted[name]
    dataset = other(name, tmp_path)
    path = quietly(dataset, tmp_path / "out", **found.mini.options)
    first, second = open_records(found.path), open_records(path)
    assert first.content_hash == second.content_hash
    assert first.metadata["fingerprint"] == second.metadata["fingerprint"]
    for split in SPLITS:
        files = [sorted(r.path.glob(f"*-{split}.tfrecord*")) for r in (first, second)]
        assert [f.read_bytes() for f in files[0]] == [f.read_bytes() for f in files[1]]


@pytest.mark.parametrize("name", MINIATURES)
def test_one_worker_and_four_write_the_same(name, converted, tmp_path, monkeypatch):
    monkeypatch.setattr(workers_module, "FEW", 0)
    monkeypatch.setattr(workers_module, "_CHUNK", 3)
    found = converted[name]
    dataset = resolve(name, found.mini.folder)
    path = quietly(dataset, tmp_path, **found.mini.options, workers=4)
    assert open_records(path).content_hash == open_records(found.path).content_hash


@pytest.mark.parametrize("name", MINIATURES)
def test_the_same_again_does_nothing_and_lists_nothing(name, converted, monkeypatch):
    found = converted[name]
    dataset = resolve(name, found.mini.folder)
    before = found.path.stat().st_ino
    monkeypatch.setattr(type(dataset.source), "listing", None)  # a walk over archives
    out = found.path.parents[1]
    assert quietly(dataset, out, **found.mini.options).stat().st_ino == before


def test_archives_stand_in_the_metadata_with_their_hashes(converted):
    for found in converted.values():
        for told in open_records(found.path).metadata["archives"]:
            data = (found.mini.folder / told["name"]).read_bytes()
            assert told["size"] == len(data)
            assert told["sha256"] == hashlib.sha256(data).hexdigest()


def read_by_now():
    """Bytes that this process has read from any file."""
    io = dict(row.split(": ") for row in Path("/proc/self/io").read_text().splitlines())
    return int(io["rchar"])


@pytest.mark.skipif(not Path("/proc/self/io").exists(), reason="needs Linux's /proc")
def test_a_compressed_archive_is_read_twice_and_no_more(tmp_path):
    """Even where images prove to be undecodable, and the plan is made again."""
    import tensorflow_datasets  # noqa: F401 # or its files would be counted

    mini = MINIATURES["sun397"](tmp_path)
    path = tmp_path / "SUN397.tar.gz"
    packed = gzip.decompress(path.read_bytes())
    path.unlink()
    stray = np.random.default_rng(0).bytes(30_000_000)
    miniature_archives.write_tar(tmp_path / "stray", {"SUN397/stray": stray})
    front = (tmp_path / "stray").read_bytes()[: 512 + len(stray) + -len(stray) % 512]
    path.write_bytes(gzip.compress(front + packed, compresslevel=1))
    size = path.stat().st_size
    before = read_by_now()
    done = quietly(resolve("sun397", tmp_path), tmp_path / "out", **mini.options)
    assert 2 * size < read_by_now() - before < 2.3 * size
    [told] = open_records(done).metadata["archives"]
    assert told["sha256"] == hashlib.sha256(path.read_bytes()).hexdigest()
    assert open_records(done).metadata["rejected"]


def test_a_published_archive_is_told_from_another(tmp_path):
    MINIATURES["cub200"](tmp_path)
    dataset = resolve("cub200", tmp_path)
    with pytest.warns(
        KerasTransferWarning, match=r"CUB_200_2011.tgz': expected 1,150,585,339"
    ):
        convert(dataset, tmp_path / "out", max_per_class=5)
    with pytest.raises(DataError, match="get them again, or leave --verify out"):
        convert(dataset, tmp_path / "other", max_per_class=5, verify=True)


def test_other_images_than_published_are_told_class_by_class(tmp_path):
    MINIATURES["cub200"](tmp_path)
    dataset = resolve("cub200", tmp_path)
    told = r"Expected 11,788 images of 200 classes in cub200, found 42 of 3: 001\.Black"
    with pytest.warns(KerasTransferWarning, match=told):
        convert(dataset, tmp_path / "out", max_per_class=5)
    with pytest.raises(DataError, match=told):
        convert(dataset, tmp_path / "other", max_per_class=5, strict=True)


def test_what_is_missing_is_named_with_how_to_get_it(tmp_path):
    with pytest.raises(MissingError, match=r"'CUB_200_2011.tgz' \(or what they unpack"):
        resolve("cub200", tmp_path).listing()
    with pytest.raises(MissingError, match=r"--dataset cub200 --download"):
        resolve("cub200", tmp_path / "none").listing()
    with pytest.raises(MissingError, match=r"Princeton and MIT .* from a mirror"):
        resolve("sun397", tmp_path).listing()
    with pytest.raises(MissingError, match=r"register at image-net.org"):
        resolve("yosinski", tmp_path).listing()
    (tmp_path / "a.tar").write_bytes(b"")
    with pytest.raises(DataError, match="Expected --archives to name the folder"):
        resolve("caltech256", tmp_path / "a.tar").listing()


def test_a_folder_that_is_the_unpacked_archive_itself_is_taken(tmp_path):
    (tmp_path / "packed").mkdir()
    mini = MINIATURES["caltech256"](tmp_path / "packed")
    miniature_archives.unpack(tmp_path / "packed", tmp_path)
    listing = resolve("caltech256", tmp_path / "256_ObjectCategories").listing()
    assert {item.path for item in listing.items} == set(mini.labels)


def test_an_extra_level_in_a_mirror_does_no_harm(tmp_path, converted):
    files = {}
    source = converted["caltech256"].mini.folder / "256_ObjectCategories.tar"
    with tarfile.open(source) as tar:
        for info in tar.getmembers():
            if info.isfile():
                files[f"mirror/x/{info.name}"] = tar.extractfile(info).read()
    miniature_archives.write_tar(tmp_path / "256_ObjectCategories.tar", files)
    listing = resolve("caltech256", tmp_path).listing()
    assert {i.path for i in listing.items} == set(converted["caltech256"].mini.labels)


# The rules of each dataset, on what the miniatures hold.


def example(records, split, position):
    return tf.train.Example.FromString(
        records.serialized(split, position)
    ).features.feature


def test_kept_jpegs_are_the_files_themselves(converted):
    found = converted["caltech256"]
    records = open_records(found.path)
    with tarfile.open(found.mini.folder / "256_ObjectCategories.tar") as tar:
        for position, place in enumerate(found.plan.test):
            member = tar.extractfile(f"256_ObjectCategories/{place.path}")
            held = example(records, "test", position)["image"].bytes_list.value[0]
            assert held == member.read()


@pytest.mark.parametrize("unpack", [False, True])
@pytest.mark.parametrize("level", ["", "Partitions/"])
def test_a_partition_of_sun397_is_its_test_set(level, unpack, tmp_path):
    (tmp_path / "packed").mkdir()
    (tmp_path / "plain").mkdir()
    mini = miniature_archives.sun397(tmp_path / "packed", partitions=level)
    folder = mini.folder
    if unpack:
        folder = miniature_archives.unpack(tmp_path / "packed", tmp_path / "plain")
    dataset = resolve("sun397", folder, dict(partition=1))
    listing = dataset.listing()
    assert {item.path: item.split for item in listing.items} == mini.splits
    assert all(mini.labels[i.path] == listing.classes[i.label] for i in listing.items)
    assert listing.ignored == {
        "images in neither list": len(mini.labels) - len(mini.splits),
        "listed images that are missing": 1,
        "other files": mini.ignored["other files"] + 3,
    }
    other = resolve("sun397", folder, dict(partition=2)).listing()
    assert {item.path for item in other.items} != set(mini.splits)
    lacking = r"the list 'Training_03.txt' in the archives|'Partitions.zip'"
    with pytest.raises((DataError, MissingError), match=lacking):
        resolve("sun397", folder, dict(partition=3)).listing()
    # Without one, as ever.
    assert len(resolve("sun397", folder).listing().items) == len(mini.labels)


def test_a_partition_is_converted_and_is_a_plan_of_its_own(tmp_path):
    mini = miniature_archives.sun397(tmp_path, partitions="")
    dataset = resolve("sun397", tmp_path, dict(partition=1))
    with warnings.catch_warnings(record=True) as seen:
        warnings.simplefilter("always")
        path = convert(dataset, tmp_path / "out", max_per_class=10)
    told = "Expected 39,700 images of 397 classes in sun397, found 80 of 4: "
    assert any(str(each.message).startswith(told) for each in seen)
    records = open_records(path)
    assert records.class_counts("train").tolist() == [10] * 4
    assert records.class_counts("val").tolist() == [2] * 4
    assert records.class_counts("test").tolist() == [8] * 4
    names = [archive["name"] for archive in records.metadata["archives"]]
    assert names == ["SUN397.tar.gz", "Partitions.zip"]
    assert records.metadata["variant_sizes"] == [1, 10, 48]
    with pytest.raises(DataError, match=r"another plan .*partition 1 instead of"):
        quietly(resolve("sun397", tmp_path), tmp_path / "out", **mini.options)
    (tmp_path / "Partitions.zip").unlink()
    with pytest.raises(MissingError, match=r"'Partitions.zip' \(or what .* are gone"):
        dataset.listing()


def test_a_partition_names_each_image_once(tmp_path):
    MINIATURES["sun397"](tmp_path)
    names = ("Training_01.txt", "Testing_01.txt")
    lists = dict.fromkeys(names, "/a/abbey/sun_x.jpg\n")
    miniature_archives.write_zip(tmp_path / "Partitions.zip", lists)
    with pytest.raises(DataError, match=r"'a/abbey/sun_x.jpg' in one list of sun397"):
        resolve("sun397", tmp_path, dict(partition=1)).listing()


def test_clutter_is_a_class_where_that_is_asked(converted):
    folder = converted["caltech256"].mini.folder
    listing = resolve("caltech256", folder, dict(keep_clutter=True)).listing()
    assert listing.classes == ("ak47", "dog", "spider", "airplanes", "clutter")
    assert sum(item.label == 4 for item in listing.items) == 5
    assert listing.ignored == {"other files": 2}


def test_species_of_porites_are_porites_where_that_is_asked(tmp_path):
    mini = MINIATURES["coral"](tmp_path)
    plain = resolve("coral", tmp_path).listing()
    merged = resolve("coral", tmp_path, dict(merge_porites=True)).listing()
    assert merged.classes == plain.classes
    more = {i.path: merged.classes[i.label] for i in merged.items}
    assert {path: more[path] for path in mini.labels} == mini.labels
    added = {name for path, name in more.items() if path not in mini.labels}
    assert added == {"Porites"} and len(more) == len(mini.labels) + 11
    assert "points of other labels: p. rus" not in merged.ignored


def test_mit_indoor_keeps_the_official_test_set(converted):
    found = converted["mit_indoor"]
    official = {path for path, split in found.mini.splits.items() if split == "test"}
    assert {place.path for place in found.plan.test} == official
    assert found.plan.counts["val"] == [2, 2, 2]


def test_cub200_pools_the_halves_and_tests_on_the_rest(converted):
    plan = converted["cub200"].plan
    assert plan.counts["val"] == [2, 2, 2]
    assert plan.counts["train"] == [5, 5, 5]
    assert min(plan.counts["test"]) >= 1


def test_a_gray_png_under_a_jpg_name_becomes_rgb(converted):
    """As does everything that is no JPEG: all pixels are those of the file."""
    found = converted["sun397"]
    records, files = open_records(found.path), {}
    with tarfile.open(found.mini.folder / "SUN397.tar.gz") as tar:
        for info in tar.getmembers():
            files[info.name.removeprefix("SUN397/")] = tar.extractfile(info).read()
    modes = Counter()
    for split in SPLITS:
        for position, place in enumerate(found.plan.places(split)):
            held = example(records, split, position)["image"].bytes_list.value[0]
            source = Image.open(io.BytesIO(files[place.path]))
            modes[source.format, source.mode] += 1
            if source.format == "JPEG":
                assert held == files[place.path]
                continue
            # One side is below 64 pixels, so nothing is lost.
            pixels = tf.io.decode_image(held, expand_animations=False)
            assert pixels.shape[2] == 3 and held.startswith(b"\x89PNG")
            np.testing.assert_array_equal(pixels, np.asarray(source.convert("RGB")))
    assert {("PNG", "L"), ("PNG", "RGBA"), ("PNG", "RGB"), ("BMP", "RGB")} <= set(modes)
    assert ("GIF", "P") in modes


@pytest.mark.parametrize(("number", "which"), [(0, "a"), (0, "b"), (3, "a")])
def test_a_half_takes_its_own_classes_only(number, which, tmp_path):
    MINIATURES["yosinski"](tmp_path)
    name = f"yosinski_{number}{which}"
    dataset = resolve(name, tmp_path)
    wanted = set(dataset.info.classes)
    held = {*miniature_archives.WNIDS["target"], *miniature_archives.WNIDS["other"]}
    if len(wanted & held) < 2:
        with pytest.raises(DataError, match="two classes"):
            dataset.listing()
    else:
        assert set(dataset.listing().classes) == wanted & held


def test_yosinski_reads_labels_from_the_kit_and_from_caffe_alike(tmp_path, converted):
    mini = miniature_archives.yosinski(tmp_path, labels="kit")
    listing = resolve("yosinski", tmp_path).listing()
    labels = {item.path: listing.classes[item.label] for item in listing.items}
    assert labels == mini.labels == converted["yosinski"].mini.labels


@pytest.mark.parametrize(("half", "held"), [("1a", 3), ("0b", 2), ("3b", 2)])
def test_yosinski_falls_back_on_the_labels_that_tfds_brings(half, held, tmp_path):
    """Which are those of Caffe's val.txt: it begins with 65, 970, 230 and 809."""
    truth = dict(enumerate((65, 970, 230, 809), start=1))
    wnids = {number: imagenet_halves.wnids()[index] for number, index in truth.items()}
    for wnid in wnids.values():
        files = {f"{wnid}_{i}.JPEG": b"" for i in range(3)}
        miniature_archives.write_tar(tmp_path / "inner" / f"{wnid}.tar", files)
    inner = {path.name: path.read_bytes() for path in (tmp_path / "inner").iterdir()}
    miniature_archives.write_tar(tmp_path / "ILSVRC2012_img_train.tar", inner)
    names = {number: f"ILSVRC2012_val_{number:08d}.JPEG" for number in truth}
    files = {name: b"" for name in reversed(names.values())}
    miniature_archives.write_tar(tmp_path / "ILSVRC2012_img_val.tar", files)
    dataset = resolve(f"yosinski_{half}", tmp_path)
    listing = dataset.listing()
    tested = {
        item.path: listing.classes[item.label]
        for item in listing.items
        if item.split == "test"
    }
    assert tested == {
        f"val/{names[number]}": wnid
        for number, wnid in wnids.items()
        if wnid in dataset.info.classes
    }
    assert len(tested) == held


@pytest.mark.parametrize(
    ("rows", "told"),
    [
        ("ILSVRC2012_val_00000001.JPEG 1000\n", "Expected '<file> <0 to 999>'"),
        ("nonsense\n", "Expected '<file> <0 to 999>' in 'val.txt', got 'nonsense'"),
        ("ILSVRC2012_val_00000002.JPEG 3\n", "a line for each image in 'val.txt'"),
        ("ILSVRC2012_val_00000001.JPEG 3\n", "Expected validation images 1 to 1"),
    ],
)
def test_a_wrong_list_of_labels_is_refused(rows, told, tmp_path):
    miniature_archives.yosinski(tmp_path)
    (tmp_path / "val.txt").write_text(rows)
    with pytest.raises(DataError, match=told):
        resolve("yosinski", tmp_path).listing()


@pytest.mark.parametrize("group", ["photograph", "quadrat"])
def test_coral_keeps_groups_on_one_side(group, tmp_path):
    miniature_archives.coral_in_bulk(tmp_path)
    dataset = resolve("coral", tmp_path, dict(group=group, patch_size=8))
    options = {"max_per_class": 3}
    records = open_records(quietly(dataset, tmp_path / "out", **options))
    sides = {}
    for split in SPLITS:
        for position in range(records.size(split)):
            feature = example(records, split, position)
            told = feature["group"].bytes_list.value[0].decode()
            assert sides.setdefault(told, split) == split
            path = feature["id"].bytes_list.value[0].decode()
            if group == "photograph":
                assert told == path.rpartition("/")[0]
            else:
                assert path.partition("/")[2].startswith(f"{told}_")
    assert records.metadata["group"] == group
    sizes = {"train": 27, "val": 450, "test": 2700}
    assert records.metadata["ungrouped"] == sizes  # published sizes hold exactly
    assert {split: records.size(split) for split in SPLITS} == sizes
    with pytest.raises(DataError, match=rf"group '{group}' instead of None"):
        other = resolve("coral", tmp_path, dict(patch_size=8))
        quietly(other, tmp_path / "out", **options)


def test_plankton_keeps_a_sample_on_one_side_and_trains_every_class(tmp_path):
    mini = miniature_archives.plankton_in_bulk(tmp_path)
    dataset = resolve("plankton", tmp_path, dict(group="bin"))
    records = open_records(quietly(dataset, tmp_path / "out"))
    sides, found = {}, Counter()
    for split in SPLITS:
        for position in range(records.size(split)):
            feature = example(records, split, position)
            told = feature["group"].bytes_list.value[0].decode()
            path = feature["id"].bytes_list.value[0].decode()
            assert path.partition("/")[2].rpartition("_")[0] == told
            assert sides.setdefault(told, split) == split
            found[split, mini.labels[path]] += 1
    assert len(sides) == 20 and set(sides.values()) == {"train", "val", "test"}
    # The metadata say what there is, and of which classes there is too little.
    assert records.classes == tuple(sorted(set(mini.labels.values())))
    for split in SPLITS:
        assert records.class_counts(split).tolist() == [
            found[split, name] for name in records.classes
        ]
    assert records.class_counts("train").min() >= 1
    assert found["train", "Akashiwo"] == 2 and found["test", "Karenia"] >= 1
    small = {name for name, n in Counter(mini.labels.values()).items() if n < 685}
    assert set(records.metadata["short"]) >= small
    assert records.metadata["ungrouped"]["test"] > records.size("test")


def test_coral_patches_are_cut_and_their_points_kept(converted, tmp_path):
    found = converted["coral"]
    records = open_records(found.path)
    assert records.metadata["patch_size"] == 224
    for split in SPLITS:
        for position, place in enumerate(found.plan.places(split)):
            feature = example(records, split, position)
            row, column = (feature[k].int64_list.value[0] for k in ("row", "col"))
            assert (row, column) == place.point
            assert place.path.endswith(f"_{row:04d}_{column:04d}")
    data = example(records, "test", 0)["image"].bytes_list.value[0]
    assert tf.io.decode_image(data).shape == (224, 224, 3)


def test_another_patch_size_is_another_plan(tmp_path):
    MINIATURES["coral"](tmp_path)
    dataset = resolve("coral", tmp_path, dict(patch_size=20))
    options = {"max_per_class": 2, "short_classes": "cap"}
    records = open_records(quietly(dataset, tmp_path / "out", **options))
    data = example(records, "train", 0)["image"].bytes_list.value[0]
    assert data.startswith(b"\x89PNG") and tf.io.decode_image(data).shape == (20, 20, 3)
    with pytest.raises(DataError, match="patch_size 20 instead of 224"):
        quietly(resolve("coral", tmp_path), tmp_path / "out", **options)


@pytest.mark.parametrize(
    ("name", "options", "message"),
    [
        (
            "coral",
            dict(group="bin"),
            "to be one of photograph, quadrat, got 'bin'",
        ),
        ("cub200", dict(group="bin"), "--group of 'cub200' to be left out"),
        (
            "cub200",
            dict(patch_size=9),
            "--patch-size does not go with 'cub200'",
        ),
        ("coral", dict(patch_size=0), "--patch-size from 1 to 4096, got 0"),
        ("sun397", dict(partition=11), "--partition from 1 to 10, got 11"),
        ("sun397", dict(partition=0), "--partition from 1 to 10, got 0"),
        (
            "cub200",
            dict(partition=1),
            "--partition does not go with 'cub200'",
        ),
        (
            "sun397",
            dict(keep_clutter=True),
            "--keep-clutter does not go with",
        ),
        ("folder:x", dict(merge_porites=True), "--merge-porites does not go"),
        (
            "folder:x",
            dict(group="bin"),
            "--group of 'folder:x' to be left out",
        ),
    ],
)
def test_options_that_do_not_go_with_a_dataset(name, options, message):
    with pytest.raises(InputError, match=message):
        resolve(name, None, options)


def test_an_image_that_stands_twice_is_refused(tmp_path):
    mini = MINIATURES["plankton"](tmp_path)
    path = next(iter(mini.labels))
    import zipfile

    with zipfile.ZipFile(tmp_path / "2007.zip", "a") as archive:
        archive.writestr(f"again/{path}", b"")
    with pytest.raises(DataError, match=r"stands twice in the archives of 'plankton'"):
        resolve("plankton", tmp_path).listing()


@pytest.mark.parametrize(
    ("text", "told"),
    [
        (b"1; 2\n", "Expected 'row; column; label' in the annotation"),
        (b"-1; 2; CCA\n", "got '-1; 2; CCA'"),
        (b"\xff\xfe; 2; CCA\n", "Expected UTF-8 text"),
    ],
)
def test_a_damaged_annotation_is_refused(text, told, tmp_path):
    stem = "2008/mcr_lter1_out10m_pole1-2_qu1_20080415.jpg"
    name = "MCR_LTER_ComputerVision_LabeledCorals_2008_20120521.zip"
    files = {stem: b"", f"{stem}.txt": text}
    miniature_archives.write_zip(tmp_path / name, files)
    with pytest.raises(DataError, match=told):
        resolve("coral", tmp_path).listing()


def test_a_truncated_archive_leaves_nothing(tmp_path):
    mini = MINIATURES["sun397"](tmp_path)
    file = tmp_path / "SUN397.tar.gz"
    file.write_bytes(file.read_bytes()[:-500])
    out = tmp_path / "out"
    with pytest.raises(DataError, match=r"SUN397.tar.gz' is damaged or cut short"):
        quietly(resolve("sun397", tmp_path), out, **mini.options)
    assert [path.name for path in out.iterdir()] == [".sun397.lock"]


def test_shards_are_as_many_as_asked_for(converted, tmp_path):
    found = converted["caltech256"]
    dataset = resolve("caltech256", found.mini.folder)
    path = quietly(dataset, tmp_path, **found.mini.options, shards=3)
    assert len(list(path.glob("*-test.tfrecord-*-of-00003"))) == 3
    again = open_records(path)
    assert again.content_hash == open_records(found.path).content_hash
    position = again.size("test") - 1
    last = again.serialized("test", position)
    assert last == open_records(found.path).serialized("test", position)
    assert np.array_equal(again.labels("test"), open_records(found.path).labels("test"))
