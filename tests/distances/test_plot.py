import numpy as np
import pytest
from PIL import Image

from kerastransfer.distances import plot
from kerastransfer.distances.domain import Domain
from kerastransfer.errors import InputError
from kerastransfer.features.source_statistics import SourceStatistics

pytest.importorskip("matplotlib")


def domain(name, seed, images=True):
    rng = np.random.default_rng(seed)
    pixels = rng.integers(0, 255, (40, 64, 64, 3), np.uint8)
    features = rng.gamma(2, 1, (40, 8)).astype(np.float32)
    shown = (lambda: pixels) if images else None
    return Domain(name, seed, features=features, images=shown)


def test_a_picture_with_and_without_source_images(tmp_path):
    names = {"dataset": "web", "backbone": "b", "weights": "w"}
    statistics = SourceStatistics(mean=np.ones(8), count=None, scatter=0.0, **names)
    mean = Domain("web", 1, statistics=statistics)
    for source in (domain("web", 1, images=False), mean):
        path = tmp_path / "plot.png"
        plot.draw(path, source, domain("pets", 2))
        with Image.open(path) as picture:
            pixels = np.asarray(picture.convert("RGB"))
        assert min(pixels.shape[:2]) > 500
        assert len(np.unique(pixels.reshape(-1, 3), axis=0)) > 1_000  # thumbnails
    assert [p.name for p in tmp_path.iterdir()] == ["plot.png"]


def test_a_kind_of_file_that_cannot_be_drawn(tmp_path):
    with pytest.raises(InputError, match=r"ends in one of .*\.png.*got '.*plot\.bmpx'"):
        plot.check(tmp_path / "plot.bmpx")
