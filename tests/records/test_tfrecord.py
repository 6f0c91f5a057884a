"""TFRecord files against TensorFlow; every bit of them counts."""

import os

import numpy as np
import pytest
import tensorflow as tf

from kerastransfer.errors import DataError
from kerastransfer.records import tfrecord


@pytest.fixture
def written(tmp_path):
    """A file of TensorFlow's own, and the records in it."""
    rng = np.random.default_rng(0)
    records = [rng.bytes(size) for size in (0, 1, 7, 300, 20)]
    path = tmp_path / "x.tfrecord"
    with tf.io.TFRecordWriter(str(path)) as writer:
        for record in records:
            writer.write(record)
    return path, records


def read_all(path):
    file = os.open(path, os.O_RDONLY)
    try:
        spans = tfrecord.index(file, path)
        return [
            tfrecord.read(file, path, number, *span)
            for number, span in enumerate(spans.tolist())
        ]
    finally:
        os.close(file)


def test_what_tensorflow_wrote_is_read(written):
    path, records = written
    assert read_all(path) == records


def test_no_bit_that_flips_goes_unnoticed(written):
    path, _ = written
    content = path.read_bytes()
    for bit in range(8 * len(content)):
        flipped = bytearray(content)
        flipped[bit // 8] ^= 1 << (bit % 8)
        path.write_bytes(flipped)
        with pytest.raises(DataError, match=r"Record \d.* of '.*x.tfrecord'"):
            read_all(path)


def test_a_file_that_was_cut_or_grew_is_noticed(written):
    path, _ = written
    content = path.read_bytes()
    whole = {0, 16, 33, 56, 372, len(content)}  # the ends of records
    for length in range(len(content)):
        path.write_bytes(content[:length])
        if length in whole:
            assert len(read_all(path)) == sorted(whole).index(length)
        else:
            with pytest.raises(DataError, match="ends within record"):
                read_all(path)
    path.write_bytes(content + b"\0")
    with pytest.raises(DataError, match="ends within record 5"):
        read_all(path)


def test_the_damaged_record_is_named(written):
    path, records = written
    content = bytearray(path.read_bytes())
    content[56 + 12 + 100] ^= 1
    path.write_bytes(content)
    with pytest.raises(DataError, match=r"Record 3 of .* its checksum is another"):
        read_all(path)
    assert len(records[3]) == 300


def survey(path):
    file = os.open(path, os.O_RDONLY)
    try:
        return list(tfrecord.survey(file))
    finally:
        os.close(file)


def test_a_survey_of_what_tensorflow_wrote_finds_nothing(written):
    path, records = written
    assert survey(path) == [""] * len(records)


@pytest.mark.parametrize("bit", range(8))
def test_a_survey_finds_the_one_record_in_which_a_bit_flipped(written, bit):
    """Be it in the data, in the length, or in one of the checksums."""
    path, records = written
    content = path.read_bytes()
    starts = np.cumsum([0, *(len(record) + 16 for record in records)])
    for at in range(len(content)):
        flipped = bytearray(content)
        flipped[at] ^= 1 << bit
        path.write_bytes(flipped)
        reasons = survey(path)
        expected = int(np.searchsorted(starts, at, side="right")) - 1
        damaged = [n for n, reason in enumerate(reasons) if reason]
        assert (len(reasons), damaged) == (len(records), [expected])


def test_a_survey_goes_on_behind_bytes_that_are_no_record(written):
    path, _ = written
    content = path.read_bytes()
    path.write_bytes(content[:33] + b"\xff" * 1000 + content[33:])
    reasons = survey(path)
    assert [bool(reason) for reason in reasons] == [False, False, True, *[False] * 3]
    path.write_bytes(content[:-3])
    assert [bool(reason) for reason in survey(path)] == [False] * 4 + [True]
    path.write_bytes(b"")
    assert survey(path) == []
