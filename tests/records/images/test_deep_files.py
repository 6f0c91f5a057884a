import struct

import cv2
import imagecodecs
import numpy as np
import pytest
from helpers.deep_pictures import pixels_of, png16, pnm, ramp, scaled

from kerastransfer.errors import DataError
from kerastransfer.records.images import notes
from kerastransfer.records.images.rendering import Rendering
from kerastransfer.records.images.samples import ValueRange
from kerastransfer.records.write.stored_image import decode, encode

RAMP = ramp()
TWELVE = ramp(most=4095)


@pytest.mark.parametrize("bands", [1, 3])
@pytest.mark.parametrize("level", [4095, 65_535])
def test_a_png_of_16_bits_keeps_them_until_white_is_known(bands, level):
    values = ramp(most=level)[..., :bands]
    data = png16(values)
    assert decode(data, Rendering()) == ValueRange("integer", values.max())
    found = np.asarray(decode(data, Rendering(integer=level)).image)
    np.testing.assert_array_equal(
        found, np.broadcast_to(scaled(values, level), found.shape)
    )
    theirs = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_UNCHANGED)
    theirs = theirs[..., ::-1] if bands == 3 else theirs[..., None]
    np.testing.assert_array_equal(
        found, np.broadcast_to(scaled(theirs, level), found.shape)
    )


@pytest.mark.parametrize("bands", [2, 4])
@pytest.mark.parametrize(
    ("full", "level"), [(65_535, 65_535), (4095, 4095), (65_535, 4095)]
)
def test_a_png_with_alpha_is_set_on_its_background(bands, full, level):
    colours = ramp(most=level)[..., : bands - 1].astype(float)
    alpha = ramp(most=full)[..., 2:]
    alpha[0, 0], alpha[-1, -1] = 0, full
    found = decode(
        png16(np.dstack([colours, alpha])),
        Rendering(integer=level, background="#204060"),
    )
    part = alpha / full
    expected = 255 * colours / level * part + np.array([0x20, 0x40, 0x60]) * (1 - part)
    np.testing.assert_allclose(np.asarray(found.image), expected, atol=0.5 + 1e-9)
    assert found.notes == {notes.DEEP, notes.TRANSPARENT}


@pytest.mark.parametrize("bands", [1, 3])
def test_a_key_colour_of_16_bits_is_transparent(bands):
    values = RAMP[..., :bands]
    key = values[7, 11]
    data = png16(values, (b"tRNS", b"".join(struct.pack(">H", v) for v in key)))
    found = decode(data)
    expected = scaled(values, 65_535)
    expected[(values == key).all(-1)] = 255
    image = np.asarray(found.image)
    np.testing.assert_array_equal(image, np.broadcast_to(expected, image.shape))
    assert notes.TRANSPARENT in found.notes


@pytest.mark.parametrize("text", [False, True])
@pytest.mark.parametrize("bands", [1, 3])
def test_a_pnm_says_itself_what_is_white_unless_that_is_all_it_can_hold(bands, text):
    values = TWELVE[..., :bands]
    found = decode(pnm(values, 4095, text=text), Rendering())
    expected = np.broadcast_to(scaled(values, 4095), (20, 30, 3))
    np.testing.assert_array_equal(np.asarray(found.image), expected)
    full = pnm(values, 65_535, text=text)
    assert decode(full, Rendering()) == ValueRange("integer", values.max())
    again = decode(full, Rendering(integer=4095))
    np.testing.assert_array_equal(np.asarray(again.image), expected)


def test_a_users_white_level_is_above_what_files_say():
    data = pnm(TWELVE, 4095)
    found = decode(data, Rendering(given=2000))
    np.testing.assert_array_equal(np.asarray(found.image), scaled(TWELVE, 2000))
    assert found.notes == {notes.DEEP, notes.CLIPPED}


@pytest.mark.parametrize("text", [False, True])
def test_a_pnm_that_ends_early_is_refused(text):
    data = pnm(TWELVE, 4095, text=text)
    with pytest.raises(DataError, match="truncated"):
        decode(data[: len(data) // 2])


@pytest.mark.parametrize("codec", ["jp2", "j2k"])
@pytest.mark.parametrize("bands", [1, 3, 4])
def test_jpeg_2000_says_its_depth_unless_that_is_16_bits(codec, bands):
    def file(values, depth):
        return imagecodecs.jpeg2k_encode(
            np.ascontiguousarray(np.squeeze(values)),
            codecformat=codec,
            bitspersample=depth,
        )

    values = np.dstack([TWELVE, np.full((20, 30), 4095, np.uint16)])[..., :bands]
    found = decode(file(values, 12), Rendering())
    expected = np.broadcast_to(scaled(values[..., :3], 4095), (20, 30, 3))
    np.testing.assert_array_equal(np.asarray(found.image), expected)
    assert found.notes == {notes.DEEP}
    most = values[..., :3].max()
    assert decode(file(values, 16), Rendering()) == ValueRange("integer", most)


def test_the_size_is_that_of_the_records():
    data = png16(ramp(300, 600))
    assert pixels_of(encode(data, 64).data).shape == (64, 128, 3)
