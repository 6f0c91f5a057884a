import io
import pickle
import struct
import zipfile

import numpy as np
import pytest

from kerastransfer.errors import DataError, MissingError
from kerastransfer.features import archive

ROWS = np.arange(12, dtype=np.float32).reshape(4, 3)


def test_what_was_written_is_read(tmp_path):
    path = tmp_path / "a.npz"
    texts = np.array(["é/1.png", "b"])
    archive.write(
        path, {"rows": ROWS, "texts": texts, "one": np.array(7), "no": ROWS[:0]}
    )
    held = archive.read(path)
    np.testing.assert_array_equal(held["rows"], ROWS)
    np.testing.assert_array_equal(held["texts"], texts)
    assert held["one"][()] == 7
    assert held["no"].shape == (0, 3)
    assert isinstance(held["rows"], np.memmap)
    with pytest.raises(ValueError, match="read-only"):
        held["rows"][0] = 1


def test_numpy_reads_ours_and_we_read_numpys(tmp_path):
    archive.write(
        tmp_path / "a.npz", {"rows": archive.Rows((4, 3), [ROWS[:1], ROWS[1:]])}
    )
    with np.load(tmp_path / "a.npz", allow_pickle=False) as theirs:
        np.testing.assert_array_equal(theirs["rows"], ROWS)
    np.savez(tmp_path / "b.npz", rows=np.asfortranarray(ROWS))
    np.testing.assert_array_equal(archive.read(tmp_path / "b.npz")["rows"], ROWS)


@pytest.mark.parametrize("blocks", [[ROWS[:2]], [ROWS, ROWS]])
def test_blocks_of_another_number_leave_no_file(tmp_path, blocks):
    with pytest.raises(DataError, match="Expected 4 rows of features, got"):
        archive.write(tmp_path / "a.npz", {"rows": archive.Rows((4, 3), blocks)})
    assert not list(tmp_path.iterdir())


def test_blocks_of_another_width(tmp_path):
    with pytest.raises(DataError, match="rows of 2 features, got"):
        archive.write(tmp_path / "a.npz", {"rows": archive.Rows((4, 2), [ROWS])})


def test_no_file(tmp_path):
    with pytest.raises(MissingError, match="Expected a file of features"):
        archive.read(tmp_path / "a.npz")


class Trap:
    def __reduce__(self):
        return (print, ("the trap was sprung",))


def forged(header, body=b"", method=zipfile.ZIP_STORED):
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", method) as made:
        made.writestr("rows.npy", header + body)
    return buffer.getvalue()


def npy(text, size=118):
    padded = text.encode().ljust(size - 1) + b"\n"
    return b"\x93NUMPY\x01\x00" + struct.pack("<H", len(padded)) + padded


HUGE = "{'descr': '<f4', 'fortran_order': False, 'shape': (4000000000, 4000000000), }"
OBJECT = "{'descr': '|O', 'fortran_order': False, 'shape': (1,), }"
SMALL = "{'descr': '<f4', 'fortran_order': False, 'shape': (2,), }"
NEGATIVE = "{'descr': '<f4', 'fortran_order': False, 'shape': (-1,), }"


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"no zip", "not a zip file"),
        (b"", "not a zip file"),
        (forged(b"no npy"), "got: "),
        (forged(npy(HUGE)), "not of the size that it states"),
        (forged(npy(SMALL), b"1234"), "not of the size that it states"),
        (forged(npy(NEGATIVE), b""), "got: "),
        (forged(npy(OBJECT), pickle.dumps([Trap()])), "holds object, not plain"),
        (forged(npy(SMALL), bytes(8), zipfile.ZIP_DEFLATED), "is compressed"),
    ],
)
def test_hostile_files(tmp_path, capsys, content, message):
    path = tmp_path / "a.npz"
    path.write_bytes(content)
    with pytest.raises(DataError, match=message):
        archive.read(path)
    assert not capsys.readouterr().out


def test_a_file_cut_anywhere(tmp_path):
    path = tmp_path / "a.npz"
    archive.write(path, {"rows": ROWS, "one": np.array(7)})
    whole = path.read_bytes()
    for length in range(0, len(whole), 7):
        path.write_bytes(whole[:length])
        with pytest.raises(DataError, match="Expected an archive"):
            archive.read(path)


def test_too_many_arrays(tmp_path):
    arrays = {f"a{i}": np.array(i) for i in range(65)}
    archive.write(tmp_path / "a.npz", arrays)
    with pytest.raises(DataError, match="65 arrays, more than 64"):
        archive.read(tmp_path / "a.npz")
