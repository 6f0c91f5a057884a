"""What a folder's seal tells, and what it takes for damage."""

import hashlib
import shutil
import subprocess

import pytest

from kerastransfer.errors import DataError
from kerastransfer.foundation.formats import seal
from kerastransfer.foundation.report import KerasTransferWarning

NAMES = ("labels.txt", "part/numbers.bin")


@pytest.fixture
def folder(tmp_path):
    (tmp_path / "part").mkdir()
    (tmp_path / "labels.txt").write_text("ant\nbee\n")
    (tmp_path / "part" / "numbers.bin").write_bytes(bytes(range(256)))
    seal.write(tmp_path, NAMES, {"result.json": "{}\n"})
    (tmp_path / "result.json").write_text("{}\n")
    return tmp_path


def test_it_is_as_sha256sum_writes_it(folder):
    text = (folder / seal.FILE).read_text()
    digest = hashlib.sha256(b"ant\nbee\n").hexdigest()
    assert f"{digest}  labels.txt\n" in text
    if shutil.which("sha256sum") is None:
        pytest.skip("needs sha256sum")
    done = subprocess.run(
        ["sha256sum", "--check", "--strict", seal.FILE],
        cwd=folder,
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout.count(": OK") == 3


def test_files_as_they_were_are_taken(folder):
    (folder / "notes.txt").write_text("somebody's own")
    seal.check(folder, "cure", read=("images.json",))


def edit(folder):
    (folder / "labels.txt").write_text("bee\nant\n")


def flip(folder):
    path = folder / "part" / "numbers.bin"
    data = bytearray(path.read_bytes())
    data[100] ^= 1
    path.write_bytes(data)


def remove(folder):
    (folder / "part" / "numbers.bin").unlink()


def add(folder):
    (folder / "images.json").write_text("{}")


def forge(folder):
    (folder / "result.json").write_text('{"accuracy": 1}\n')


@pytest.mark.parametrize(
    ("change", "told"),
    [
        (edit, "labels.txt was changed"),
        (flip, "part/numbers.bin was changed"),
        (remove, "part/numbers.bin is gone"),
        (add, "images.json was added"),
        (forge, "result.json was changed"),
    ],
)
def test_a_change_is_told_by_name(folder, change, told):
    change(folder)
    with pytest.raises(DataError) as error:
        seal.check(folder, "bring it back", read=("images.json",))
    assert told in str(error.value)
    assert str(error.value).endswith("; bring it back.")
    assert "\n" not in str(error.value)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "no digest\n",
        f"{'0' * 64}  ../outside\n",
        f"{'0' * 64}  /etc/passwd\n",
        f"{'0' * 64}  C:\\file\n",
        f"{'0' * 64}  labels.txt\n{'1' * 64}  labels.txt\n",
        f"{'0' * 64}  labels.txt",  # cut short
        "\0" * 100,
    ],
)
def test_a_damaged_seal_is_told(folder, text):
    (folder / seal.FILE).write_text(text)
    with pytest.raises(DataError, match=f"{seal.FILE} is damaged"):
        seal.check(folder, "cure")


def test_a_seal_of_any_size_is_not_read(folder):
    with (folder / seal.FILE).open("wb") as file:
        file.truncate(1 << 40)
    with pytest.raises(DataError, match=f"{seal.FILE} is damaged"):
        seal.check(folder, "cure")


def test_no_bit_of_a_seal_flips_unnoticed(folder):
    content = (folder / seal.FILE).read_bytes()
    for bit in range(8 * len(content)):
        flipped = bytearray(content)
        flipped[bit // 8] ^= 1 << (bit % 8)
        (folder / seal.FILE).write_bytes(flipped)
        with pytest.raises(DataError):
            seal.check(folder, "cure")


def test_one_more_file_is_sealed_and_a_damaged_one_is_not_blessed(folder):
    flip(folder)
    (folder / "new.txt").write_text("new")
    seal.add(folder, "new.txt")
    assert seal.differences(folder) == ["part/numbers.bin was changed"]
    (folder / "new.txt").write_text("newer")
    seal.add(folder, "new.txt")
    remove(folder)
    seal.add(folder, "new.txt")
    assert seal.differences(folder) == []
    (folder / seal.FILE).unlink()
    seal.add(folder, "new.txt")
    assert (folder / seal.FILE).read_text().endswith("  new.txt\n")


def test_without_a_seal_it_is_said_that_nothing_is_known(folder):
    (folder / seal.FILE).unlink()
    with pytest.warns(KerasTransferWarning, match="is not known"):
        seal.check(folder, "cure")
