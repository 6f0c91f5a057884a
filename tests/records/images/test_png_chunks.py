"""Damaged PNGs, which Pillow would take."""

import contextlib
import io

import numpy as np
import pytest
from PIL import Image

from kerastransfer.errors import DataError
from kerastransfer.records.images import png_chunks
from kerastransfer.records.write.stored_image import encode


def png(mode="RGB"):
    rng = np.random.default_rng(0)
    out = io.BytesIO()
    Image.fromarray(rng.integers(0, 256, (9, 9, 3), np.uint8)).convert(mode).save(
        out, "PNG"
    )
    return out.getvalue()


@pytest.mark.parametrize("mode", ["RGB", "RGBA", "L", "P"])
def test_no_flipped_bit_is_taken_for_another_image(mode):
    data = png(mode)
    sound = encode(data).data
    for at in range(8, len(data)):
        changed = bytearray(data)
        changed[at] ^= 1 << at % 8
        with contextlib.suppress(DataError):
            assert encode(bytes(changed)).data == sound


def test_a_flipped_bit_in_the_pixels_is_told():
    data = bytearray(png())
    data[data.index(b"IDAT") + 150] ^= 1
    with pytest.raises(DataError, match="the checksum of its 'IDAT' chunk at byte 33"):
        encode(bytes(data))


@pytest.mark.parametrize("lost", [1, 12, 13, 40])
def test_a_file_that_ends_within_a_chunk_is_refused(lost):
    data = png()
    if lost == 12:  # a whole chunk, the last one, which holds nothing
        png_chunks.check(data[:-lost])
        return
    with pytest.raises(DataError, match="it ends within a chunk"):
        encode(data[:-lost])


def test_what_follows_the_last_chunk_is_none_of_it():
    assert encode(png() + b"more").data == encode(png()).data
