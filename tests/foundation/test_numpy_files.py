import io
import pickle
import struct
import zipfile

import numpy as np
import pytest

from kerastransfer.errors import DataError, MissingError
from kerastransfer.foundation import numpy_files
from kerastransfer.foundation.numpy_files import RowBlocks, write_npz


def read(path):
    return numpy_files.read_npz(path, kind="a file of features", cure="make it")


ROWS = np.arange(12, dtype=np.float32).reshape(4, 3)


def test_what_was_written_is_read(tmp_path):
    path = tmp_path / "a.npz"
    texts = np.array(["é/1.png", "b"])
    write_npz(path, {"rows": ROWS, "texts": texts, "one": np.array(7), "no": ROWS[:0]})
    held = read(path)
    np.testing.assert_array_equal(held["rows"], ROWS)
    np.testing.assert_array_equal(held["texts"], texts)
    assert held["one"][()] == 7
    assert held["no"].shape == (0, 3)
    assert isinstance(held["rows"], np.memmap)
    with pytest.raises(ValueError, match="read-only"):
        held["rows"][0] = 1


def test_numpy_reads_ours_and_we_read_numpys(tmp_path):
    write_npz(
        tmp_path / "a.npz",
        {"rows": RowBlocks((4, 3), [ROWS[:1], ROWS[1:]])},
    )
    with np.load(tmp_path / "a.npz", allow_pickle=False) as theirs:
        np.testing.assert_array_equal(theirs["rows"], ROWS)
    np.savez(tmp_path / "b.npz", rows=np.asfortranarray(ROWS))
    np.testing.assert_array_equal(read(tmp_path / "b.npz")["rows"], ROWS)


@pytest.mark.parametrize("blocks", [[ROWS[:2]], [ROWS, ROWS]])
def test_blocks_of_another_number_leave_no_file(tmp_path, blocks):
    with pytest.raises(DataError, match="Expected 4 rows of features, got"):
        write_npz(tmp_path / "a.npz", {"rows": RowBlocks((4, 3), blocks)})
    assert not list(tmp_path.iterdir())


def test_blocks_of_another_width(tmp_path):
    with pytest.raises(DataError, match="rows of 2 features, got"):
        write_npz(tmp_path / "a.npz", {"rows": RowBlocks((4, 2), [ROWS])})


def test_no_file(tmp_path):
    with pytest.raises(MissingError, match="Expected a file of features"):
        read(tmp_path / "a.npz")


@pytest.mark.parametrize("content", [None, b"no zip"])
def test_the_cure_is_the_callers(tmp_path, content):
    path = tmp_path / "a.npz"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises((DataError, MissingError), match=r"; turn it off and on\.$"):
        numpy_files.read_npz(path, kind="a file", cure="turn it off and on")


def test_an_array_alone_is_read(tmp_path):
    path = tmp_path / "a.npy"
    for array in (ROWS, np.asfortranarray(ROWS), ROWS.astype(">i2"), np.array(7)):
        np.save(path, array)
        np.testing.assert_array_equal(numpy_files.read_npy(path, 1000), array)


def test_an_array_alone_that_is_none_is_refused(tmp_path):
    path = tmp_path / "a.npy"
    np.save(path, ROWS)
    with pytest.raises(numpy_files.ArrayDamageError, match="more than 47 bytes"):
        numpy_files.read_npy(path, 47)
    whole = path.read_bytes()
    contents = [whole[:length] for length in range(len(whole))]
    contents += [whole + b"x", npy(HUGE), npy(OBJECT), npy(NEGATIVE), npy("print(1)")]
    for content in contents:
        path.write_bytes(content)
        with pytest.raises(numpy_files.ArrayDamageError):
            numpy_files.read_npy(path, 1 << 40)


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
        read(path)
    assert not capsys.readouterr().out


def test_a_file_cut_anywhere(tmp_path):
    path = tmp_path / "a.npz"
    write_npz(path, {"rows": ROWS, "one": np.array(7)})
    whole = path.read_bytes()
    for length in range(0, len(whole), 7):
        path.write_bytes(whole[:length])
        with pytest.raises(DataError, match="Expected an archive"):
            read(path)


def test_too_many_arrays(tmp_path):
    arrays = {f"a{i}": np.array(i) for i in range(65)}
    write_npz(tmp_path / "a.npz", arrays)
    with pytest.raises(DataError, match="65 arrays, more than 64"):
        read(tmp_path / "a.npz")


@pytest.mark.parametrize("bit", [0, 5])
def test_no_flipped_bit_changes_or_hides_an_array(tmp_path, bit):
    path = tmp_path / "a.npz"
    write_npz(path, {"rows": ROWS, "texts": np.array(["é/1.png", "b"])})
    sound, data = {k: v.tolist() for k, v in read(path).items()}, path.read_bytes()
    refused = 0
    for at in range(len(data)):
        changed = bytearray(data)
        changed[at] ^= 1 << bit
        path.write_bytes(changed)
        try:
            assert {k: v.tolist() for k, v in read(path).items()} == sound, at
        except DataError:
            refused += 1
    assert refused > len(data) / 2
