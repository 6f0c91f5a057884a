import numpy as np
import pytest

from kerastransfer.distances import cnn
from kerastransfer.distances.cnn import cnn_distance
from kerastransfer.errors import DataError


def draw(count, middle=100, seed=0, side=64):
    rng = np.random.default_rng(seed)
    return rng.integers(middle - 40, middle + 40, (count, side, side, 3), np.uint8)


@pytest.fixture(autouse=True)
def few_steps(monkeypatch):
    monkeypatch.setattr(cnn, "_STEPS", 60)


def test_tells_dark_from_light_and_noise_from_no_noise():
    found = cnn_distance(draw(50, 100), draw(60, 140, 1)).accuracy
    assert found.value == 1
    # 15 of each held out: Wilson's for 30 of 30
    assert found.n == 30
    assert found.low == pytest.approx(30 / (30 + 1.959964**2), abs=1e-6)


def test_does_not_tell_one_domain_from_itself():
    found = cnn_distance(draw(60), draw(60, seed=1)).accuracy
    assert found.low <= 0.5 <= found.high


def test_the_same_seed_gives_the_same_number():
    pair = draw(30, 100), draw(30, 104, 1)
    assert cnn_distance(*pair, seed=3) == cnn_distance(*pair, seed=3)


@pytest.mark.parametrize(
    ("source", "target", "message"),
    [
        (draw(2), draw(40), "10 images of the source or more, got 2"),
        (draw(40), np.zeros_like(draw(40)), "All 40 images of the target are equal"),
        (draw(40), draw(40, side=32), r"target as uint8 of shape \(n, 64, 64, 3\)"),
        (draw(40).astype(np.float32), draw(40), "got float32"),
    ],
)
def test_bad_images(source, target, message):
    with pytest.raises(DataError, match=message):
        cnn_distance(source, target)
