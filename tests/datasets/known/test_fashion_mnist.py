import gzip
import io
import struct

import numpy as np
import pytest
from helpers.reading import read
from PIL import Image

from kerastransfer.datasets.known import fashion_mnist
from kerastransfer.datasets.table import resolve
from kerastransfer.errors import DataError, MissingError

LABELS = {"train": [9, 0, 3, 0], "t10k": [0, 9]}


def images(part):
    seed = len(LABELS[part])
    return np.random.default_rng(seed).integers(0, 256, (seed, 28, 28), np.uint8)


def idx(values, magic):
    return struct.pack(f">{values.ndim + 1}I", magic, *values.shape) + values.tobytes()


@pytest.fixture
def archives(tmp_path):
    for part, labels in LABELS.items():
        pictures, names = idx(images(part), 2051), idx(np.array(labels, np.uint8), 2049)
        (tmp_path / f"{part}-images-idx3-ubyte.gz").write_bytes(gzip.compress(pictures))
        (tmp_path / f"{part}-labels-idx1-ubyte.gz").write_bytes(gzip.compress(names))
    fashion_mnist._images.cache_clear()
    yield tmp_path
    fashion_mnist._images.cache_clear()


def test_lists_both_parts_with_their_official_split(archives):
    listing = resolve("fashion_mnist", archives).listing()
    assert [(item.path, item.label, item.split) for item in listing.items] == [
        ("t10k/ankle_boot/00001.png", 9, "test"),
        ("t10k/t-shirt_top/00000.png", 0, "test"),
        ("train/ankle_boot/00000.png", 9, "train"),
        ("train/dress/00002.png", 3, "train"),
        ("train/t-shirt_top/00001.png", 0, "train"),
        ("train/t-shirt_top/00003.png", 0, "train"),
    ]


def test_reads_the_drawing_that_the_path_names(archives):
    data = read(resolve("fashion_mnist", archives), "train/dress/00002.png")
    np.testing.assert_array_equal(Image.open(io.BytesIO(data)), images("train")[2])


def test_a_missing_file_names_the_folder_and_both_cures(tmp_path):
    with pytest.raises(
        MissingError, match=r"apt-get install dataset-fashion-mnist"
    ) as e:
        resolve("fashion_mnist", tmp_path).listing()
    assert str(tmp_path) in str(e.value) and "--archives" in str(e.value)
    assert "\n" not in str(e.value)


def spoil(archives, name, data):
    (archives / name).write_bytes(data)


@pytest.mark.parametrize(
    ("name", "change", "message"),
    [
        ("train-labels-idx1-ubyte.gz", lambda b: b[:-12], "Expected a whole gzip file"),
        ("train-labels-idx1-ubyte.gz", lambda b: b"text", "Expected a whole gzip file"),
        (
            "train-labels-idx1-ubyte.gz",
            lambda b: gzip.compress(b"abc"),
            "Expected an IDX header",
        ),
        (
            "train-labels-idx1-ubyte.gz",
            lambda b: gzip.compress(struct.pack(">2I", 2051, 4) + b"\0" * 4),
            r"Expected IDX header \(2049, 'count'\)",
        ),
        (
            "train-images-idx3-ubyte.gz",
            lambda b: gzip.compress(struct.pack(">4I", 2051, 1, 28, 29) + bytes(812)),
            r"got \(2051, 1, 28, 29\)",
        ),
        (
            "train-labels-idx1-ubyte.gz",
            lambda b: gzip.compress(struct.pack(">2I", 2049, 5) + b"\0" * 4),
            "Expected 5 x 1 bytes .* got 4",
        ),
        (
            "train-labels-idx1-ubyte.gz",
            lambda b: gzip.compress(struct.pack(">2I", 2049, 3) + b"\0" * 3),
            "as many labels as images in 'train' .* got 3 and 4",
        ),
        (
            "train-labels-idx1-ubyte.gz",
            lambda b: gzip.compress(struct.pack(">2I", 2049, 4) + b"\0\x0a\0\0"),
            "Expected labels from 0 to 9 .* got 10",
        ),
        (  # a bomb: a gigabyte of zeros in a megabyte
            "train-labels-idx1-ubyte.gz",
            lambda b: gzip.compress(struct.pack(">2I", 2049, 1 << 30) + bytes(1 << 26)),
            "at most 60,000 items",
        ),
    ],
)
def test_a_hostile_file_is_refused_by_name(archives, name, change, message):
    file = archives / name
    file.write_bytes(change(file.read_bytes()))
    with pytest.raises(DataError, match=message) as error:
        resolve("fashion_mnist", archives).listing()
    assert "idx" in str(error.value) or "labels" in str(error.value)


def test_the_packaged_files_are_the_published_ones():
    if not (fashion_mnist.FOLDER / "train-images-idx3-ubyte.gz").exists():
        pytest.skip("dataset-fashion-mnist is not installed")
    listing = resolve("fashion_mnist").listing()
    # the data set's readme: 60,000 and 10,000, each class alike
    counts = {split: np.zeros(10, int) for split in ("train", "test")}
    for item in listing.items:
        counts[item.split][item.label] += 1
    assert set(counts["train"]) == {6000} and set(counts["test"]) == {1000}
    assert listing.items[-1].path.startswith("train/trouser/")
