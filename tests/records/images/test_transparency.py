import io

import numpy as np
import pytest
from helpers.deep_pictures import pixels_of, ramp, save, scaled, tiff
from PIL import Image

from kerastransfer.records.images import notes
from kerastransfer.records.images.rendering import LEGACY, Rendering
from kerastransfer.records.write.stored_image import decode, encode

COLOURS = scaled(ramp(), 65_535)
RGB = Image.fromarray(COLOURS)
ALPHA = (np.arange(600).reshape(20, 30) * 255 // 599).astype(np.uint8)


def layered(colours, alpha):
    return Image.merge("RGBA", [*Image.fromarray(colours).split(), alpha])


RGBA = layered(COLOURS, Image.fromarray(ALPHA))
LA = Image.merge("LA", [Image.fromarray(COLOURS[..., 0]), Image.fromarray(ALPHA)])
FILES = {
    "png": save(RGBA, "PNG"),
    "webp": save(RGBA, "WEBP", lossless=True, exact=True),
    "tiff": save(RGBA, "TIFF"),
    "ico": save(RGBA, "ICO", sizes=[(30, 20)]),
    "qoi": save(RGBA, "QOI"),
    "jpeg 2000": save(RGBA, "JPEG2000"),
    "gray png": save(LA, "PNG"),
    "gray tiff": save(LA, "TIFF"),
}


@pytest.mark.parametrize(
    ("background", "ground"),
    [("#ffffff", 255), ("#000000", 0), ("#102030", [0x10, 0x20, 0x30])],
)
@pytest.mark.parametrize("kind", FILES)
def test_transparent_images_are_set_on_their_background(kind, background, ground):
    found = decode(FILES[kind], Rendering(background=background))
    colours = COLOURS[..., [0, 0, 0]] if "gray" in kind else COLOURS
    part = ALPHA[..., None] / 255
    expected = colours * part + np.array(ground) * (1 - part)
    np.testing.assert_allclose(np.asarray(found.image), expected, atol=0.501)
    assert found.notes == {notes.TRANSPARENT}


def test_a_black_pictogram_is_black_on_white():
    # every pixel is black; the shape is in alpha alone
    alpha = np.zeros((20, 30), np.uint8)
    alpha[5:9, 6:20] = 255
    icon = layered(np.zeros((20, 30, 3), np.uint8), Image.fromarray(alpha))
    expected = np.repeat(255 - alpha[..., None], 3, axis=-1)
    np.testing.assert_array_equal(pixels_of(encode(save(icon, "PNG")).data), expected)


def test_hidden_colours_of_a_palette_do_not_appear():
    palette = Image.new("P", (4, 1))
    palette.putpalette([255, 0, 0, 0, 255, 0, 0, 0, 255, 9, 9, 9])
    palette.putdata([0, 1, 2, 3])
    whole = [[255, 255, 255], [127, 255, 127], [0, 0, 255], [9, 9, 9]]
    found = decode(save(palette, "PNG", transparency=bytes([0, 128, 255])))
    np.testing.assert_array_equal(np.asarray(found.image)[0], whole)
    gif = decode(save(palette, "GIF", transparency=1))
    expected = [[255, 0, 0], [255, 255, 255], [0, 0, 255], [9, 9, 9]]
    np.testing.assert_array_equal(np.asarray(gif.image)[0], expected)
    assert gif.notes == found.notes == {notes.TRANSPARENT}


@pytest.mark.parametrize("mode", ["RGB", "L", "1"])
def test_a_key_colour_is_transparent(mode):
    image = RGB.convert(mode)
    key = image.getpixel((7, 4))
    found = decode(save(image, "PNG", transparency=key))
    expected = np.asarray(image.convert("RGB")).copy()
    same = np.asarray(image) == np.asarray(key)
    expected[same.all(-1) if mode == "RGB" else same] = 255
    np.testing.assert_array_equal(np.asarray(found.image), expected)


@pytest.mark.parametrize("bands", ["rgb", "gray"])
def test_colours_that_are_multiplied_by_alpha_are_not_multiplied_again(bands):
    part = ALPHA[..., None] / 255
    colours = np.rint((COLOURS if bands == "rgb" else COLOURS[..., :1]) * part)
    data = tiff(
        np.dstack([colours.astype(np.uint8), ALPHA]),
        photometric="rgb" if bands == "rgb" else "minisblack",
        planarconfig="contig",
        extrasamples=["assocalpha"],
    )
    found = np.asarray(decode(data).image)
    # dividing by a small alpha and multiplying again loses a level or two
    np.testing.assert_allclose(
        found[3:], (colours + 255 * (1 - part) + 0 * found)[3:], atol=2
    )


def test_opaque_images_are_what_they_were():
    opaque = RGB.convert("RGBA")
    found = decode(save(opaque, "PNG"))
    assert not found.notes
    np.testing.assert_array_equal(np.asarray(found.image), COLOURS)
    assert encode(save(opaque, "PNG")) == encode(save(RGB, "PNG"))


def test_records_of_earlier_versions_drop_transparency():
    found = decode(FILES["png"], LEGACY)
    np.testing.assert_array_equal(np.asarray(found.image), COLOURS)


def test_an_image_of_nothing_is_told():
    nothing = RGBA.copy()
    nothing.putalpha(0)
    found = decode(save(nothing, "PNG"))
    assert found.notes == {notes.TRANSPARENT, notes.BLANK}
    assert np.asarray(found.image).min() == 255


def test_a_turned_and_shrunk_image_keeps_its_background():
    exif = Image.Exif()
    exif[0x0112] = 6
    data = save(RGBA.resize((90, 60)), "PNG", exif=exif)
    found = pixels_of(encode(data, 40).data)
    flat = np.asarray(decode(data).image.resize((40, 60), Image.Resampling.LANCZOS))
    assert found.shape == (60, 40, 3)
    np.testing.assert_array_equal(found, flat)


def test_pillows_own_composition_agrees():
    ground = Image.new("RGBA", RGBA.size, "#336699")
    theirs = Image.alpha_composite(ground, RGBA).convert("RGB")
    ours = decode(FILES["png"], Rendering(background="#336699")).image
    difference = np.asarray(theirs, int) - np.asarray(ours, int)
    assert np.abs(difference).max() <= 1
    assert Image.open(io.BytesIO(FILES["png"])).mode == "RGBA"
