import unicodedata

import pytest

from kerastransfer.datasets.class_names import match
from kerastransfer.datasets.table import resolve
from kerastransfer.errors import DataError
from kerastransfer.foundation.report import KerasTransferWarning

NFC, NFD = (unicodedata.normalize(form, "Café") for form in ("NFC", "NFD"))
assert NFC != NFD


@pytest.mark.parametrize(
    ("train", "test", "classes"),
    [
        ([NFC, "b"], [NFD, "b"], [NFC, "b"]),
        ([NFD, "b"], [NFC, "b"], [NFC, "b"]),
        (["Cat", "b"], ["cat", "b"], ["Cat", "b"]),
        (["cat ", "b"], ["cat", "b"], ["cat", "b"]),
        (["1", "2"], ["1.0", "02"], ["1", "2"]),
        (["golden retriever", "b"], ["golden_retriever", "b"], None),
        (["\uff23at", "b"], ["cat", "b"], None),  # a wide C
        (["straße", "b"], ["STRASSE", "b"], None),
    ],
)
def test_names_match_across_splits_where_spelling_alone_differs(
    train, test, classes, tmp_path
):
    for split, names in (("train", train), ("test", test)):
        for name in names:
            (tmp_path / split / name).mkdir(parents=True)
            (tmp_path / split / name / "1.jpg").write_bytes(b"x")
    with pytest.warns(KerasTransferWarning, match="taken for one"):
        listing = resolve(f"folder:{tmp_path}").listing()
    assert list(listing.classes) == sorted(classes or train)
    by_split = {
        s: [i.label for i in listing.items if i.split == s] for s in ("train", "test")
    }
    assert sorted(by_split["train"]) == sorted(by_split["test"]) == [0, 1]


def test_classes_that_look_alike_in_one_place_are_told_and_kept_apart(tmp_path):
    for name in ("Cat", "cat", "1", "01", "dog"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "1.jpg").write_bytes(b"x")
    with pytest.warns(KerasTransferWarning) as told:
        listing = resolve(f"folder:{tmp_path}").listing()
    assert listing.classes == ("01", "1", "Cat", "cat", "dog")
    assert sorted(str(each.message).split(" look alike")[0] for each in told) == [
        "Classes '01' and '1'",
        "Classes 'Cat' and 'cat'",
    ]


def test_one_text_in_two_encodings_is_one_class(tmp_path):
    for name in (NFC, NFD, "dog"):
        (tmp_path / name).mkdir()
        (tmp_path / name / f"{len(name)}.jpg").write_bytes(b"x")
    with pytest.warns(KerasTransferWarning, match="taken for one"):
        listing = resolve(f"folder:{tmp_path}").listing()
    assert listing.classes == (NFC, "dog") and len(listing.items) == 3


def test_names_that_differ_stay_as_they_are():
    assert match({"train": ["a", "b"], "test": ["a", "b", "1", "10"]}) == ({}, [])
    # an odd blank alone is not mended: it is refused where names are checked
    assert match({"": ["cat ", "dog"]}).names == {}


def test_labels_of_a_table_match_too(tmp_path):
    for number in range(4):
        (tmp_path / f"{number}.jpg").write_bytes(b"x")
    table = tmp_path / "t.csv"

    def classes(*labels):
        rows = "\n".join(f"{i}.jpg,{label}" for i, label in enumerate(labels))
        table.write_text(f"path,label\n{rows}\n", encoding="utf-8")
        return resolve(f"csv:{table}").listing().classes

    with pytest.warns(KerasTransferWarning, match="'1.0' as '1'"):
        assert classes("1", "1.0", "2", "2.0") == ("1", "2")
    with pytest.warns(KerasTransferWarning, match="taken for one"):
        assert classes(NFC, NFD, "b", "b") == (NFC, "b")
    with pytest.warns(KerasTransferWarning, match="look alike"):
        assert classes("Cat", "cat", "b", "b") == ("Cat", "b", "cat")
    assert classes("1.0", "2.0", "1.0", "2.0") == ("1.0", "2.0")
    table.write_text(
        "path,label,split\n0.jpg,Cat,train\n1.jpg,b,train\n2.jpg,cat,test\n3.jpg,b,test"
    )
    with pytest.warns(KerasTransferWarning, match="'cat' in test as 'Cat'"):
        assert resolve(f"csv:{table}").listing().classes == ("Cat", "b")


def test_paths_of_a_table_match_files_whose_names_are_spelled_otherwise(tmp_path):
    (tmp_path / NFD).mkdir()
    (tmp_path / NFD / "IMG_1.JPG").write_bytes(b"x")
    (tmp_path / "b.jpg").write_bytes(b"x")
    table = tmp_path / "t.csv"
    table.write_text(f"path,label\n{NFC}/img_1.jpg,a\nb.jpg,b\n", encoding="utf-8")
    with pytest.warns(KerasTransferWarning, match=r"1 paths in .* spelled otherwise"):
        listing = resolve(f"csv:{table}").listing()
    assert [item.path for item in listing.items] == [f"{NFD}/IMG_1.JPG", "b.jpg"]
    (tmp_path / NFD / "img_1.JPG").write_bytes(b"x")
    with pytest.raises(DataError, match=r"line 2: file .* is not there"):
        resolve(f"csv:{table}").listing()
