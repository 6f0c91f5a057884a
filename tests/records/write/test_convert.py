import contextlib
import io
import json
import os
import random
import shutil
import signal
import subprocess
import sys
import time
import warnings
from pathlib import Path

import numpy as np
import pytest
from helpers.reading import planned
from PIL import Image

from kerastransfer.datasets.image_file import whole
from kerastransfer.datasets.table import resolve
from kerastransfer.errors import DataError, InputError, MissingError
from kerastransfer.foundation.report import KerasTransferWarning
from kerastransfer.records import workers as workers_module
from kerastransfer.records.find import find_or_convert
from kerastransfer.records.reader import open_records
from kerastransfer.records.split.plan import SPLITS
from kerastransfer.records.write import publishing
from kerastransfer.records.write.convert import convert
from kerastransfer.records.write.encoder import Rejected, encode_file, make_encoder

# Reads records with TFDS alone, as somebody without our package would.
READ_WITH_TFDS = """
import json, sys
import tensorflow_datasets as tfds
builder = tfds.builder_from_directory(sys.argv[1])
out = {"names": builder.info.features["label"].names, "splits": {}}
for split in sys.argv[2:]:
    examples = builder.as_dataset(
        split=split, decoders={"image": tfds.decode.SkipDecoding()}
    )
    out["splits"][split] = [
        [int(e["label"]), e["id"].decode(), e["image"].hex()]
        for e in examples.as_numpy_iterator()
    ]
decoded = next(iter(builder.as_dataset(split="train")))["image"]
out["shape"] = list(decoded.shape)
out["metadata"] = dict(builder.info.metadata)
assert not any(name.startswith("kerastransfer") for name in sys.modules)
print(json.dumps(out))
"""


def picture(seed, kind="JPEG", side=24):
    out = io.BytesIO()
    noise = np.random.default_rng(seed).integers(0, 256, (side, side, 3), np.uint8)
    Image.fromarray(noise).save(out, kind)
    return out.getvalue()


@pytest.fixture(scope="module")
def photos(tmp_path_factory):
    root = tmp_path_factory.mktemp("photos")
    for label, (name, size) in enumerate([("ant", 12), ("bee", 20), ("cow", 31)]):
        (root / name).mkdir()
        for i in range(size):
            kind = ("JPEG", "PNG")[i % 2]
            data = picture(100 * label + i, kind)
            (root / name / f"{i:02d}.{kind.lower()}").write_bytes(data)
    return root


@pytest.mark.parametrize("kind", ["folder", "csv"])
def test_images_that_move_keep_their_splits(photos, tmp_path, kind):
    """Another place or another name: the same files give the same records."""
    found = []
    for name in ("here", "there"):
        place = tmp_path / name / f"photos_of_{name}"
        shutil.copytree(photos, place)
        spec = f"folder:{place}"
        if kind == "csv":
            rows = [
                f"{path.relative_to(place)},{path.parent.name}"
                for path in sorted(place.rglob("*.*"))
            ]
            (place / f"{name}.csv").write_text("\n".join(["path,label", *rows, ""]))
            spec = f"csv:{place / f'{name}.csv'}"
        found.append(find_or_convert(resolve(spec), tmp_path / "records", workers=1))
    here, there = found
    assert here.name != there.name
    assert here.content_hash == there.content_hash


def copy(root, target):
    for path in root.rglob("*.*"):
        file = target / path.relative_to(root)
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(path.read_bytes())
    return target


def read_with_tfds(path, *splits):
    done = subprocess.run(
        [sys.executable, "-c", READ_WITH_TFDS, path, *splits],
        check=True,
        capture_output=True,
        env={**os.environ, "TF_CPP_MIN_LOG_LEVEL": "3"},
        cwd="/",
    )
    return json.loads(done.stdout)


def image_of(serialized):
    import tensorflow as tf

    example = tf.train.Example.FromString(serialized)
    return example.features.feature["image"].bytes_list.value[0]


@pytest.fixture(params=["one shard", "several shards"])
def shards(request, monkeypatch):
    if request.param == "several shards":
        from tensorflow_datasets.core.utils.shard_utils import ShardConfig

        monkeypatch.setattr(ShardConfig, "min_shard_size", 2_000)
        monkeypatch.setattr(ShardConfig, "max_shard_size", 8_000)
    return request.param


def test_tfds_alone_reads_what_the_reader_reads(photos, tmp_path, shards):
    dataset = resolve(f"folder:{photos}")
    path = convert(dataset, tmp_path)
    assert path == tmp_path / dataset.name / "1.0.0"
    records = open_records(path)
    plan = planned(dataset)
    assert len(list(path.glob("*-train.tfrecord-*"))) > 1 or shards == "one shard"
    prefix = len(records.variant(5))
    assert prefix == 15
    found = read_with_tfds(path, *SPLITS, f"train[:{prefix}]")
    assert found["names"] == list(records.classes) == ["ant", "bee", "cow"]
    places = {"spec": dataset.spec}  # kept beside the records, not in them
    assert found["metadata"] | places == records.metadata
    assert found["shape"] == [24, 24, 3]
    for split in SPLITS:
        rows = found["splits"][split]
        assert [path for _, path, _ in rows] == [p.path for p in plan.places(split)]
        assert [label for label, _, _ in rows] == records.labels(split).tolist()
        images = [image_of(records.serialized(split, i)) for i in range(len(rows))]
        assert [image.hex() for image in images] == [image for _, _, image in rows]
    assert found["splits"][f"train[:{prefix}]"] == found["splits"]["train"][:prefix]
    labels = [label for label, _, _ in found["splits"][f"train[:{prefix}]"]]
    assert np.bincount(labels).tolist() == [5, 5, 5]


def test_bytes_are_the_files_or_their_pixels(photos, tmp_path):
    records = open_records(convert(resolve(f"folder:{photos}"), tmp_path))
    plan = planned(resolve(f"folder:{photos}"))
    for position, place in enumerate(plan.train):
        stored = image_of(records.serialized("train", position))
        source = (photos / place.path).read_bytes()
        if place.path.endswith("jpeg"):
            assert stored == source
        else:
            pixels = [np.asarray(Image.open(io.BytesIO(d))) for d in (stored, source)]
            np.testing.assert_array_equal(*pixels)


def test_metadata_tells_how_the_records_came_to_be(photos, tmp_path):
    dataset = resolve(f"folder:{photos}")
    listing = dataset.listing()
    metadata = open_records(convert(dataset, tmp_path, split_seed=3)).metadata
    plan = planned(dataset, split_seed=3)
    assert metadata["plan_hash"] == plan.hash
    assert metadata["draws"] == [draw.tolist() for draw in plan.draws]
    assert metadata["counts"] == plan.counts
    assert metadata["fingerprint"] == listing.fingerprint
    told = {name: metadata[name] for name in ("spec", "split_seed", "image_size")}
    assert told == {"spec": f"folder:{photos}", "split_seed": 3, "image_size": 256}
    assert (metadata["rejected"], metadata["short"]) == ({}, {})
    assert metadata["mirror_keeps_class"] is False


def test_workers_in_any_order_write_the_same_records(photos, tmp_path, monkeypatch):
    dataset = resolve(f"folder:{photos}")
    one = open_records(convert(dataset, tmp_path / "one"))
    monkeypatch.setattr(workers_module, "FEW", 0)
    monkeypatch.setattr(workers_module, "_CHUNK", 1)
    seen = []
    two = open_records(
        convert(
            dataset, tmp_path / "two", workers=2, progress=lambda *a: seen.append(a)
        )
    )
    assert seen == [(i, 63) for i in range(1, 64)]
    assert two.content_hash == one.content_hash
    for split in SPLITS:
        files = [sorted(r.path.glob(f"*-{split}.tfrecord*")) for r in (one, two)]
        assert [f.read_bytes() for f in files[0]] == [f.read_bytes() for f in files[1]]


def test_images_may_arrive_in_any_order(photos, tmp_path, monkeypatch):
    dataset = resolve(f"folder:{photos}")
    one = open_records(convert(dataset, tmp_path / "one"))
    in_order = workers_module.Workers.__call__

    def shuffled(self, blobs):
        results = list(in_order(self, blobs))
        random.Random(0).shuffle(results)
        yield from results

    monkeypatch.setattr(workers_module.Workers, "__call__", shuffled)
    two = open_records(convert(dataset, tmp_path / "two"))
    assert one.content_hash == two.content_hash
    for position in range(one.size("train")):
        mine, other = (r.serialized("train", position) for r in (one, two))
        assert mine == other


def test_the_writers_buckets_share_the_work(photos, tmp_path, monkeypatch):
    # TFDS loads one bucket at a time, so memory stays bounded where all are used
    from tensorflow_datasets.core import shuffle

    used = set()
    add = shuffle._Bucket.add

    def spy(self, key, data):
        used.add(str(self._path))
        add(self, key, data)

    monkeypatch.setattr(shuffle, "MAX_MEM_BUFFER_SIZE", 0)
    monkeypatch.setattr(shuffle._Bucket, "add", spy)
    dataset = resolve(f"folder:{photos}")
    records = open_records(convert(dataset, tmp_path))
    assert len(used) == 63  # 1,000 buckets, so each image has its own
    plan = planned(dataset)
    for position, place in enumerate(plan.train):
        assert place.path.encode() in records.serialized("train", position)


def test_the_content_hash_follows_the_pixels_and_the_split(photos, tmp_path):
    root = copy(photos, tmp_path / "copy")
    dataset = resolve(f"folder:{root}")
    first = open_records(convert(dataset, tmp_path / "a")).content_hash
    assert open_records(convert(dataset, tmp_path / "b")).content_hash == first
    other = open_records(convert(dataset, tmp_path / "c", split_seed=1)).content_hash
    (root / "ant" / "00.jpeg").write_bytes(picture(999))
    changed = open_records(convert(dataset, tmp_path / "d")).content_hash
    assert len({first, other, changed}) == 3


@pytest.fixture
def spoilt(photos, tmp_path):
    root = copy(photos, tmp_path / "spoilt")
    (root / "bee" / "00.jpeg").write_bytes(b"")
    (root / "cow" / "04.jpeg").write_bytes(picture(1)[:300])
    (root / "cow" / "05.png").write_bytes(b"text")
    return root


def test_undecodable_images_are_named_and_left_out(spoilt, tmp_path):
    dataset = resolve(f"folder:{spoilt}")
    with pytest.warns(
        KerasTransferWarning, match="3 images cannot be decoded .*Left out"
    ) as seen:
        records = open_records(convert(dataset, tmp_path / "out"))
    assert len(seen) == 1 and "'bee/00.jpeg': the file is empty" in str(seen[0].message)
    assert records.metadata["rejected"].keys() == {
        "bee/00.jpeg",
        "cow/04.jpeg",
        "cow/05.png",
    }
    # as if they had never been there: ranks have no holes
    for path in records.metadata["rejected"]:
        (spoilt / path).unlink()
    plan = planned(dataset)
    assert records.metadata["plan_hash"] == plan.hash
    assert sum(records.size(split) for split in SPLITS) == 60


def test_strict_fails_and_leaves_nothing(spoilt, tmp_path):
    dataset, out = resolve(f"folder:{spoilt}"), tmp_path / "out"
    with pytest.raises(DataError, match="3 images cannot be decoded"):
        convert(dataset, out, strict=True)
    assert [path.name for path in out.rglob("*")] == [f".{dataset.name}.lock"]
    with pytest.warns(KerasTransferWarning, match="Left out"):
        convert(dataset, out)
    with pytest.raises(DataError, match="3 images cannot be decoded"):
        convert(dataset, out, strict=True)


def test_many_undecodable_images_are_counted(photos, tmp_path):
    root = copy(photos, tmp_path / "spoilt")
    for i in range(8):
        (root / "cow" / f"x{i}.png").write_bytes(b"?")
    with pytest.warns(KerasTransferWarning, match=r"8 images .*; and 3 more\)"):
        convert(resolve(f"folder:{root}"), tmp_path / "out")


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read everything")
def test_an_unreadable_file_is_a_reason(spoilt):
    (spoilt / "ant" / "00.jpeg").chmod(0)
    [blob] = resolve(f"folder:{spoilt}").source.image_files(["ant/00.jpeg"])
    [(_, found)] = encode_file(blob, 256)
    assert found == Rejected("the file cannot be read: Permission denied")


def test_a_file_that_went_away_is_a_reason(photos):
    [blob] = resolve(f"folder:{photos}").source.image_files(["ant/x.png"])
    [(path, found)] = encode_file(blob, 256)
    assert path == "ant/x.png" and "is not there" in found.reason


def stamp(path):
    return path.stat().st_ino


def test_the_same_plan_is_left_as_it_is(photos, tmp_path):
    dataset = resolve(f"folder:{photos}")
    first = stamp(convert(dataset, tmp_path))
    assert stamp(convert(dataset, tmp_path)) == first


@pytest.mark.parametrize(
    ("options", "told"),
    [
        ({"split_seed": 1}, "split_seed 0 instead of 1"),
        ({"image_size": 16}, "image_size 256 instead of 16"),
        ({"max_per_class": 3}, "max_per_class None instead of 3"),
        ({"short_classes": "cap"}, "short_classes 'error' instead of 'cap'"),
    ],
)
def test_another_plan_is_refused_with_the_cure(photos, tmp_path, options, told):
    dataset = resolve(f"folder:{photos}")
    path = convert(dataset, tmp_path)
    with pytest.raises(DataError, match="records of another plan") as error:
        convert(dataset, tmp_path, **options)
    message = str(error.value)
    assert told in message and str(path) in message
    assert "choose another --out, or delete that folder" in message


def test_changed_files_are_converted_again_with_a_word(photos, tmp_path):
    root = copy(photos, tmp_path / "copy")
    dataset, out = resolve(f"folder:{root}"), tmp_path / "out"
    path = convert(dataset, out, split_seed=5)
    before, inode = open_records(path), stamp(path)
    assert before.size("train") == 45
    (root / "ant" / "new.jpeg").write_bytes(picture(7))
    with pytest.warns(
        KerasTransferWarning, match=f"The files of folder:{root} have changed"
    ):
        after = find_or_convert(dataset, out)
    assert after.metadata["split_seed"] == 5  # as they were asked for
    assert sum(after.class_counts(split)[0] for split in SPLITS) == 13
    assert stamp(path) != inode
    assert len(before.serialized("train", 0)) > 0  # open records outlive the change
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert find_or_convert(dataset, out).content_hash == after.content_hash


def test_csv_sets_convert_and_keep_their_groups(photos, tmp_path):
    root = copy(photos, tmp_path / "copy")
    rows = [
        f"{path.relative_to(root)},{path.parent.name},g{int(path.stem) // 2}"
        for path in sorted(root.rglob("*.*"))
    ]
    (root / "list.csv").write_text("\n".join(["path,label,group", *rows]))
    dataset = resolve(f"csv:{root}/list.csv")
    with pytest.warns(KerasTransferWarning, match="on first use"):
        records = find_or_convert(dataset, tmp_path / "out")
    import tensorflow as tf

    sides = {}
    for split in SPLITS:
        for position in range(records.size(split)):
            example = tf.train.Example.FromString(records.serialized(split, position))
            feature = example.features.feature
            group = feature["group"].bytes_list.value[0].decode()
            number = int(feature["id"].bytes_list.value[0].decode()[4:6])
            assert group == f"g{number // 2}"
            assert sides.setdefault(group, split) == split
    (root / "list.csv").write_text("\n".join(["path,label,group", *rows[1:]]))
    with pytest.warns(KerasTransferWarning, match="have changed"):
        find_or_convert(dataset, tmp_path / "out")


def test_upper_levels_keep_the_official_sets(photos, tmp_path):
    root = tmp_path / "split"
    copy(photos, root / "train")
    copy(photos, root / "test")
    records = open_records(convert(resolve(f"folder:{root}"), tmp_path / "out"))
    assert records.class_counts("test").tolist() == [12, 20, 31]
    assert records.class_counts("val").tolist() == [1, 2, 3]
    assert records.class_counts("train").tolist() == [11, 18, 28]


def test_first_use_converts_what_is_at_hand(tmp_path, monkeypatch):
    monkeypatch.setenv("KERASTRANSFER_HOME", str(tmp_path))
    with pytest.warns(
        KerasTransferWarning, match="Converting digits to .* on first use"
    ):
        records = find_or_convert(resolve("digits"))
    assert records.path == tmp_path / "records" / "digits" / "1.0.0"
    assert records.class_counts("val").tolist() == [10] * 10
    assert records.class_counts("test").tolist() == [50] * 10
    assert sum(records.size(split) for split in SPLITS) == 1797
    assert find_or_convert(resolve("digits")).content_hash == records.content_hash


def test_what_is_not_at_hand_is_missing_with_the_command(tmp_path):
    import dataclasses

    digits = resolve("digits")
    facts = dataclasses.replace(digits.info, auto_convert=False)
    dataset = dataclasses.replace(digits, info=facts)
    with pytest.raises(MissingError) as error:
        find_or_convert(dataset, tmp_path / "my records")
    assert (
        "make them with 'kerastransfer convert --dataset digits --archives DIR --out "
        f"'{tmp_path}/my records''" in str(error.value)
    )


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"image_size": 0}, "Expected image_size of at least 1, got 0"),
        ({"workers": 0}, "Expected workers of at least 1, got 0"),
    ],
)
def test_arguments_out_of_range(photos, tmp_path, options, message):
    with pytest.raises(InputError, match=message):
        convert(resolve(f"folder:{photos}"), tmp_path, **options)


CONVERT = """
import sys
from pathlib import Path
from kerastransfer.datasets.table import resolve
from kerastransfer.records import workers
from kerastransfer.records.write.convert import convert

if __name__ == "__main__":
    workers.FEW, workers._CHUNK = 0, 1
    convert(resolve(sys.argv[1]), Path(sys.argv[2]), workers=2)
"""


def children(process):
    listed = f"/proc/{process}/task/{process}/children"
    with contextlib.suppress(FileNotFoundError):
        return [int(child) for child in Path(listed).read_text().split()]
    return []


def alive(process):
    with contextlib.suppress(FileNotFoundError):
        status = Path(f"/proc/{process}/stat").read_text()
        return status.rsplit(")", 1)[1].split()[0] != "Z"
    return False


@pytest.mark.skipif(not Path("/proc/self/task").is_dir(), reason="needs Linux's /proc")
def test_a_killed_conversion_leaves_nothing_visible(tmp_path):
    root = tmp_path / "many"
    for name in ("a", "b"):
        (root / name).mkdir(parents=True)
        for i in range(60):  # large enough to be encoded anew, and slowly
            (root / name / f"{i}.png").write_bytes(picture(i % 3, "PNG", side=700))
    script, out = tmp_path / "run.py", tmp_path / "out"
    script.write_text(CONVERT)
    dataset = resolve(f"folder:{root}")
    command = [sys.executable, script, dataset.spec, out]
    running = subprocess.Popen(command, stderr=subprocess.DEVNULL)
    staging = out / f".{dataset.name}.incomplete"
    deadline = time.monotonic() + 60
    while not staging.exists() or len(children(running.pid)) < 2:
        assert time.monotonic() < deadline and running.poll() is None
        time.sleep(0.02)
    offspring = children(running.pid)
    running.send_signal(signal.SIGKILL)
    running.wait()
    assert staging.exists()
    assert not [path for path in out.iterdir() if not path.name.startswith(".")]
    with pytest.raises(MissingError, match="Expected records in"):
        open_records(out / dataset.name / "1.0.0")
    while any(alive(child) for child in offspring):  # workers end with their parent
        assert time.monotonic() < deadline
        time.sleep(0.05)
    records = open_records(convert(dataset, out))
    assert sum(records.size(split) for split in SPLITS) == 120
    assert sorted(path.name for path in out.iterdir()) == [
        f".{dataset.name}.lock",
        f".{dataset.name}.place.json",
        dataset.name,
    ]


IDLE = """
import sys, time
from kerastransfer.datasets.known.digits import Digits
from kerastransfer.records.write.encoder import make_encoder

if __name__ == "__main__":
    with make_encoder(256, images=10_000, workers=2) as encoder:
        list(encoder(Digits().image_files(["0/0000.png"] * 40)))
        print("idle", flush=True)
        time.sleep(60)
"""


@pytest.mark.skipif(not Path("/proc/self/task").is_dir(), reason="needs Linux's /proc")
def test_idle_workers_end_with_a_killed_parent(tmp_path):
    script = tmp_path / "idle.py"
    script.write_text(IDLE)
    with subprocess.Popen([sys.executable, script], stdout=subprocess.PIPE) as running:
        assert running.stdout.readline() == b"idle\n"
        offspring = children(running.pid)
        assert len(offspring) >= 2
        running.kill()
    deadline = time.monotonic() + 20
    while any(alive(child) for child in offspring):
        assert time.monotonic() < deadline
        time.sleep(0.05)


def test_an_error_midway_keeps_the_old_records(photos, tmp_path, monkeypatch):
    root = copy(photos, tmp_path / "copy")
    dataset, out = resolve(f"folder:{root}"), tmp_path / "out"
    before = open_records(convert(dataset, out)).content_hash
    (root / "ant" / "00.jpeg").write_bytes(picture(5))

    def fail(done, total):
        if done == 40:
            raise KeyboardInterrupt

    with (
        pytest.warns(KerasTransferWarning, match="changed"),
        pytest.raises(KeyboardInterrupt),
    ):
        convert(dataset, out, progress=fail)
    assert open_records(out / dataset.name / "1.0.0").content_hash == before
    assert not (out / f".{dataset.name}.incomplete").exists()


def test_two_conversions_take_turns(photos, tmp_path):
    dataset = resolve(f"folder:{photos}")
    with publishing.lock(tmp_path, dataset.name):
        script = tmp_path / "run.py"
        script.write_text(CONVERT)
        command = [sys.executable, script, dataset.spec, tmp_path]
        with subprocess.Popen(command, stderr=subprocess.PIPE, text=True) as waiting:
            for line in waiting.stderr:
                if f"Another process converts {dataset.name}; waiting" in line:
                    break
            else:
                raise AssertionError("the second conversion did not wait")
            assert not (tmp_path / dataset.name).exists()
            waiting.kill()


def test_a_worker_that_dies_is_an_error(photos):
    with (
        make_encoder(256, images=10_000, workers=2) as encoder,
        pytest.raises(DataError, match=r"A worker process died .* --workers 1"),
    ):
        list(encoder([whole("x", _Deadly())]))


class _Deadly:
    def read(self):
        os._exit(9)


def test_workers_import_no_tensorflow():
    with make_encoder(256, images=10_000, workers=2) as encoder:
        [(_, found)] = encoder([whole("x", _Telling())])
    assert found.reason == "tensorflow False"


class _Telling:
    def read(self):
        raise DataError(f"tensorflow {'tensorflow' in sys.modules}")
