import pytest
from helpers.reading import read

from kerastransfer.datasets.table import resolve
from kerastransfer.errors import DataError, InputError, MissingError


@pytest.fixture
def folder(tmp_path):
    (tmp_path / "in").mkdir()
    for name in "abcd":
        (tmp_path / "in" / f"{name}.jpg").write_bytes(name.encode())
    (tmp_path / "out.jpg").write_bytes(b"out")
    return tmp_path / "in"


def listing(folder, text):
    file = folder / "list.csv"
    file.write_bytes(text if isinstance(text, bytes) else text.encode())
    return resolve(f"csv:{file}").listing()


def test_lists_rows_with_split_and_group(folder):
    text = (
        "\ufeffPath,label,group,split\r\n"
        "b.jpg,dog,reef 1,TEST\r\n\r\n"
        f'{folder}/a.jpg,"cat, wild",,\r\n'
        f"../out.jpg,dog,,dev\r\n"
    )
    found = listing(folder, text)
    assert found.classes == ("cat, wild", "dog")
    assert [tuple(item)[:4] for item in found.items] == [
        (f"{folder.parent}/out.jpg", 1, "val", None),
        ("a.jpg", 0, None, None),  # absolute, but within the CSV's folder
        ("b.jpg", 1, "test", "reef 1"),
    ]


def test_reads_relative_and_absolute_paths(folder):
    dataset = resolve(f"csv:{folder}/list.csv")
    assert read(dataset, "a.jpg") == b"a"
    assert read(dataset, f"{folder.parent}/out.jpg") == b"out"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "line 1: expected a header 'path,label"),
        ("path,u,v\n", "line 1: column 'label' is missing from the header, which"),
        ("path,label,label\n", "line 1: a column stands twice"),
        ("path,label\na.jpg,x\nnone.jpg,y\n", "line 3: file 'none.jpg' is not there"),
        ("path,label\na.jpg,\n", "line 2: the label is empty"),
        ("path,label\n,x\n", "line 2: the path is empty"),
        ("path,label\na.jpg,x,y\n", "line 2: expected 2 columns, got 3"),
        (
            "path,label,split\na.jpg,x,exam\n",
            "line 2: expected split train, val or test, got 'exam'",
        ),
        ("path,label\na.jpg,x\n./a.jpg,y\n", "line 3: path './a.jpg' stands twice"),
        ('path,label\n"a.jpg,x\n', "line 2: unexpected end of data"),
        (b"path,label\na.jpg,\x81\n", "line 2: expected UTF-8 text"),
        ("path,label\na.jpg,x\nb.jpg,x\n", "at least two classes .* one"),
        ("path,label\n", "at least two classes .* found none"),
    ],
)
def test_says_which_line_is_wrong(folder, text, message):
    with pytest.raises(DataError, match=message) as error:
        listing(folder, text)
    assert "\n" not in str(error.value) and "list.csv" in str(error.value)


def test_a_missing_file_is_named(tmp_path):
    with pytest.raises(MissingError, match=r"'.*none.csv' is not there"):
        resolve(f"csv:{tmp_path}/none.csv").listing()
    with pytest.raises(InputError, match="Expected a file after 'csv:'"):
        resolve("csv:")


def test_the_fingerprint_follows_the_rows_and_the_files(folder):
    rows = "path,label\na.jpg,x\nb.jpg,y\n"
    first = listing(folder, rows).fingerprint
    assert listing(folder, rows).fingerprint == first
    second = listing(folder, rows + "c.jpg,y\n").fingerprint
    (folder / "b.jpg").write_bytes(b"other")
    assert len({first, second, listing(folder, rows).fingerprint}) == 3
