import io
import struct
import zlib

import cv2
import numpy as np
import pytest
import tifffile
from helpers.deep_pictures import pixels_of, planar, ramp, save, scaled, tiff
from PIL import Image

from kerastransfer.errors import DataError
from kerastransfer.records.images import notes
from kerastransfer.records.images.rendering import Rendering
from kerastransfer.records.images.samples import ValueRange
from kerastransfer.records.write.stored_image import decode, encode

RAMP = ramp()
ALPHA = np.full((20, 30, 1), 65_535, np.uint16)
SIXTEEN = Rendering(integer=65_535, floating=1)
KINDS = {
    "rgb": tiff(RAMP, photometric="rgb"),
    "big-endian": tiff(RAMP, photometric="rgb", byteorder=">"),
    "lzw with predictor": tiff(
        RAMP, photometric="rgb", compression="lzw", predictor=True
    ),
    "deflate with predictor": tiff(
        RAMP, photometric="rgb", compression="zlib", predictor=True
    ),
    "packbits": tiff(RAMP, photometric="rgb", compression="packbits"),
    "zstandard": tiff(RAMP, photometric="rgb", compression="zstd"),
    "big tiff": tiff(RAMP, photometric="rgb", bigtiff=True),
    "tiled": tiff(RAMP, photometric="rgb", tile=(16, 16), compression="zlib"),
    "planar": planar(RAMP, photometric="rgb"),
    "planar and tiled": planar(
        RAMP, photometric="rgb", tile=(16, 16), compression="lzw"
    ),
    "opaque alpha": tiff(np.dstack([RAMP, ALPHA]), photometric="rgb"),
}


@pytest.mark.parametrize("kind", KINDS)
def test_16_bits_in_colour_agree_with_another_reader(kind):
    found = decode(KINDS[kind], SIXTEEN)
    np.testing.assert_array_equal(np.asarray(found.image), scaled(RAMP, 65_535))
    assert found.notes == {notes.DEEP}
    theirs = cv2.imdecode(np.frombuffer(KINDS[kind], np.uint8), cv2.IMREAD_UNCHANGED)
    if theirs is not None and "planar" not in kind:  # which OpenCV gets wrong, too
        bands = theirs[..., 2::-1]  # blue, green, red
        np.testing.assert_array_equal(np.asarray(found.image), scaled(bands, 65_535))


def test_planes_of_16_bits_are_noise_to_pillow():
    # why Pillow is not asked; the day it is mended this fails
    theirs = pixels_of(KINDS["planar"])
    assert np.abs(theirs.astype(int) - scaled(RAMP, 65_535)).max() > 100


@pytest.mark.parametrize("level", [4095, 65_535])
def test_white_is_zero_is_no_negative(level):
    values = np.array([[0, 100, level // 2, level]], np.uint16)
    data = tiff(values, photometric="miniswhite")
    found = np.asarray(decode(data, Rendering(integer=level)).image)[0, :, 0]
    np.testing.assert_array_equal(found, scaled(level - values[0], level))
    assert found[0] == 255 and found[-1] == 0


def test_12_bit_samples_say_themselves_what_is_white():
    # packed by hand: two samples of 12 bits in three bytes, 0x000, 0x7FF, 0xFFF, 0x111
    data = bytes.fromhex("0007fffff111")
    entries = [
        *((256, 3, 4), (257, 3, 1), (258, 3, 12), (259, 3, 1), (262, 3, 1)),
        *((273, 4, 134), (277, 3, 1), (278, 3, 1), (279, 4, len(data))),
    ]
    head = struct.pack("<2sHIH", b"II", 42, 8, len(entries))
    body = b"".join(
        struct.pack("<HHII", tag, kind, 1, value) for tag, kind, value in entries
    )
    file = (head + body + bytes(4)).ljust(134, b"\0") + data
    found = np.asarray(decode(file, Rendering()).image)[0, :, 0]
    np.testing.assert_array_equal(found, scaled([0x000, 0x7FF, 0xFFF, 0x111], 4095))


@pytest.mark.parametrize("dtype", [np.float16, np.float32, np.float64])
@pytest.mark.parametrize("bands", [1, 3])
def test_floating_point_numbers_are_read(dtype, bands):
    values = (ramp(most=997)[..., :bands] / 997).astype(dtype)
    name = "rgb" if bands == 3 else "minisblack"
    data = tiff(np.squeeze(values), photometric=name)
    found = decode(data, Rendering(floating=1))
    np.testing.assert_array_equal(
        np.asarray(found.image), np.broadcast_to(scaled(values, 1), (20, 30, 3))
    )
    assert decode(data) == ValueRange("floating", float(values.max()))


def test_the_floating_point_predictor_is_undone():
    values = (RAMP / 65_535).astype(np.float32)
    data = tiff(values, photometric="rgb", compression="zlib", predictor=True)
    found = decode(data, Rendering(floating=1))
    np.testing.assert_array_equal(np.asarray(found.image), scaled(values, 1))


def test_gray_with_alpha_is_set_on_its_background():
    gray, alpha = RAMP[..., 0].astype(float), RAMP[..., 1].astype(float)
    data = tiff(
        RAMP[..., :2], photometric="minisblack", planarconfig="contig",
        extrasamples=["unassalpha"],
    )  # fmt: skip
    with pytest.raises(Image.UnidentifiedImageError):  # Pillow has no mode for it
        Image.open(io.BytesIO(data))
    found = decode(data, Rendering(integer=65_535, background="#000000"))
    expected = np.rint(255 * gray * alpha / 65_535**2)
    np.testing.assert_array_equal(np.asarray(found.image)[..., 0], expected)
    assert found.notes == {notes.DEEP, notes.TRANSPARENT}


def test_colours_that_are_multiplied_by_alpha_are_not_multiplied_again():
    alpha = np.array([[65_535, 32_768, 0]], np.uint16)
    colour = np.array([[50_000, 20_000, 0]], np.uint16)
    bands = np.dstack([colour, colour, colour, alpha])
    data = tiff(bands, photometric="rgb", extrasamples=["assocalpha"])
    found = np.asarray(decode(data, SIXTEEN).image)[0, :, 0]
    expected = [50_000 / 257, 20_000 / 257 + 255 * (1 - 32_768 / 65_535), 255]
    np.testing.assert_array_equal(found, np.rint(expected))


@pytest.mark.parametrize("dtype", [np.int8, np.int16, np.int32])
def test_signed_numbers_are_read_and_those_below_zero_refused(dtype):
    values = np.arange(100, dtype=dtype).reshape(10, 10)
    assert decode(tiff(values), Rendering()) == ValueRange("integer", 99)
    with pytest.raises(DataError, match="begin at -7, below black; shift them"):
        decode(tiff(values - dtype(7)))


@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_what_is_no_number_is_refused(value):
    values = np.full((10, 10), 0.5, np.float32)
    values[3, 4] = value
    with pytest.raises(DataError, match="no finite numbers"):
        decode(tiff(values), Rendering(floating=1))


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16, np.float32])
@pytest.mark.parametrize("bands", [2, 4, 13])
def test_other_bands_are_refused_with_their_number(dtype, bands):
    values = np.zeros((10, 12, bands), dtype)
    data = tiff(values, photometric="minisblack", planarconfig="contig")
    if dtype == np.uint8 and bands == 2:
        return  # Pillow reads the first and says so
    with pytest.raises(DataError, match=rf"3, or one more for alpha, got {bands};"):
        decode(data)


def test_three_unnamed_bands_are_taken_in_their_order():
    data = tiff(RAMP, photometric="minisblack", planarconfig="contig")
    found = decode(data, SIXTEEN)
    np.testing.assert_array_equal(np.asarray(found.image), scaled(RAMP, 65_535))
    assert found.notes == {notes.DEEP, notes.UNNAMED}
    eight = decode(tiff(scaled(RAMP, 65_535), photometric="minisblack",
                        planarconfig="contig"))  # fmt: skip
    np.testing.assert_array_equal(np.asarray(eight.image), scaled(RAMP, 65_535))
    assert eight.notes == {notes.UNNAMED}


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
def test_bands_beyond_rgb_are_left_out_with_a_word(dtype):
    colours = RAMP if dtype == np.uint16 else scaled(RAMP, 65_535)
    bands = np.dstack([colours, colours[..., :1]])
    data = tiff(bands, photometric="rgb", extrasamples=["unspecified"])
    found = decode(data, SIXTEEN)
    np.testing.assert_array_equal(np.asarray(found.image), scaled(RAMP, 65_535))
    assert notes.BANDS in found.notes and notes.TRANSPARENT not in found.notes


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
def test_of_a_stack_the_first_page_is_taken_with_a_word(dtype):
    pages = np.stack([np.full((9, 8), value, dtype) for value in (7, 200)])
    data = tiff(pages, photometric="minisblack")
    found = decode(data, Rendering(integer=255))
    assert np.asarray(found.image).max() == 7 and notes.FRAMES in found.notes


def test_smaller_copies_of_an_image_are_no_other_pages():
    out = io.BytesIO()
    with tifffile.TiffWriter(out) as writer:
        writer.write(RAMP, photometric="rgb")
        writer.write(RAMP[::2, ::2].copy(), photometric="rgb", subfiletype=1)
    assert notes.FRAMES not in decode(out.getvalue()).notes


def test_a_cameras_raw_file_is_no_preview():
    out = io.BytesIO()
    with tifffile.TiffWriter(out) as writer:
        preview = scaled(RAMP, 65_535)
        writer.write(preview, photometric="rgb", subfiletype=1, subifds=1)
        pattern = [(33421, 3, 2, (2, 2)), (33422, 1, 4, (0, 1, 1, 2))]
        mosaic = RAMP[..., 0].copy()
        writer.write(mosaic, photometric=32803, extratags=pattern)
    with pytest.raises(DataError, match="a camera's raw file"):
        decode(out.getvalue())


@pytest.mark.parametrize("separate", [False, True])
def test_ink_of_16_bits_is_turned_as_ink_of_8_bits_is(separate):
    ink = np.asarray(Image.fromarray(scaled(RAMP, 65_535)).convert("CMYK"))
    ink = np.dstack([ink[..., :3], ink[..., 0] // 3])
    deep = ink.astype(np.uint16) * 257
    data = (planar if separate else tiff)(deep, photometric="separated")
    found = decode(data)
    expected = Image.frombytes("CMYK", (30, 20), ink.tobytes()).convert("RGB")
    np.testing.assert_array_equal(np.asarray(found.image), np.asarray(expected))
    assert found.notes == {notes.CMYK}


@pytest.mark.parametrize("orientation", range(1, 9))
def test_a_deep_tiff_is_set_upright_as_pillow_does(orientation):
    tag = (274, 3, 1, orientation, True)
    deep = tiff(RAMP, photometric="rgb", extratags=[tag])
    plain = tiff(scaled(RAMP, 65_535), photometric="rgb", extratags=[tag])
    np.testing.assert_array_equal(
        pixels_of(encode(deep).data), pixels_of(encode(plain).data)
    )
    assert pixels_of(encode(deep).data).shape[:2] == (
        (20, 30) if orientation < 5 else (30, 20)
    )


def _altered(data, tag, value):
    """Put another number into a tag of a small TIFF."""
    with tifffile.TiffFile(io.BytesIO(data)) as file:
        entry = file.pages[0].tags[tag]
        form = {3: "<H", 4: "<I"}[int(entry.dtype)]
        offset = entry.valueoffset
    altered = bytearray(data)
    struct.pack_into(form, altered, offset, value)
    return bytes(altered)


def test_a_bomb_is_refused_before_it_is_unpacked():
    sides = _altered(_altered(KINDS["rgb"], 256, 60_000), 257, 60_000)
    with pytest.raises(DataError, match="decompression bomb"):
        decode(sides)
    tiles = _altered(_altered(KINDS["tiled"], 322, 65_520), 323, 65_520)
    with pytest.raises(DataError, match="decompression bomb"):
        decode(tiles)
    # 64 MB of zeros in the place of 3,600 bytes
    data = tiff(RAMP, photometric="rgb", compression="zlib")
    packed = zlib.compress(bytes(1 << 26), 9)
    strip = _altered(_altered(data, 273, len(data)), 279, min(len(packed), 65_535))
    with pytest.raises(DataError, match="TIFF data cannot be decoded"):
        decode(strip + packed)


@pytest.mark.parametrize("kind", ["lzw with predictor", "packbits", "planar and tiled"])
def test_spoilt_strips_end_no_process(kind):
    # imagecodecs' decoder of LZW does; the header is left as it is
    rng = np.random.default_rng(3)
    start = KINDS[kind].find(b"tifffile.py") + 11
    for _ in range(40):
        spoilt = bytearray(KINDS[kind])
        for place in rng.integers(start, len(spoilt), 5):
            spoilt[place] = rng.integers(256)
        try:
            assert decode(bytes(spoilt)).image.size == (30, 20)
        except DataError as error:
            assert str(error)


@pytest.mark.parametrize("compression", [None, "lzw", "zlib"])
def test_a_strip_that_is_missing_is_not_black(compression):
    data = tiff(RAMP, photometric="rgb", rowsperstrip=4, compression=compression)
    with tifffile.TiffFile(io.BytesIO(data)) as file:
        entry = file.pages[0].tags[279]  # sizes of five strips
    form = {3: "<H", 4: "<I"}[int(entry.dtype)]
    altered = bytearray(data)
    struct.pack_into(form, altered, entry.valueoffset, 0)
    with pytest.raises(DataError, match="expected 5 strips or tiles, got 4"):
        decode(bytes(altered))


def test_strips_of_many_sizes_are_unpacked():
    for rows in (1, 3, 7, 20):
        for planar_config in ("contig", "separate"):
            values = RAMP if planar_config == "contig" else np.moveaxis(RAMP, -1, 0)
            for dtype, white in ((np.uint16, 65_535), (np.float32, 1)):
                scale = 65_535 / white
                data = tiff(
                    (values / scale).astype(dtype),
                    photometric="rgb",
                    planarconfig=planar_config,
                    rowsperstrip=rows,
                    compression="lzw",
                    predictor=True,
                )
                found = np.asarray(decode(data, SIXTEEN).image, int)
                assert np.abs(found - scaled(RAMP, 65_535)).max() <= (white == 1)


def test_spoilt_bytes_give_an_image_or_a_reason():
    rng = np.random.default_rng(0)
    for data in (*KINDS.values(), save(Image.fromarray(RAMP[..., 0].copy()), "TIFF")):
        for _ in range(12):
            spoilt = bytearray(data)
            for place in rng.integers(0, len(data), 6):
                spoilt[place] = rng.integers(256)
            for place in rng.integers(0, 200, 2):  # the header, if it is in front
                spoilt[place] = rng.integers(256)
            try:
                found = decode(bytes(spoilt))
            except DataError as error:
                assert str(error) and "\n" not in str(error)
            else:
                assert isinstance(found, ValueRange) or found.image.mode == "RGB"
