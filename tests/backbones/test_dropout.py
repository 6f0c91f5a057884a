"""Dropout by (seed, step, image): what its masks depend on, and what they do not."""

import numpy as np
import pytest
import tensorflow as tf

from kerastransfer.backbones.dropout import Drop, drop

SIZE, WIDTH, RATE = 7, 4000, 0.3


def masks(rows, step=0, seed=0, block=6, size=SIZE):
    ones = tf.ones((len(rows), WIDTH))
    how = Drop(seed, tf.constant(step, tf.int64), tf.constant(rows), tf.constant(size))
    return drop(ones, RATE, how, block).numpy()


WHOLE = masks(range(SIZE))


def test_a_share_is_dropped_and_the_rest_scaled_up():
    assert set(np.unique(WHOLE)) == {np.float32(0), np.float32(1 / (1 - RATE))}
    # Of 28,000 draws the share is within four standard errors.
    error = 4 * np.sqrt(RATE * (1 - RATE) / WHOLE.size)
    assert abs((WHOLE == 0).mean() - RATE) < error


@pytest.mark.parametrize("rows", [[0], [3, 4], [6, 0, 2]])
def test_a_part_of_the_batch_has_the_masks_that_the_whole_gives_it(rows):
    np.testing.assert_array_equal(masks(rows), WHOLE[rows])


@pytest.mark.parametrize("other", [{"step": 1}, {"seed": 1}, {"block": 7}])
def test_steps_seeds_and_blocks_have_masks_of_their_own(other):
    assert (masks(range(SIZE), **other) != WHOLE).mean() > RATE * (1 - RATE)


def test_images_have_masks_of_their_own():
    assert (WHOLE[0] != WHOLE[1]).mean() > RATE * (1 - RATE)


def test_masks_are_the_same_inside_a_graph():
    traced = tf.function(
        lambda step: drop(
            tf.ones((SIZE, WIDTH)),
            RATE,
            Drop(0, step, tf.range(SIZE), tf.constant(SIZE)),
            6,
        )
    )
    np.testing.assert_array_equal(traced(tf.constant(0, tf.int64)).numpy(), WHOLE)


def test_other_precisions_keep_their_own():
    half = tf.ones((SIZE, 8), tf.bfloat16)
    how = Drop(0, tf.constant(0, tf.int64), tf.range(SIZE), tf.constant(SIZE))
    assert drop(half, RATE, how, 6).dtype == tf.bfloat16
