"""Strips and tiles of a TIFF unpacked by libtiff, which bears damaged ones.

imagecodecs' own decoders of LZW and PackBits end the process over some; its others are
those of zlib, zstd and xz. Pillow hands a TIFF of bytes to libtiff whatever they mean,
and what comes of it goes on as deflate without compression.
"""

import io
import itertools
import struct
import zlib
from collections.abc import Iterator, Sequence
from typing import Any, Final, NamedTuple

from PIL import Image

from kerastransfer.errors import DataError

LZW, PACKBITS, DEFLATE = 5, 32773, 8  # kinds of compression
_SEPARATE = 2  # planar configuration
_GROUP = 1 << 26  # bytes that are unpacked at once
_LONG, _SHORT = 4, 3  # types of a tag's value
_HEADER: Final = struct.Struct("<2sHI")
_TAG: Final = struct.Struct("<HHII")


class Unpacked(NamedTuple):
    """A TIFF, and its strips or tiles once more, as deflate.

    Parameters
    ----------
    data : bytes
        The file, and the other strips or tiles behind its end.
    offsets, sizes : tuple of int
        Where each of those is, and its bytes.
    """

    data: bytes
    offsets: tuple[int, ...]
    sizes: tuple[int, ...]


def unpack(data: bytes, page: Any) -> Unpacked:
    """Turn a page's strips or tiles into deflate.

    Parameters
    ----------
    data : bytes
        The file.
    page : tifffile.TiffPage
        Of LZW or PackBits.

    Raises
    ------
    DataError
        If it is stored in a way that is not read.
    """
    sizes = list(_sizes(page))
    if page.fillorder != 1:
        raise DataError("its bits are stored in reverse")
    places = zip(sizes, page.dataoffsets, page.databytecounts, strict=False)
    segments = [data[start : start + size] for _, start, size in places]
    raw = memoryview(b"".join(_unpack(segments, sizes, page.compression)))
    lengths = [rows * row_bytes for rows, row_bytes in sizes]
    starts = itertools.accumulate(lengths, initial=0)
    stored = [
        zlib.compress(raw[start : start + length], level=0)
        for start, length in zip(starts, lengths, strict=False)
    ]
    counts = tuple(map(len, stored))
    offsets = tuple(itertools.accumulate(counts, initial=len(data)))[:-1]
    return Unpacked(b"".join([data, *stored]), offsets, counts)


def check(page: Any) -> None:
    """Refuse a page without all of its strips or tiles, which would be black.

    Raises
    ------
    DataError
        If some are not there.
    """
    planes = page.samplesperpixel if page.planarconfig == _SEPARATE else 1
    across = -(-page.imagewidth // page.tilewidth) if page.is_tiled else 1
    rows = page.tilelength if page.is_tiled else page.rowsperstrip
    expected = planes * across * -(-page.imagelength // max(1, rows))
    counts = page.databytecounts[: min(expected, len(page.dataoffsets))]
    held = sum(count > 0 for count in counts)
    if held < expected:
        raise DataError(
            f"image file is truncated: expected {expected:,} strips or tiles, got "
            f"{held:,}"
        )


def _sizes(page: Any) -> Iterator[tuple[int, int]]:
    """Yield each strip's or tile's rows, and the bytes of a row."""
    is_planar = page.planarconfig == _SEPARATE
    bands = 1 if is_planar else page.samplesperpixel
    planes = page.samplesperpixel if is_planar else 1
    width = page.tilewidth if page.is_tiled else page.imagewidth
    row_bytes = (width * bands * page.bitspersample + 7) // 8
    for _ in range(planes):
        if page.is_tiled:
            across = -(-page.imagewidth // page.tilewidth)
            down = -(-page.imagelength // page.tilelength)
            yield from ((page.tilelength, row_bytes) for _ in range(across * down))
        else:
            for top in range(0, page.imagelength, page.rowsperstrip):
                yield min(page.rowsperstrip, page.imagelength - top), row_bytes


def _unpack(
    segments: Sequence[bytes], sizes: Sequence[tuple[int, int]], compression: int
) -> Iterator[bytes]:
    """Unpack segments in groups of equal rows, but for the last of a group."""
    start = 0
    while start < len(segments):
        rows, row_bytes = sizes[start]
        stop, total = start, 0
        while stop < len(segments) and (stop == start or total < _GROUP):
            total += sizes[stop][0] * row_bytes
            stop += 1
            if sizes[stop - 1][0] != rows:  # a plane's last strip
                break
        height = sum(size[0] for size in sizes[start:stop])
        file = _as_bytes(segments[start:stop], compression, row_bytes, rows, height)
        with Image.open(io.BytesIO(file), formats=("TIFF",)) as image:
            yield image.tobytes()
        start = stop


def _as_bytes(
    segments: Sequence[bytes], compression: int, width: int, rows: int, height: int
) -> bytes:
    """Write a TIFF whose gray pixels are the bytes of some strips."""
    count = len(segments)
    tags = 9
    lists = _HEADER.size + 2 + tags * _TAG.size + 4
    offset = lists + 8 * count
    offsets = []
    for segment in segments:
        offsets.append(offset)
        offset += len(segment)
    counts = [len(segment) for segment in segments]
    both = struct.pack(f"<{2 * count}I", *offsets, *counts)
    where = (offsets[0], counts[0]) if count == 1 else (lists, lists + 4 * count)
    entries = [
        *((256, _LONG, 1, width), (257, _LONG, 1, height), (258, _SHORT, 1, 8)),
        *((259, _SHORT, 1, compression), (262, _SHORT, 1, 1)),
        *((273, _LONG, count, where[0]), (277, _SHORT, 1, 1)),
        *((278, _LONG, 1, rows), (279, _LONG, count, where[1])),
    ]
    head = _HEADER.pack(b"II", 42, _HEADER.size) + struct.pack("<H", tags)
    return b"".join(
        [head, *(_TAG.pack(*entry) for entry in entries), bytes(4), both, *segments]
    )
