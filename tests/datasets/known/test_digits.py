import io
from collections import Counter
from pathlib import Path

import numpy as np
import pytest
from helpers.reading import read
from PIL import Image
from sklearn.datasets import load_digits

from kerastransfer.datasets.table import resolve
from kerastransfer.errors import InputError


def test_digits_lists_every_scan_once():
    listing = resolve("digits").listing()
    assert listing.classes == tuple("0123456789")
    assert len(listing.items) == len({item.path for item in listing.items}) == 1797
    counts = Counter(item.label for item in listing.items)
    assert [counts[label] for label in range(10)] == list(
        np.bincount(load_digits().target)
    )
    assert listing.items[0].path == "0/0000.png"  # scikit-learn's first scan is a 0


def test_digits_reads_the_scan_that_the_path_names():
    image = Image.open(io.BytesIO(read(resolve("digits"), "0/0000.png")))
    assert (image.format, image.mode, image.size) == ("PNG", "L", (8, 8))
    scan = load_digits().images[0]  # 0 to 16
    expected = np.floor(scan * 255 / 16 + 0.5)
    np.testing.assert_array_equal(np.asarray(image), expected)


def test_digits_mirrored_is_another_sign():
    assert not resolve("digits").info.mirror_keeps_class


def test_digits_needs_no_archive():
    with pytest.raises(InputError, match="digits comes with scikit-learn"):
        resolve("digits", Path("somewhere"))
