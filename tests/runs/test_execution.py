"""One run after another in a process."""

import gc

import pytest
import tensorflow as tf
from helpers.small_home import small_home, train


@pytest.fixture
def place(tmp_path):
    with small_home(tmp_path) as place:
        yield place


def test_many_runs_hold_no_more_networks_than_one(place):
    """A study of AlexNet would hold a quarter of a gigabyte more with each run."""
    alive = []
    gc.collect()
    gc.disable()  # it comes when it likes, which may be soon enough for small ones
    try:
        for seed in range(3):
            train(place, epochs=(1,), seed=seed)
            objects = gc.get_objects()
            alive.append(sum(isinstance(each, tf.Variable) for each in objects))
            del objects
    finally:
        gc.enable()
    assert alive[0] > 0
    assert max(alive[1:]) <= alive[0]
