import gzip
import re

import pytest
from helpers.reading import read

from kerastransfer.datasets.table import resolve
from kerastransfer.errors import DataError, InputError, MissingError


def touch(root, *paths):
    for path in paths:
        (root / path).parent.mkdir(parents=True, exist_ok=True)
        (root / path).write_bytes(path.encode())


def paths(root, **patterns):
    listing = resolve(f"folder:{root}", options=patterns).listing()
    return [
        (item.path, listing.classes[item.label], item.split) for item in listing.items
    ]


def test_lists_images_by_class_and_leaves_droppings_out(tmp_path):
    touch(tmp_path, "cat/b.JPG", "cat/a.png", "dog/in/c.webp")
    touch(tmp_path, "cat/.hidden.jpg", "cat/Thumbs.db", "cat/notes.txt", "readme.md")
    touch(tmp_path, ".git/x.png", "__MACOSX/y.png", "dog/.cache/z.png", "top.jpg")
    assert paths(tmp_path) == [
        ("cat/a.png", "cat", None),
        ("cat/b.JPG", "cat", None),
        ("dog/in/c.webp", "dog", None),
    ]


def test_reads_by_path_and_is_picklable(tmp_path):
    touch(tmp_path, "cat/a.png", "dog/b.png")
    dataset = resolve(f"folder:{tmp_path}")
    assert read(dataset, "dog/b.png") == b"dog/b.png"
    with pytest.raises(MissingError, match="is not there"):
        read(dataset, "dog/none.png")


def test_an_upper_level_is_the_official_split(tmp_path):
    touch(tmp_path, "Train/cat/1.jpg", "Train/dog/2.jpg", "VALIDATION/dog/3.jpg")
    touch(tmp_path, "test/cat/4.jpg")
    assert paths(tmp_path) == [
        ("Train/cat/1.jpg", "cat", "train"),
        ("Train/dog/2.jpg", "dog", "train"),
        ("VALIDATION/dog/3.jpg", "dog", "val"),
        ("test/cat/4.jpg", "cat", "test"),
    ]


def test_classes_are_named_like_splits_only_where_the_user_says_so(tmp_path):
    touch(tmp_path, "train/1.jpg", "car/2.jpg", "test/3.jpg")
    with pytest.raises(DataError, match=r"named like a split .*--include '\*'"):
        paths(tmp_path)
    assert [name for _, name, _ in paths(tmp_path, include="*")] == [
        *("car", "test", "train")
    ]


@pytest.mark.parametrize(
    ("files", "message"),
    [
        (["cat/a.jpg", "dog/readme.txt"], r"dog' holds no image"),
        (["cat/a.jpg"], r"at least two classes in folder '.*', found one \('cat'\)"),
        (["a.jpg"], "Expected a folder for each class in '.*', found none"),
        (["train/a.jpg", "test/b.jpg"], "holds 'test', which is not a split"),
        (["train/cat/a.jpg", "docs/b.jpg"], "holds 'docs', which is not a split"),
        (
            ["val/cat/a.jpg", "test/dog/b.jpg"],
            "Expected one train folder .* 'test', 'val'",
        ),
        (
            ["train/cat/a.jpg", "val/cat/b.jpg", "dev/cat/c.jpg"],
            "at most one val .* 'dev', 'train', 'val'",
        ),
        (["cat /a.jpg", "dog/b.jpg"], "blanks at its ends .* got 'cat '; rename"),
        (
            ["cat/a.jpg", "dog/b\n.jpg"],
            r"without control characters.* got 'dog/b\\n.jpg'",
        ),
    ],
)
def test_says_what_is_wrong_with_a_folder(tmp_path, files, message):
    touch(tmp_path, *files)
    with pytest.raises(DataError, match=message) as error:
        paths(tmp_path)
    assert "\n" not in str(error.value)


def test_a_missing_folder_is_named(tmp_path):
    with pytest.raises(MissingError, match=r"Folder '.*/none' is not there"):
        paths(tmp_path / "none")
    with pytest.raises(InputError, match="Expected a folder after 'folder:'"):
        resolve("folder:")


def test_the_fingerprint_follows_names_sizes_and_times(tmp_path):
    touch(tmp_path, "cat/a.png", "dog/b.png")
    dataset = resolve(f"folder:{tmp_path}")
    first = dataset.listing().fingerprint
    assert dataset.listing().fingerprint == first
    (tmp_path / "cat/a.png").write_bytes(b"longer than before")
    second = dataset.listing().fingerprint
    (tmp_path / "cat/a.png").rename(tmp_path / "cat/c.png")
    assert len({first, second, dataset.listing().fingerprint}) == 3


def test_names_are_safe_and_tell_folders_apart(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    first, second = (
        resolve("folder:My Birds/v2"),
        resolve("folder:other/../My Birds/v2"),
    )
    assert first.name == second.name and first.spec == f"folder:{tmp_path}/My Birds/v2"
    assert first.name.startswith("folder_v2_") and first.name.isidentifier()
    assert resolve("folder:Other Birds/v2").name != first.name
    assert resolve("folder:/").name.isidentifier()


@pytest.mark.parametrize(
    ("name", "data", "told"),
    [
        ("a.zip", b"PK\x05\x06" + bytes(18), "(an archive); unpack it and name the"),
        (
            "a.tar.gz",
            gzip.compress(b"", mtime=0),
            "(an archive); unpack it and name the folder",
        ),
        ("a.7z", b"7z\xbc\xaf\x27\x1c", "(an archive); unpack it and name the folder"),
        ("a.csv", b"path,label", "; for a table say csv:"),
        ("a.parquet", b"PAR1", "; say parquet:"),
        ("a.jpg", b"\xff\xd8", "; name the folder that holds a folder for each class"),
    ],
)
def test_a_file_in_the_place_of_a_folder_says_what_to_do(tmp_path, name, data, told):
    (tmp_path / name).write_bytes(data)
    with pytest.raises(DataError, match=re.escape(told)):
        resolve(f"folder:{tmp_path / name}")
    if "archive" in told and not name.endswith("7z"):
        with pytest.raises(DataError, match=re.escape(told)):
            resolve(tmp_path / name)
