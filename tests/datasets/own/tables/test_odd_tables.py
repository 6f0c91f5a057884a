"""Tables as Excel, pandas and labelling tools write them, against what was meant."""

import datetime
import io
import sys
import zipfile

import numpy as np
import openpyxl
import pandas as pd
import pytest
from helpers.reading import read

import kerastransfer as kt
from kerastransfer.datasets.own.tables import text, workbook
from kerastransfer.datasets.table import resolve
from kerastransfer.errors import DataError, InputError, MissingError

LABELS = ["Käfer", "Biene", "Ameise"] * 4
PATHS = [f"images/k{i:02d}.jpg" for i in range(12)]
ROWS = list(zip(PATHS, LABELS, strict=True))
BEETLE, WASP = "\u0436\u0443\u043a", "\u043e\u0441\u0430"  # in Russian


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """Twelve images in a folder that is not the working directory."""
    (tmp_path / "set" / "images").mkdir(parents=True)
    (tmp_path / "elsewhere").mkdir()
    for path in PATHS:
        (tmp_path / "set" / path).write_bytes(path.encode())
    monkeypatch.chdir(tmp_path / "elsewhere")
    return tmp_path / "set"


def written(folder, content, encoding="utf-8", name="list.csv"):
    (folder / name).parent.mkdir(parents=True, exist_ok=True)
    (folder / name).write_bytes(content.encode(encoding))
    return folder / name


def lines(*header, mark=",", rows=None):
    rows = ROWS if rows is None else rows
    return "".join(f"{mark.join(map(str, row))}\r\n" for row in (header, *rows) if row)


def check(dataset):
    """Every path has the label that was meant."""
    listing = dataset.listing()
    assert {item.path: listing.classes[item.label] for item in listing.items} == dict(
        ROWS
    )
    for path in PATHS:
        assert read(dataset, path) == path.encode()


WINDOWS = [(path.replace("/", "\\"), label) for path, label in ROWS]
ODD = {
    "semicolons": (lines("path", "label", mark=";"), "utf-8"),
    "tabs": (lines("path", "label", mark="\t"), "utf-8"),
    "bars": (lines("path", "label", mark="|"), "utf-8"),
    "sep": ("sep=;\r\n" + lines("path", "label", mark=";"), "utf-8-sig"),
    "utf16": (lines("path", "label", mark="\t"), "utf-16"),
    "utf16be": ("\ufeff" + lines("path", "label"), "utf-16-be"),
    "utf16 without a mark": (lines("path", "label"), "utf-16-le"),
    "utf32": (lines("path", "label"), "utf-32"),
    "windows": (lines("path", "label", mark=";"), "cp1252"),
    "backslashes": (lines("path", "label", rows=WINDOWS), "utf-8"),
    "empty columns": (lines("path", "label", "", "", rows=None), "utf-8"),
    "no header": (lines(), "utf-8"),
    "no header, semicolons": (lines(mark=";"), "utf-8"),
    "a list as Caffe has it": (lines(mark=" "), "utf-8"),
    "old Macintosh": (lines("path", "label").replace("\r\n", "\r"), "utf-8"),
    "other names": (lines("Image Path", "Species"), "utf-8"),
    "unknown names": (lines("Bild", "Sorte"), "utf-8"),
}
ODD["empty columns"] = (
    lines("path", "label", "", "", rows=[(*r, "", "") for r in ROWS]),
    "utf-8",
)


@pytest.mark.parametrize("kind", ODD)
def test_it_is_read_as_it_was_meant(folder, kind):
    check(resolve(written(folder, *ODD[kind])))


def test_a_row_that_is_short_of_empty_cells_still_counts(folder):
    rows = [(*row, "", "") for row in ROWS]
    table = lines("path", "label", rows=rows)
    check(resolve(written(folder, table)))


@pytest.mark.parametrize(
    ("kind", "said"),
    [
        ("semicolons", "told apart by semicolon"),
        ("utf16", "it is UTF-16"),
        ("windows", "line 2 is no UTF-8, so it is read as Windows-1252, such as 'Käf"),
        ("no header", "it has no header; path is taken from column '1'; label"),
        ("other names", "path is taken from column 'Image Path'; label is taken from"),
    ],
)
def test_what_was_guessed_is_said(folder, kind, said, capsys):
    resolve(written(folder, *ODD[kind])).listing()
    assert said in capsys.readouterr().err


def test_a_plain_table_is_read_without_a_word_and_has_its_old_fingerprint(
    folder, capsys
):
    """Of one row, by hand: the bytes of the file, then path, size and time of each."""
    import hashlib

    file = written(folder, "path,label\nimages/k00.jpg,a\nimages/k01.jpg,b\n")
    listing = resolve(file).listing()
    digest = hashlib.sha256(file.read_bytes())
    for path in PATHS[:2]:
        status = (folder / path).stat()
        digest.update(f"{path}\t{status.st_size}\t{status.st_mtime_ns}\n".encode())
    assert listing.fingerprint == digest.hexdigest()
    assert capsys.readouterr().err == ""


def test_columns_that_are_not_used_are_named(folder, capsys):
    rows = [(p, 20, label, "") for p, label in ROWS]
    check(resolve(written(folder, lines("path", "width", "label", "note", rows=rows))))
    assert "not used: 'width', 'note'" in capsys.readouterr().err


def test_columns_may_be_named(folder, tmp_path):
    rows = [(f"k{i}", p, LABELS[i], "a" if i % 2 else "b") for i, p in enumerate(PATHS)]
    file = written(folder, lines("name", "img", "Class ID", "class", rows=rows))
    options = {"path_column": "IMG", "label_column": "class id", "group_column": "name"}
    dataset = resolve(file, options=options)
    check(dataset)
    assert [item.group for item in dataset.listing().items][:2] == ["k0", "k1"]
    with pytest.raises(InputError, match="'name', 'img', 'Class ID', 'class', got 'x'"):
        resolve(file, options={"label_column": "x"}).listing()


@pytest.mark.parametrize(
    ("header", "row", "message"),
    [
        (
            ("filename", "image_path", "label"),
            ("k00.jpg", PATHS[0], "a"),
            "path may be 'filename' or 'image_path'; say which with 'convert",
        ),
        (
            ("path", "class", "species"),
            (PATHS[0], "a", "b"),
            "label may be 'class' or 'species'; say which with 'convert --label-column",
        ),
        (("path", "a", "b"), (PATHS[0], "x", "y"), "the header, which is 'path', 'a'"),
        (("path", "A", "B"), (PATHS[0], 1, 1), "A, B: a row may mark only one"),
        (
            ("path", "label", "Usage"),
            (PATHS[0], "a", "Training\r\nimages/k01.jpg,b,PublicTest"),
            "line 3: expected split .* got 'PublicTest'; 'convert --splits",
        ),
    ],
)
def test_where_several_may_be_meant_it_is_asked_for(folder, header, row, message):
    with pytest.raises(DataError, match=message) as error:
        resolve(written(folder, lines(*header, rows=[row]))).listing()
    assert "\n" not in str(error.value)


@pytest.mark.parametrize("words", [("1", "0"), ("1.0", "0.0"), ("True", "False")])
def test_one_hot_columns_are_the_classes(folder, words):
    kinds = ("Ameise", "Biene", "Käfer")
    rows = [
        (path, *(words[0] if kind == label else words[1] for kind in kinds))
        for path, label in ROWS
    ]
    check(resolve(written(folder, lines("image", *kinds, rows=rows))))
    rows = [(*row, i % 2) for i, row in enumerate(rows)]
    file = written(folder, lines("image", *kinds, "male", rows=rows))
    with pytest.raises(DataError, match="Käfer, male: a row may mark only one"):
        resolve(file).listing()
    check(resolve(file, options={"label_column": "Ameise, Biene, Käfer"}))


def test_a_row_of_several_classes_is_named(folder):
    rows = [(PATHS[0], 1, 0), (PATHS[1], 1, 1)]
    file = written(folder, lines("path", "a", "b", rows=rows))
    with pytest.raises(DataError, match=r"line 3: expected a 1 .* got 'a', 'b'"):
        resolve(file, options={"label_column": "a,b"}).listing()


def test_the_split_column_is_found_and_its_words_understood(folder):
    words = ["Training", "TEST", "val2017", ""] * 3
    rows = list(zip(PATHS, LABELS, words, strict=True))
    for name in ("split", "Subset", "any"):
        given = rows if name != "any" else [r for r in rows if r[2]]
        file = written(folder, lines("path", "label", name, rows=given))
        splits = {item.path: item.split for item in resolve(file).listing().items}
        meaning = {"Training": "train", "TEST": "test", "val2017": "val", "": None}
        assert splits == {path: meaning[word] for path, _, word in given}


def test_the_users_own_words_for_splits(folder):
    words = ["Training", "PublicTest", "PrivateTest", "spare"] * 3
    rows = zip(PATHS, LABELS, words, strict=True)
    file = written(folder, lines("path", "label", "Usage", rows=rows))
    choice = "train=Training,val=PublicTest,test=PrivateTest"
    listing = resolve(file, options={"splits": choice}).listing()
    splits = {item.path: item.split for item in listing.items}
    meaning = {"Training": "train", "PublicTest": "val", "PrivateTest": "test"}
    assert splits == {
        p: meaning[w] for p, w in zip(PATHS, words, strict=True) if w in meaning
    }
    assert listing.ignored == {"rows of splits that --splits does not name": 3}


def test_paths_may_start_from_the_working_directory(folder, monkeypatch, capsys):
    file = written(folder, lines("path", "label"), name="lists/deep/list.csv")
    with pytest.raises(DataError, match="is not there") as error:
        resolve(file).listing()
    for looked in (file.parent, folder.parent / "elsewhere"):
        assert repr(str(looked)) in str(error.value)
    assert "--image-folder DIR" in str(error.value)
    check(resolve(file, options={"image_folder": str(folder)}))
    monkeypatch.chdir(folder)
    check(resolve(file))
    assert (
        f"start from the working directory {str(folder)!r}" in capsys.readouterr().err
    )


def test_an_ending_that_all_paths_lack_is_added(folder, capsys):
    rows = [(path[:-4], label) for path, label in ROWS]
    check(resolve(written(folder, lines("image_id", "breed", rows=rows))))
    assert "'.jpg' is added to each path" in capsys.readouterr().err


def test_addresses_are_no_files(folder):
    file = written(
        folder, lines("path", "label", rows=[("https://x.example/a.jpg", 1)])
    )
    with pytest.raises(DataError, match="is an address, expected a file; download it"):
        resolve(file).listing()


def test_a_path_that_no_file_can_have_is_not_there(folder):
    rows = [(PATHS[0], "a"), ("x" * 5000 + ".jpg", "b")]
    with pytest.raises(DataError, match="line 3: file 'xxx"):
        resolve(written(folder, lines("path", "label", rows=rows))).listing()


def test_an_encoding_may_be_named(folder):
    rows = [(PATHS[0], BEETLE), (PATHS[1], WASP)]
    file = written(folder, lines("path", "label", rows=rows), "cp1251")
    listing = resolve(file, options={"encoding": "cp1251"}).listing()
    assert listing.classes == (BEETLE, WASP)
    for name in ("klingon", "base64", "rot13"):
        with pytest.raises(InputError, match="Expected --encoding to name one"):
            resolve(file, options={"encoding": name}).listing()
    with pytest.raises(DataError, match="line 2: expected ASCII text"):
        resolve(file, options={"encoding": "ascii"}).listing()


@pytest.mark.parametrize(
    ("encoding", "note"),
    [
        ("utf-8", ""),
        ("utf-8-sig", ""),
        ("utf-16", "it is UTF-16"),
        ("cp1252", "line 1"),
    ],
)
def test_text_is_that_of_pythons_codec(encoding, note):
    wanted = "Größe;Ähre\n" * 3
    decoded = text.decode(wanted.encode(encoding), "'x'")
    assert decoded.text == wanted and decoded.note.startswith(note)


def sheet(folder, rows, name="list.xlsx", more=()):
    book = openpyxl.Workbook()
    book.active.title = "photos"
    for row in rows:
        book.active.append(row)
    for title in more:
        book.create_sheet(title)
    book.save(folder / name)
    return folder / name


def test_an_excel_sheet_is_read(folder, capsys):
    rows = [
        ("path", "label", "taken"),
        *((*row, datetime.date(2024, 1, 2)) for row in ROWS),
    ]
    check(resolve(sheet(folder, rows, more=["notes"])))
    err = capsys.readouterr().err
    assert "sheet 'photos' is read, not 'notes'" in err and "not used: 'taken'" in err


def test_numbers_of_a_sheet_are_spelled_without_a_point(folder):
    rows = [("path", "label"), (PATHS[0], 1.0), (PATHS[1], 2), (PATHS[2], 2.5)]
    assert resolve(sheet(folder, rows)).listing().classes == ("1", "2", "2.5")


def test_a_row_of_a_sheet_is_named_as_excel_names_it(folder):
    rows = [("path", "label"), (), (PATHS[0], "a"), ("none.jpg", "b")]
    with pytest.raises(DataError, match=r"row 4: file 'none.jpg' is not there"):
        resolve(sheet(folder, rows)).listing()


def test_what_is_no_table_is_told(folder, monkeypatch):
    def message(name, data):
        (folder / name).write_bytes(data)
        with pytest.raises((DataError, MissingError)) as error:
            resolve(f"csv:{folder / name}").listing()
        assert "\n" not in str(error.value)
        return str(error.value)

    whole = sheet(folder, [("path", "label"), (PATHS[0], "a")]).read_bytes()
    assert "no workbook that can be read" in message("x.xlsx", damaged(whole))
    assert "a damaged zip file" in message("x.xlsx", whole[:200])
    assert "old Excel workbook" in message("x.xls", b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1")
    plain = io.BytesIO()
    with zipfile.ZipFile(plain, "w") as archive:
        archive.writestr("list.csv", "path,label\n")
    assert "it is a zip file; unpack it" in message("x.zip", plain.getvalue())
    monkeypatch.setattr(workbook, "_MOST_BYTES", 100)
    assert "at most 100 bytes" in message("x.xlsx", whole)
    with pytest.raises(DataError, match="is a folder; name the table in it"):
        resolve(f"csv:{folder}").listing()


def damaged(data):
    out = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(data)) as old, zipfile.ZipFile(out, "w") as new:
        for name in old.namelist():
            new.writestr(name, b"<" if name.startswith("xl/work") else old.read(name))
    return out.getvalue()


def test_a_frame_of_other_columns_is_read_as_the_same_csv_file_is(folder, monkeypatch):
    monkeypatch.chdir(folder)
    frame = pd.DataFrame({"filename": PATHS, "species": LABELS, "size": 3})
    check(resolve(frame))
    kinds = ("Ameise", "Biene", "Käfer")
    marks = {kind: [int(kind == label) for label in LABELS] for kind in kinds}
    check(resolve(pd.DataFrame({"image": PATHS, **marks})))
    named = pd.DataFrame({"path": PATHS, "label": "x", "kind": LABELS})
    check(resolve(named, options={"label_column": "kind"}))
    assert len(resolve(frame).listing().items) == 12
    with pytest.raises(InputError, match="--encoding does not go with 'a data frame'"):
        resolve(frame, options={"encoding": "utf-8"})


def test_columns_that_were_named_once_are_known_to_whoever_reads_on(tmp_path):
    from PIL import Image

    for i in range(40):
        pixels = np.full((6, 6, 3), 6 * i, np.uint8)
        Image.fromarray(pixels).save(tmp_path / f"{i:02d}.png")
    rows = [(f"{i:02d}.png", "xy"[i % 3 % 2], "ab"[i % 2]) for i in range(40)]
    file = written(tmp_path, lines("path", "class", "species", rows=rows))
    out = tmp_path / "records"
    with pytest.raises(DataError, match="label may be 'class' or 'species'"):
        kt.load(file, records=out)
    made = kt.load(file, records=out, label_column="species")
    assert made.classes == ("a", "b") and made.metadata["label_column"] == "species"
    again = kt.load(file, records=out)
    assert again.content_hash == made.content_hash
    assert again.dataset.options["label_column"] == "species"
    with pytest.raises(DataError, match=r"plan \(label_column 'species' instead"):
        kt.load(file, records=out, label_column="class")


def test_a_reader_that_is_not_installed_is_named(folder, monkeypatch):
    file = sheet(folder, [("path", "label"), (PATHS[0], "a")])
    monkeypatch.setitem(sys.modules, "openpyxl", None)
    with pytest.raises(MissingError, match=r"pip install kerastransfer\[excel\]"):
        resolve(file).listing()


@pytest.mark.parametrize(
    ("data", "told"),
    [
        (b"\xff\xd8\xff\xe0\0\x10JFIF\0\1\1", "got bytes b'\\xff\\xd8\\xff\\xe0"),
        (b"\n<!DOCTYPE html><html>", "got a web page"),
        (b"version https://git-lfs.github.com/spec/v1\n", "a pointer of Git LFS"),
        (b'{"a": 1}', "got JSON"),
    ],
)
def test_bytes_of_something_else_are_told(folder, data, told):
    (folder / "list.csv").write_bytes(data)
    with pytest.raises(DataError) as error:
        resolve(folder / "list.csv").listing()
    assert told in str(error.value)


def test_a_class_column_that_no_row_marks_is_named(folder, capsys):
    rows = [(path, i % 2, 1 - i % 2, 0) for i, path in enumerate(PATHS)]
    file = written(folder, lines("image", "a", "b", "UNK", rows=rows))
    assert resolve(file).listing().classes == ("a", "b")
    assert "is 1 (no row marks 'UNK')" in capsys.readouterr().err


def test_paths_of_another_machine_say_how_to_go_on(folder):
    rows = [("E:\\photos\\k00.jpg", "a")]
    with pytest.raises(DataError, match="is not there; if they are elsewhere now, cut"):
        resolve(written(folder, lines("path", "label", rows=rows))).listing()


def test_a_mark_that_stands_twice_is_no_part_of_a_name(folder, capsys):
    check(resolve(written(folder, "\ufeff\ufeff" + lines("path", "label"))))
    assert capsys.readouterr().err == ""
