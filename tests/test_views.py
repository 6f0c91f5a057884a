import numpy as np
import pytest
import scipy.stats

from kerastransfer import views
from kerastransfer.errors import InputError

IMAGES = np.arange(20_000)
WORD = 2**64


def splitmix(*words):
    """The hash in Python's unbounded integers: SplitMix64, a step a word."""
    state = 0
    for word in words:
        state = (state + 0x9E3779B97F4A7C15 + word) % WORD
        state = ((state ^ state >> 30) * 0xBF58476D1CE4E5B9) % WORD
        state = ((state ^ state >> 27) * 0x94D049BB133111EB) % WORD
        state ^= state >> 31
    return state


def test_splitmix_is_the_published_one():
    # The reference generator's first outputs for seed 0 (prng.di.unimi.it/splitmix64.c)
    # are the hashes of 0 and of the increment.
    assert splitmix(0) == 0xE220A8397B1DCDAF
    assert splitmix(0x9E3779B97F4A7C15) == 0x6E789E6AA1B965F4


@pytest.mark.parametrize("seed, epoch", [(0, 0), (7, 3), (2**63, 2**40)])
def test_everything_follows_from_the_hash(seed, epoch):
    images = np.array([0, 1, 5, 2**40])
    bits = [[splitmix(seed, epoch, u, int(i)) for i in images] for u in range(5)]
    assert views.order(seed, epoch, images).tolist() == list(np.argsort(bits[0]))
    assert views.choose(seed, epoch, images, 10).tolist() == [b % 10 for b in bits[1]]
    drawn = views.random(seed, epoch, images, mirror=True)
    expected = [[b / WORD for b in bits[use]] for use in (2, 3)]
    np.testing.assert_allclose(drawn[:, :2].T, expected, rtol=1e-6)
    assert drawn[:, 2].tolist() == [float(b < WORD // 2) for b in bits[4]]


def test_pinned_values():
    # A change here changes every run.
    images = np.arange(8)
    assert views.order(0, 0, images).tolist() == [0, 7, 4, 2, 1, 6, 5, 3]
    assert views.order(1, 2, images).tolist() == [4, 6, 2, 0, 7, 3, 1, 5]
    assert views.choose(0, 0, images, 10).tolist() == [7, 2, 4, 5, 8, 9, 3, 8]
    assert views.choose(1, 2, images, 5).tolist() == [4, 1, 0, 3, 0, 0, 1, 0]


def test_order_is_a_permutation_that_differs_by_epoch_and_seed():
    orders = [views.order(s, e, IMAGES) for s, e in ((0, 0), (0, 1), (1, 0), (1, 1))]
    for i, one in enumerate(orders):
        assert (np.sort(one) == IMAGES).all()
        for other in orders[:i]:
            # Two independent shuffles agree in one place on average.
            assert np.count_nonzero(one == other) < 10


def test_order_is_unrelated_to_the_stored_one():
    assert abs(scipy.stats.spearmanr(views.order(0, 0, IMAGES), IMAGES)[0]) < 0.03


@pytest.mark.parametrize("number", [2, 5, 10])
@pytest.mark.parametrize("epoch", [0, 1])
def test_choose_is_uniform(number, epoch):
    counts = np.bincount(views.choose(3, epoch, IMAGES, number), minlength=number)
    assert len(counts) == number
    assert scipy.stats.chisquare(counts).pvalue > 1e-3


def test_choices_of_two_epochs_are_independent():
    one, other = (views.choose(3, epoch, IMAGES, 5) for epoch in (0, 1))
    table = np.histogram2d(one, other, bins=5)[0]
    assert scipy.stats.chi2_contingency(table).pvalue > 1e-3


def test_views_do_not_go_with_the_order():
    place = np.argsort(views.order(3, 0, IMAGES)) // (len(IMAGES) // 5)
    table = np.histogram2d(place, views.choose(3, 0, IMAGES, 5), bins=5)[0]
    assert scipy.stats.chi2_contingency(table).pvalue > 1e-3


def test_an_image_sees_the_same_view_whatever_it_is_with():
    some = np.random.default_rng(0).permutation(IMAGES)[:500]
    for draw in (
        lambda images: views.choose(5, 2, images, 10),
        lambda images: views.random(5, 2, images, True),
    ):
        whole = draw(IMAGES)
        np.testing.assert_array_equal(draw(some), whole[some])
        np.testing.assert_array_equal(draw(some[7:8]), whole[some[7:8]])


def test_a_subset_keeps_its_order():
    some = np.random.default_rng(0).permutation(IMAGES)[:500]
    rank = np.argsort(views.order(5, 2, IMAGES))
    ranks = rank[some[views.order(5, 2, some)]]
    assert (np.diff(ranks) > 0).all()


def test_random_views_fill_the_room():
    drawn = views.random(0, 0, IMAGES, mirror=True)
    assert drawn.dtype == np.float32 and drawn.shape == (len(IMAGES), 3)
    assert drawn.min() >= 0
    for column in drawn[:, :2].T:
        assert scipy.stats.kstest(column, "uniform").pvalue > 1e-3
    assert abs(np.corrcoef(drawn.T) - np.eye(3)).max() < 0.03
    assert set(drawn[:, 2]) == {0, 1}
    assert drawn[:, 2].mean() == pytest.approx(0.5, abs=0.02)


def test_random_views_mirror_only_where_that_is_allowed():
    drawn = views.random(0, 0, IMAGES, mirror=False)
    assert (drawn[:, 2] == 0).all()
    np.testing.assert_array_equal(drawn[:, :2], views.random(0, 0, IMAGES, True)[:, :2])


@pytest.mark.parametrize("number", views.NUM_VIEWS)
def test_fixed_views(number):
    rows = views.fixed(number)
    assert rows.shape == (number, 3) and rows.dtype == np.float32
    assert len(np.unique(rows, axis=0)) == number
    assert (rows[0] == views.CENTRE).all()
    assert rows[:, 2].sum() == (number // 2 if number in (2, 10) else 0)


def test_two_views_are_the_centre_and_its_mirror_image():
    assert views.fixed(2).tolist() == [[0.5, 0.5, 0], [0.5, 0.5, 1]]


@pytest.mark.parametrize("number", [0, 3, 11, -1])
def test_other_numbers_are_refused(number):
    with pytest.raises(InputError, match=rf"--views to be one of .*, got {number}\."):
        views.check(number, mirror=True)


@pytest.mark.parametrize("number", [2, 10])
def test_mirror_images_are_refused_where_they_change_the_class(number):
    views.check(number, mirror=True)
    with pytest.raises(InputError, match=f"1 or 5, got {number}: .* pass --mirror yes"):
        views.check(number, mirror=False)
