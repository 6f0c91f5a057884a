"""Batches: shared by replicas, begun anywhere, the same from a cache."""

import numpy as np
import pytest
from helpers import miniature

from kerastransfer.config.defaults import DataSummary, resolve
from kerastransfer.config.train_config import TrainConfig
from kerastransfer.distribution.replicas import WHOLE, ReplicaRange
from kerastransfer.training.batches import CachedBatches, ImageBatches, share_rows

PREPROCESSING = miniature.BACKBONE.preprocessing


def make_config(**fields: object) -> TrainConfig:
    chosen = {"dataset": "noise", "backbone": "miniature", "recipe": "F1-7R8"}
    facts = DataSummary(records="", weights="", num_images=13, mirror=True)
    return resolve({**chosen, "batch_size": 4, **fields}, facts)


def make_images(**fields: object) -> ImageBatches:
    return ImageBatches(
        examples=miniature.make_examples(),
        train_positions=np.arange(13),
        val_positions=np.arange(6),
        preprocessing=PREPROCESSING,
        config=make_config(**fields),
    )


@pytest.mark.parametrize("count", [1, 2, 3, 5, 7])
@pytest.mark.parametrize("size", [1, 2, 4, 13])
def test_every_row_weighs_one_over_all_replicas(size, count):
    shares = [
        share
        for k in range(count)
        for share in share_rows(size, ReplicaRange(k, 1, count))
    ]
    weights = np.zeros(size)
    for rows, weight in shares:
        assert len(rows)  # none is empty: layers cannot take it
        weights[rows] += weight
    np.testing.assert_allclose(weights, 1)
    lengths = [len(rows) for rows, _ in shares]
    assert max(lengths) - min(lengths) <= 1


@pytest.mark.parametrize("count", [2, 3, 5])
def test_a_smaller_batch_has_no_larger_share(count):
    for number in range(count):
        lengths = [
            len(share_rows(n, ReplicaRange(number, 1, count))[0][0])
            for n in range(count, 20)
        ]
        assert lengths == sorted(lengths)


@pytest.mark.parametrize("count", [2, 3, 5])
def test_of_a_batch_too_small_to_divide_every_replica_takes_all(count):
    for size in range(1, count):
        for rows, weight in share_rows(size, ReplicaRange(0, count, count)):
            assert rows.tolist() == list(range(size))
            assert weight == 1 / count


def told(batches):
    """Image sums, labels, rows and weights of every share, per batch."""
    return [
        (
            batch.size,
            [
                (
                    np.asarray(share.inputs).sum((1, 2, 3)).round(2).tolist(),
                    np.asarray(share.labels).tolist(),
                    share.rows.tolist(),
                    share.weights.tolist(),
                )
                for share in batch.shares
            ],
        )
        for batch in batches
    ]


@pytest.mark.parametrize("augment", ["views", "random"])
def test_replicas_in_one_process_and_in_many_get_the_same_shares(augment):
    images = make_images(augment=augment, views=10)
    together = told(images.train(2, ReplicaRange(0, 3, 3)))
    apart = [told(images.train(2, ReplicaRange(k, 1, 3))) for k in range(3)]
    for number, (size, shares) in enumerate(together):
        assert size == apart[0][number][0]
        assert shares == [apart[k][number][1][0] for k in range(3)]
    whole = told(images.train(2))
    for (_, ours), (_, theirs) in zip(together, whole, strict=True):
        # The last batch is one image, which each of the three replicas takes.
        counted = ours if ours[0][3][0] == 1 else ours[:1]
        assert [x for share in counted for x in share[0]] == theirs[0][0]
        assert [x for share in counted for x in share[2]] == theirs[0][2]
    assert [share[3] for share in together[-1][1]] == [[np.float32(1 / 3)]] * 3


@pytest.mark.parametrize("start", [0, 1, 3, 4])
def test_an_epoch_can_be_begun_anywhere(start):
    images = make_images(views=5)
    assert told(images.train(1, WHOLE, start)) == told(images.train(1))[start:]


class Numbered:
    """Outputs that say which view, split and position they are of."""

    def rows(self, split, view, positions):
        split = 0 if split == "train" else 1
        return np.stack([(100 * split + view, each) for each in positions]).astype("f2")


def make_activations(**fields: object) -> CachedBatches:
    positions = np.array([5, 8, 2, 11, 7, 0, 3])
    return CachedBatches(
        outputs=Numbered(),
        train_positions=positions,
        val_positions=np.arange(3),
        train_labels=positions % 3,
        val_labels=np.arange(3),
        config=make_config(**fields),
        first=8,
    )


def test_activations_are_of_the_views_and_in_the_order_that_images_have():
    config = make_config(views=10)
    seen = []
    images = ImageBatches(
        examples=miniature.make_examples(),
        train_positions=np.array([5, 8, 2, 11, 7, 0, 3]),
        val_positions=np.arange(3),
        preprocessing=PREPROCESSING,
        config=config,
    )
    for epoch in range(3):
        ours = [*make_activations(views=10).train(epoch)]
        theirs = [*images.train(epoch)]
        for mine, other in zip(ours, theirs, strict=True):
            assert mine.shares[0].inputs.dtype == np.float32
            positions = mine.shares[0].inputs[:, 1].astype(int)
            np.testing.assert_array_equal(positions % 3, other.shares[0].labels)
            np.testing.assert_array_equal(mine.shares[0].labels, positions % 3)
            seen += mine.shares[0].inputs[:, 0].tolist()
    assert len(set(seen)) > 5 and max(seen) <= 9  # many of the ten views


def test_validation_is_the_centre_view_in_order():
    (inputs, labels), *rest = make_activations().val()
    assert inputs.tolist() == [[100, 0], [100, 1], [100, 2]] and not rest
    assert labels.tolist() == [0, 1, 2]
