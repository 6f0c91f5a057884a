"""Rows on disk: what was written is read, what was damaged is found."""

import numpy as np
import pytest

from kerastransfer.features.row_file import RowFile

SHAPE = (10, 3, 2)


@pytest.fixture(params=["<f4", "<f2"])
def file(request, tmp_path):
    return RowFile(tmp_path / "train-view0", SHAPE, np.dtype(request.param))


def rows_of(positions):
    rows = np.arange(np.prod(SHAPE)).reshape(SHAPE)
    return rows[np.asarray(positions)].astype(np.float32)


def test_what_was_written_is_read_in_any_order(file):
    assert file.missing(np.arange(10)).tolist() == list(range(10))
    file.write(np.array([7, 2, 3]), rows_of([7, 2, 3]))
    assert file.missing(np.arange(10)).tolist() == [0, 1, 4, 5, 6, 8, 9]
    assert file.missing(np.array([3, 7])).tolist() == []
    np.testing.assert_array_equal(
        file.read(np.array([3, 7, 2, 3])), rows_of([3, 7, 2, 3])
    )


def test_zeros_are_not_taken_for_missing(file):
    file.write(np.array([4]), np.zeros((1, 3, 2), np.float32))
    assert file.missing(np.arange(10)).tolist() == [0, 1, 2, 3, 5, 6, 7, 8, 9]


def test_anyone_can_read_the_files(file, tmp_path):
    file.write(np.arange(10), rows_of(np.arange(10)))
    rows = np.load(tmp_path / "train-view0.rows.npy", mmap_mode="r")
    np.testing.assert_array_equal(rows, rows_of(np.arange(10)))


def test_what_was_not_written_takes_no_room(tmp_path):
    file = RowFile(tmp_path / "big", (1000, 10_000), np.dtype("<f4"))
    file.write(np.array([500]), np.ones((1, 10_000), np.float32))
    stat = (tmp_path / "big.rows.npy").stat()
    assert stat.st_size > 4e7
    assert 512 * stat.st_blocks < 2e5


@pytest.mark.parametrize("which", ["rows", "sums"])
def test_every_flipped_bit_is_found(file, tmp_path, which):
    file.write(np.arange(10), rows_of(np.arange(10)))
    path = tmp_path / f"train-view0.{which}.npy"
    whole = path.read_bytes()
    start = 128  # of the rows; the header is before
    size = (len(whole) - start) // 10
    rng = np.random.default_rng(0)
    for at in rng.integers(start, len(whole), 40):
        damaged = bytearray(whole)
        damaged[at] ^= 1 << int(rng.integers(8))
        path.write_bytes(damaged)
        assert file.missing(np.arange(10)).tolist() == [(at - start) // size]
    path.write_bytes(whole)
    assert file.missing(np.arange(10)).tolist() == []


@pytest.mark.parametrize("which", ["rows", "sums"])
@pytest.mark.parametrize("left", [0, 5, 100, 128, 150])
def test_a_file_cut_short_is_made_anew(file, tmp_path, which, left):
    file.write(np.arange(10), rows_of(np.arange(10)))
    path = tmp_path / f"train-view0.{which}.npy"
    path.write_bytes(path.read_bytes()[:left])
    assert file.missing(np.arange(10)).tolist() == list(range(10))
    file.write(np.array([1]), rows_of([1]))
    # Rows that are still there with their sums may count again; none is wrong.
    held = sorted({*range(10)} - {*file.missing(np.arange(10)).tolist()})
    assert held == [1]
    np.testing.assert_array_equal(file.read(np.array(held)), rows_of(held))


def test_a_row_without_its_checksum_does_not_count(file, tmp_path):
    """A process that dies between the two writes leaves such a row."""
    file.write(np.array([0]), rows_of([0]))
    sums = tmp_path / "train-view0.sums.npy"
    before = sums.read_bytes()
    file.write(np.array([5]), rows_of([5]))
    sums.write_bytes(before)
    assert 5 in file.missing(np.arange(10)) and 0 not in file.missing(np.arange(10))


def test_another_matrix_in_its_place_is_not_read(file, tmp_path):
    np.save(tmp_path / "train-view0.rows.npy", np.ones((10, 6)))
    np.save(tmp_path / "train-view0.sums.npy", np.zeros(10, np.uint64))
    assert len(file.missing(np.arange(10))) == 10
