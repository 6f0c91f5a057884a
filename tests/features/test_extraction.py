"""Outputs that are computed once must not depend on what they were computed with."""

import numpy as np
import pytest
import tensorflow as tf

from kerastransfer.backbones import table
from kerastransfer.features.extraction import Extractor


@pytest.mark.parametrize("name", ["efficientnet_lite0", "alexnet"])
def test_an_image_alone_has_the_bits_that_it_has_among_others(name):
    backbone = table.get(name)
    side = backbone.preprocessing.crop
    extract = Extractor(backbone.build(10, 0), backbone.preprocessing, last=7)
    images = tf.random.uniform((4, side, side, 3), 0, 255, seed=1)
    labels = tf.range(4, dtype=tf.int64)
    together, _ = extract([(images, labels)])
    for i in range(4):
        alone, label = extract([(images[i : i + 1], labels[i : i + 1])])
        np.testing.assert_array_equal(alone, together[i : i + 1])
        assert label.tolist() == [i]


@pytest.mark.parametrize("name", ["efficientnet_lite0", "alexnet"])
def test_neither_number_nor_order_of_images_changes_a_bit(name):
    backbone = table.get(name)
    side = backbone.preprocessing.crop
    extract = Extractor(backbone.build(10, 0), backbone.preprocessing, last=7)
    images = tf.random.uniform((33, side, side, 3), 0, 255, seed=1)
    labels = tf.range(33, dtype=tf.int64)
    together, _ = extract([(images, labels)])
    for count in (1, 3, 7):
        outputs, _ = extract([(images[:count], labels[:count])])
        np.testing.assert_array_equal(outputs, together[:count])
    order = np.random.default_rng(0).permutation(33)
    shuffled, label = extract([(tf.gather(images, order), tf.gather(labels, order))])
    np.testing.assert_array_equal(shuffled, together[order])
    np.testing.assert_array_equal(label, order)
