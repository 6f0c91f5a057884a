"""Zips whose table of contents and members say different things."""

import io
import struct
import zipfile
import zlib

import pytest

from kerastransfer.archives.opening import open_archive
from kerastransfer.errors import DataError

FILES = {"a/1.jpg": b"one" * 40, "a/ü.jpg": b"two" * 30, "b/3.txt": b"", "b/4": b"44"}
ENTRY, LOCAL, END = b"PK\x01\x02", b"PK\x03\x04", b"PK\x05\x06"


class Pipe(io.BytesIO):
    """What cannot be sought in, so that sizes stand behind each member."""

    def seekable(self):
        return False

    def seek(self, *_):
        raise io.UnsupportedOperation


def zip_of(files=FILES, kind=io.BytesIO, method=zipfile.ZIP_DEFLATED, **options):
    buffer = kind()
    with zipfile.ZipFile(buffer, "w", method) as archive:
        for name, data in files.items():
            info = zipfile.ZipInfo(name)
            info.compress_type = method
            with archive.open(info, "w", **options) as file:
                file.write(data)
    return buffer.getvalue()


def read(tmp_path, data):
    path = tmp_path / "set.zip"
    path.write_bytes(data)
    members = open_archive(path).members()
    return {member.name: member.content.read() for member in members}


def refusal(tmp_path, data):
    with pytest.raises(DataError) as error:
        read(tmp_path, data)
    text = str(error.value)
    assert "\n" not in text and "set.zip" in text
    return text


def patched(data, at, layout, value):
    changed = bytearray(data)
    struct.pack_into(layout, changed, at, value)
    return bytes(changed)


@pytest.mark.parametrize("method", [zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED])
@pytest.mark.parametrize("kind", [io.BytesIO, Pipe])
@pytest.mark.parametrize("large", [False, True])
def test_sound_zips_of_every_kind_are_read(tmp_path, method, kind, large):
    data = zip_of(FILES, kind, method, force_zip64=large)
    assert read(tmp_path, data) == FILES


def test_a_comment_and_zeros_behind_it_do_no_harm(tmp_path):
    buffer = io.BytesIO(zip_of())
    with zipfile.ZipFile(buffer, "a") as archive:
        archive.comment = b"made by hand"
    assert read(tmp_path, buffer.getvalue() + bytes(100)) == FILES


def test_many_members_are_counted_in_a_larger_record(tmp_path):
    names = [str(i) for i in range(1 << 16)]
    data = zip_of(dict.fromkeys(names, b""), method=zipfile.ZIP_STORED)
    assert b"PK\x06\x06" in data
    assert list(read(tmp_path, data)) == names


@pytest.mark.parametrize("kind", [io.BytesIO, Pipe])
@pytest.mark.parametrize("bit", [0, 3, 6, 7])
def test_no_flipped_bit_loses_or_renames_a_member(tmp_path, kind, bit):
    """Whichever byte it is in: the same is read, or it is refused."""
    data = zip_of(kind=kind)
    refused = 0
    for at in range(len(data)):
        changed = bytearray(data)
        changed[at] ^= 1 << bit
        try:
            assert read(tmp_path, bytes(changed)) == FILES, at
        except DataError:
            refused += 1
    assert refused > len(data) / 2


@pytest.mark.parametrize(
    ("offset", "layout", "value", "message"),
    [
        (8, "<H", 1, "is of another kind or size"),  # encrypted
        (10, "<H", 0, "is of another kind or size"),
        (16, "<I", 0, "is of another kind or size"),
        (20, "<I", 1, "is of another kind or size"),
        (24, "<I", 0, "is of another kind or size"),
        (42, "<I", 3, "begins with something"),
        (46, "<B", ord("c"), "'c/1.jpg' has another name in its own header"),
    ],
)
def test_a_table_that_says_something_else_is_refused(
    tmp_path, offset, layout, value, message
):
    data = zip_of()
    spoilt = patched(data, data.index(ENTRY) + offset, layout, value)
    assert message in refusal(tmp_path, spoilt)


def without_entry(data, count):
    """Take the first entry out of the table; its member stays where it is."""
    first, end = data.index(ENTRY), data.index(END)
    second = data.index(ENTRY, first + 1)
    spoilt = data[:first] + data[second:]
    end = spoilt.index(END)
    spoilt = patched(spoilt, end + 12, "<I", end - first)
    return patched(patched(spoilt, end + 8, "<H", count), end + 10, "<H", count)


def test_a_member_that_the_table_does_not_name_is_told(tmp_path):
    spoilt = without_entry(zip_of(), 3)
    with zipfile.ZipFile(io.BytesIO(spoilt)) as archive:
        assert len(archive.namelist()) == 3
    assert "does not name" in refusal(tmp_path, spoilt)


def test_a_zip_before_another_is_told(tmp_path):
    data = zip_of({"hidden.jpg": b"1"}) + zip_of()
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        assert len(archive.namelist()) == len(FILES)
    assert "its table does not name" in refusal(tmp_path, data)


def test_a_zip_within_the_comment_of_another_is_told(tmp_path):
    inner = zip_of({"other.jpg": b"1"})
    buffer = io.BytesIO(zip_of())
    with zipfile.ZipFile(buffer, "a") as archive:
        archive.comment = inner
    assert "its table does not name" in refusal(tmp_path, buffer.getvalue())


def test_another_count_than_the_table_holds_is_told(tmp_path):
    data = zip_of()
    spoilt = patched(data, data.index(END) + 10, "<H", 5)
    assert "states 5 members, and its table holds 4" in refusal(tmp_path, spoilt)


def test_what_stands_behind_the_end_is_told(tmp_path):
    assert "more behind its end" in refusal(tmp_path, zip_of() + b"more")


def test_a_name_that_stands_twice_is_told(tmp_path):
    buffer = io.BytesIO(zip_of())
    with zipfile.ZipFile(buffer, "a") as archive, pytest.warns(UserWarning):
        archive.writestr("a/1.jpg", b"another")
    assert "'a/1.jpg' stands twice" in refusal(tmp_path, buffer.getvalue())


def test_members_that_share_their_bytes_are_told(tmp_path):
    """As in a bomb that a table of few bytes makes of one member, many times."""
    data = zip_of({"a": b"1" * 50, "b": b"1" * 50}, method=zipfile.ZIP_STORED)
    second = data.index(ENTRY, data.index(ENTRY) + 1)
    spoilt = patched(data, second + 42, "<I", 0)
    renamed = patched(spoilt, spoilt.rindex(b"b"), "<B", ord("a"))
    assert "lie over each other" in refusal(tmp_path, renamed)


def test_a_name_that_ends_at_a_zero_is_told(tmp_path):
    data = zip_of({"a.jpg_exe": b"1"}).replace(b"a.jpg_exe", b"a.jpg\0exe")
    assert "is none" in refusal(tmp_path, data)


def test_sizes_behind_a_member_must_be_those_of_the_table(tmp_path):
    data = zip_of({"a": b"1" * 50}, Pipe, zipfile.ZIP_STORED)
    at = data.index(ENTRY)
    short = patched(patched(data, at + 20, "<I", 49), at + 24, "<I", 49)
    spoilt = patched(short, at + 16, "<I", zlib.crc32(b"1" * 49))
    with zipfile.ZipFile(io.BytesIO(spoilt)) as archive:
        assert archive.read("a") == b"1" * 49
    assert "another size than stands behind it" in refusal(tmp_path, spoilt)
