import builtins
import io
import struct
import zlib

import cv2
import numpy as np
import pillow_heif
import pytest
from helpers.deep_pictures import pixels_of, ramp, save, scaled
from PIL import Image, ImageCms

from kerastransfer.errors import DataError
from kerastransfer.records.images import notes
from kerastransfer.records.images.rendering import ALONE, Rendering
from kerastransfer.records.write.stored_image import decode, encode, store

COLOURS = scaled(ramp(80, 120), 65_535)
RGB = Image.fromarray(COLOURS)
pillow_heif.register_heif_opener()


@pytest.mark.parametrize("orientation", [1, 2, 3, 6, 8])
@pytest.mark.parametrize("kind", ["AVIF", "HEIF", "WEBP"])
def test_photographs_of_phones_are_read_upright(kind, orientation):
    exif = Image.Exif()
    exif[0x0112] = orientation
    upright = {
        1: lambda a: a,
        2: lambda a: a[:, ::-1],
        3: lambda a: a[::-1, ::-1],
        6: lambda a: np.rot90(a, -1),
        8: np.rot90,
    }[orientation](COLOURS)
    # as bytes, for some writers take the number out of what they are given
    found = pixels_of(encode(save(RGB, kind, exif=exif.tobytes(), quality=90)).data)
    assert found.shape == upright.shape
    assert np.abs(found.astype(int) - upright).mean() < 3


@pytest.mark.parametrize("kind", ["JPEG2000", "QOI"])
def test_formats_without_loss_keep_their_pixels(kind):
    np.testing.assert_array_equal(np.asarray(decode(save(RGB, kind)).image), COLOURS)


def test_without_its_reader_a_heic_image_says_what_to_install(monkeypatch):
    data = save(RGB, "HEIF")
    real = builtins.__import__

    def without(name, *args, **kwargs):
        if name == "pillow_heif":
            raise ImportError(name)
        return real(name, *args, **kwargs)

    monkeypatch.setattr(builtins, "__import__", without)
    with pytest.raises(DataError, match=r"pip install 'kerastransfer\[heif\]'"):
        decode(data)


@pytest.mark.parametrize("kind", ["GIF", "PNG", "WEBP", "AVIF", "TIFF"])
def test_of_several_frames_the_first_is_taken_with_a_word(kind):
    first, second = Image.new("RGB", (20, 30), "red"), Image.new("RGB", (20, 30))
    found = decode(save(first, kind, save_all=True, append_images=[second]))
    assert found.notes == {notes.FRAMES}
    assert np.abs(np.asarray(found.image, int) - [255, 0, 0]).max() <= 8
    assert not decode(save(first, kind)).notes


def test_ink_of_a_jpeg_agrees_with_another_decoder():
    data = save(RGB.convert("CMYK"), "JPEG", quality=95, subsampling=0)
    found = decode(data)
    theirs = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_COLOR)[..., ::-1]
    assert np.abs(np.asarray(found.image, int) - theirs).max() <= 6
    assert found.notes == {notes.CMYK}


def _profile(name):
    """An ICC profile that calls itself something else than sRGB."""
    profile = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    plain = profile.replace(b"sRGB", name[:4])
    return plain.replace(
        "sRGB".encode("utf-16-be"), name[:4].decode().encode("utf-16-be")
    )


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "TIFF", "WEBP"])
def test_another_profile_than_srgb_is_told(kind):
    srgb = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    for profile, expected in ((srgb, set()), (_profile(b"P3 D"), {notes.PROFILE})):
        stored = store(save(RGB, kind, icc_profile=profile), 256, rendering=ALONE)
        assert stored.notes == expected


def test_floating_point_pnm_is_read():
    values = np.linspace(0, 1, 200, dtype=np.float32).reshape(10, 20)
    data = save(Image.fromarray(values), "PPM")
    assert data.startswith(b"Pf")
    found = np.asarray(decode(data, Rendering(floating=1)).image)[..., 0]
    np.testing.assert_array_equal(found, scaled(values, 1))


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (b"%PDF-1.7 and more", "a PDF document"),
        (b"8BPS\0\1", "a Photoshop document"),
        (b"\xff\x0a\xfa\x1f", "a JPEG XL image"),
        (b"version https://git-lfs.github.com/spec/v1\noid", "a Git LFS pointer"),
        (b" \n<!DOCTYPE html><html>", "a web page"),
        (b"<?xml version='1.0'?><svg xmlns=''>", "an SVG drawing"),
        (bytes(128) + b"DICM", "a DICOM file"),
        (b"II*\0" + bytes(4), "TIFF data cannot be decoded"),
        (b"BMW is a make of cars.", "got bytes b'BMW is a'"),
    ],
)
def test_what_is_no_image_is_called_by_its_name(data, words):
    with pytest.raises(DataError, match=words):
        decode(data)


def test_a_png_of_16_bits_as_large_as_a_town_is_refused():
    head = struct.pack(">IIBBBBB", 30_000, 30_000, 16, 6, 0, 0, 0)
    chunk = b"IHDR" + head
    end = struct.pack(">I", zlib.crc32(chunk))
    out = io.BytesIO(b"\x89PNG\r\n\x1a\n" + struct.pack(">I", 13) + chunk + end)
    with pytest.raises(DataError, match="PNG data cannot be decoded"):
        decode(out.getvalue() + bytes(40))
