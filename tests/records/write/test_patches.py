import io

import numpy as np
import pytest
from PIL import Image

from kerastransfer.archives.spans import Held
from kerastransfer.datasets.image_file import Cut, ImageFile
from kerastransfer.errors import DataError
from kerastransfer.records.write.encoder import Rejected, encode_file
from kerastransfer.records.write.patches import cut_patch


def photograph(height, width):
    rng = np.random.default_rng(height * width)
    return rng.integers(0, 256, (height, width, 3), np.uint8)


def reference(image, row, column, size):
    """As pyspacer cuts: pad by reflection, then crop from row + pad - size // 2 on."""
    pad = size
    padded = np.pad(image, ((pad, pad), (pad, pad), (0, 0)), mode="reflect")
    top, left = row + pad - size // 2, column + pad - size // 2
    return padded[top : top + size, left : left + size]


@pytest.mark.parametrize("size", [1, 2, 7, 8, 31, 64])
@pytest.mark.parametrize(
    "point", [(0, 0), (0, 59), (49, 0), (49, 59), (25, 30), (3, 40)]
)
def test_patches_agree_with_numpys_reflection(point, size):
    image = photograph(50, 60)
    patch = cut_patch(image, Cut(*point, size))
    np.testing.assert_array_equal(patch, reference(image, *point, size))
    assert tuple(patch[size // 2, size // 2]) == tuple(image[point])


@pytest.mark.parametrize("shape", [(5, 9), (2, 3), (1, 4)])
def test_a_patch_may_be_larger_than_its_photograph(shape):
    image = photograph(*shape)
    patch = cut_patch(image, Cut(0, shape[1] - 1, 24))
    np.testing.assert_array_equal(patch, reference(image, 0, shape[1] - 1, 24))


def test_by_hand():
    row = np.arange(5, dtype=np.uint8).reshape(1, 5, 1).repeat(3, 2)
    patch = cut_patch(np.concatenate([row, row + 10]), Cut(0, 0, 4))
    assert patch[..., 0].tolist() == [
        [2, 1, 0, 1],  # two rows up is row 0 again, for there are two rows
        [12, 11, 10, 11],
        [2, 1, 0, 1],
        [12, 11, 10, 11],
    ]


@pytest.mark.parametrize("point", [(50, 0), (0, 60), (99, 99)])
def test_a_point_outside_is_refused(point):
    with pytest.raises(DataError, match="is outside the photograph of 50 x 60 pixels"):
        cut_patch(photograph(50, 60), Cut(*point, 8))


def test_a_photograph_gives_its_sound_patches_and_reasons_for_the_others():
    out = io.BytesIO()
    Image.fromarray(photograph(50, 60)).save(out, "PNG")
    cuts = (("a", Cut(5, 6, 16)), ("b", Cut(50, 6, 16)), ("c", Cut(49, 59, 16)))
    found = dict(encode_file(ImageFile(Held(out.getvalue()), cuts), 256))
    assert isinstance(found["b"], Rejected) and "outside" in found["b"].reason
    for path, cut in (cuts[0], cuts[2]):
        pixels = np.asarray(Image.open(io.BytesIO(found[path].image.data)))
        np.testing.assert_array_equal(pixels, cut_patch(photograph(50, 60), cut))


def test_a_damaged_photograph_gives_reasons_only():
    cuts = (("a", Cut(5, 6, 16)), ("b", Cut(1, 6, 16)))
    found = dict(encode_file(ImageFile(Held(b""), cuts), 256))
    assert found == {path: Rejected("the file is empty") for path in "ab"}
