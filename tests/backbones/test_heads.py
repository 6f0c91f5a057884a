import numpy as np
import pytest

from kerastransfer.backbones import heads
from kerastransfer.errors import WeightsError


@pytest.mark.parametrize(
    ("shapes", "outputs_first", "count"),
    [
        (((205, 8), (205,)), True, 205),
        (((1, 1, 205, 8), (1, 1, 1, 205)), True, 205),  # Caffe's old blobs
        (((21, 8, 1, 1), (21,)), True, 21),  # a convolution
        (((8, 5), (5,)), False, 5),
        (((1, 1, 8, 5), (5,)), False, 5),
        (((1, 8), (1,)), True, 1),
        (((5, 8),), True, 5),
        (((5, 8), (6,)), True, 0),
        (((5, 7), (5,)), True, 0),
        (((5, 8, 3, 3), (5,)), True, 0),
        (((8,), (8,)), True, 0),
        ((), True, 0),
        (((5, 8), (5,), (5,)), True, 0),
    ],
)
def test_num_classes(shapes, outputs_first, count):
    assert heads.num_classes(shapes, 8, outputs_first=outputs_first) == count


@pytest.mark.parametrize(
    ("layers", "name"),
    [
        ({"fc8": ((5, 8), (5,)), "fc8_b": ((3, 8), (3,))}, "fc8"),
        ({"cls_score": ((5, 8), (5,)), "bbox_pred": ((20, 8), (20,))}, ""),
        ({"a.0": ((4, 8), (4,)), "a.2": ((2, 4), (2,))}, ""),  # two layers deep
        ({"score_fr": ((5, 8, 1, 1), (5,)), "upscore": ((5, 1, 9, 9),)}, "score_fr"),
        ({"criterion": ((5,),), "fc": ((5, 8), (5,))}, "fc"),
        ({}, ""),
    ],
)
def test_find_head(layers, name):
    assert heads.find_head(layers, "fc8", 8, outputs_first=True) == name


def test_dense_gives_the_layer_s_answers_in_every_layout():
    rng = np.random.default_rng(0)
    kernel, bias = rng.normal(size=(5, 8)), rng.normal(size=5)
    x = rng.normal(size=8)
    for arrays, outputs_first in (
        ((kernel, bias), True),
        ((kernel.reshape(1, 1, 5, 8), bias.reshape(1, 1, 1, 5)), True),
        ((kernel.reshape(5, 8, 1, 1), bias), True),
        ((kernel.T, bias), False),
        ((kernel.T.reshape(1, 1, 8, 5), bias), False),
    ):
        w, b, remark = heads.dense(arrays, outputs_first=outputs_first)
        np.testing.assert_allclose(x @ w + b, kernel @ x + bias)
        assert remark == ""


def test_check_head_refuses_two_numbers_of_classes():
    with pytest.raises(WeightsError, match=r"'fc8, biases' of shape \(5,\), got \(4,"):
        heads.check_head(((5, 8), (4,)), "fc8, biases", outputs_first=True)
