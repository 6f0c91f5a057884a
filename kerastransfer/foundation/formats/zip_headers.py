"""A zip's table of contents, held against the members that stand before it.

A zip says everything twice: in the table at its end, which readers believe, and in a
header before each member. No checksum guards the table, so that a flipped bit renames a
member or loses it, and a made-up table shows one reader other files than the next. Here
both must agree, and no member may stand where the table names none.
"""

import os
import struct
import zipfile
from collections.abc import Iterator, Sequence
from typing import BinaryIO, NamedTuple

# APPNOTE 4.3.7: signature, flags, method, CRC-32, packed and unpacked bytes, lengths of
# name and extra field.
_LOCAL = struct.Struct("<4s2xHH4xIIIHH")
_SIGNATURE, _DESCRIPTOR = b"PK\x03\x04", b"PK\x07\x08"
# APPNOTE 4.3.16: entries of this disk and in all, length of the comment.
_END, _END_MARK = struct.Struct("<4s4xHH8xH"), b"PK\x05\x06"
# APPNOTE 4.3.14, which stands before the 20 bytes that say where it is.
_END64, _END64_MARK = struct.Struct("<4s20xQQ16x"), b"PK\x06\x06"
_LOCATOR = 20
_LONGEST_COMMENT = (1 << 16) - 1
_ENCRYPTED, _STREAMED, _UTF8 = 1 << 0, 1 << 3, 1 << 11  # bits of a member's flags
_ELSEWHERE = (1 << 32) - 1  # in the place of a size that stands in the extra field
_CHUNK = 1 << 20


class ZipDamageError(ValueError):
    """What is wrong with a zip; the caller knows its name."""


class _Local(NamedTuple):
    """A member's own header."""

    signature: bytes
    flags: int
    method: int
    crc: int
    packed: int
    size: int
    name_length: int
    extra_length: int


def checked(
    file: BinaryIO, infos: Sequence[zipfile.ZipInfo], start_of_table: int
) -> Iterator[zipfile.ZipInfo]:
    """Yield the members of a zip in the order of the file, each once it holds.

    Parameters
    ----------
    file : binary file
        The zip, open.
    infos : sequence of ZipInfo
        As the table of contents has them.
    start_of_table : int
        Where that begins, in bytes.

    Raises
    ------
    ZipDamageError
        If the table and the members do not agree.
    """
    _check_count(file, len(infos))
    names: set[str] = set()
    place = 0
    for info in sorted(infos, key=lambda info: info.header_offset):
        _check_gap(file, place, info.header_offset)
        place = _check_member(file, info)
        if info.filename in names:
            raise ZipDamageError(f"{info.filename[:200]!r} stands twice in it")
        names.add(info.filename)
        yield info
    _check_gap(file, place, start_of_table)


def _check_count(file: BinaryIO, count: int) -> None:
    """Hold the number of entries at the zip's end against those of its table."""
    size = file.seek(0, os.SEEK_END)
    start = max(size - _END.size - _LONGEST_COMMENT, 0)
    tail = _read(file, start, size - start)
    place = tail.rfind(_END_MARK)
    if place < 0 or place + _END.size > len(tail):
        raise ZipDamageError("its end is missing")
    _, here, total, comment = _END.unpack_from(tail, place)
    if tail[place + _END.size + comment :].strip(b"\0"):
        raise ZipDamageError("there is more behind its end")
    if place + _END.size + comment > len(tail):
        raise ZipDamageError("its comment ends early")
    before = place - _LOCATOR - _END64.size
    if before >= 0 and tail[before : before + 4] == _END64_MARK:
        _, here, total = _END64.unpack_from(tail, before)
    if not here == total == count:
        raise ZipDamageError(
            f"its end states {total:,} members, and its table holds {count:,}"
        )


def _check_member(file: BinaryIO, info: zipfile.ZipInfo) -> int:
    """Hold a member's own header against the table; return where it ends."""
    shown = repr(info.orig_filename[:200])
    utf8 = bool(info.flag_bits & _UTF8)
    name = info.orig_filename.encode("utf-8" if utf8 else "cp437")
    head = _read(file, info.header_offset, _LOCAL.size + len(name))
    if len(head) < _LOCAL.size + len(name):
        raise ZipDamageError("its end is missing")
    local = _Local(*_LOCAL.unpack_from(head))
    if local.signature != _SIGNATURE:
        raise ZipDamageError(f"{shown} is not where its table says")
    if "\0" in info.orig_filename:  # after which readers stop
        raise ZipDamageError(f"the name {shown} is none")
    if local.name_length != len(name) or head[_LOCAL.size :] != name:
        raise ZipDamageError(f"{shown} has another name in its own header")
    if _differing(local, info, _meaningful(name)):
        raise ZipDamageError(f"{shown} is of another kind or size in its own header")
    start = info.header_offset + _LOCAL.size + len(name) + local.extra_length
    stop = start + info.compress_size
    return stop + (_descriptor(file, stop, info) if local.flags & _STREAMED else 0)


def _meaningful(name: bytes) -> int:
    """Return the flags that must agree: an encoding's where it says something."""
    return _ENCRYPTED | _STREAMED | (0 if name.isascii() else _UTF8)


def _differing(local: _Local, info: zipfile.ZipInfo, flags: int) -> bool:
    if (local.flags ^ info.flag_bits) & flags or local.method != info.compress_type:
        return True
    if local.flags & _STREAMED:  # then the numbers stand behind the bytes
        return False
    return (
        local.crc != info.CRC
        or local.packed not in (info.compress_size, _ELSEWHERE)
        or local.size not in (info.file_size, _ELSEWHERE)
    )


def _descriptor(file: BinaryIO, place: int, info: zipfile.ZipInfo) -> int:
    """Return the bytes of what stands behind a member that was written as a stream.

    APPNOTE 4.3.9: CRC-32 and sizes, of four bytes or eight, with a mark or without.
    """
    there = _read(file, place, 24)
    numbers = (info.CRC, info.compress_size, info.file_size)
    for layout in ("<IQQ", "<III"):
        try:
            expected = struct.pack(layout, *numbers)
        except struct.error:  # too large for four bytes
            continue
        for data in (_DESCRIPTOR + expected, expected):
            if there.startswith(data):
                return len(data)
    raise ZipDamageError(
        f"{info.orig_filename[:200]!r} is of another size than stands behind it"
    )


def _check_gap(file: BinaryIO, start: int, stop: int) -> None:
    """Refuse members that overlap, and those that the table does not name."""
    if stop < start:
        raise ZipDamageError("its members lie over each other")
    if start == 0 < stop:
        raise ZipDamageError("it begins with something that its table does not name")
    while start < stop:
        data = _read(file, start, min(stop - start, _CHUNK))
        if _SIGNATURE in data or not data:
            raise ZipDamageError("it holds a member that its table does not name")
        # A mark may lie across two reads.
        start += len(data) if start + len(data) == stop else max(len(data) - 3, 1)


def _read(file: BinaryIO, offset: int, size: int) -> bytes:
    file.seek(offset)
    return file.read(size)
