"""A PNG's checksums, of which its decoders look at some only."""

import struct
import zlib

from kerastransfer.errors import DataError
from kerastransfer.foundation.quoting import quoted

_START = 8  # bytes of the signature
_HEAD, _CRC = struct.Struct(">I4s"), struct.Struct(">I")


def check(data: bytes) -> None:
    """Hold every chunk of a PNG against its checksum.

    Pillow computes none of the pixels' chunks, and stops at the last row, before
    zlib's own would be seen.

    Raises
    ------
    DataError
        If one is another, or the file ends within a chunk.
    """
    place = _START
    while place < len(data):
        room = len(data) - place - _HEAD.size - _CRC.size
        length, kind = _HEAD.unpack_from(data, place) if room >= 0 else (0, b"")
        if length > room:
            raise DataError("the PNG data cannot be decoded: it ends within a chunk")
        end = place + _HEAD.size + length
        actual = zlib.crc32(memoryview(data)[place + 4 : end])
        if _CRC.unpack_from(data, end)[0] != actual:
            name = kind.decode("latin-1")
            raise DataError(
                "the PNG data cannot be decoded: the checksum of its "
                f"{quoted(name)} chunk at byte {place:,} is another"
            )
        if kind == b"IEND":
            return
        place = end + _CRC.size
