import pytest

from kerastransfer.advice.matrix import Advice
from kerastransfer.distances import published
from kerastransfer.distances.verdict import judge
from kerastransfer.errors import InputError
from kerastransfer.evaluation.intervals import Estimate

# The study's Table 2: cosine, MMD, linear SVM, CNN.
PRINTED = """
yosinski    0.003  2.3  57.3 51.0
caltech256  0.071 10.6  71.4 69.0
sun397      0.194 17.8  81.5 76.4
mit_indoor  0.307 23.9  90.0 84.5
cub200      0.358 37.2  92.9 86.5
coral       0.455 38.7  97.3 99.4
plankton    0.534 39.1  97.2 99.7
"""


def estimate(value, low=None, high=None, n=100):
    low, high = value if low is None else low, value if high is None else high
    return Estimate(value=value, low=low, high=high, n=n, method="bootstrap")


def test_the_published_table():
    for row, line in zip(published.TABLE, PRINTED.split("\n")[1:], strict=False):
        name, cosine, mmd, svm, cnn = line.split()
        assert row.dataset == name
        assert (row.cosine, row.mmd) == (float(cosine), float(mmd))
        assert row.svm == pytest.approx(float(svm) / 100)
        assert row.cnn == pytest.approx(float(cnn) / 100)


@pytest.mark.parametrize(
    ("cosine", "place"),
    [
        (0.0, "nearer than yosinski"),
        (0.003, "between yosinski and caltech256"),
        (0.2, "between sun397 and mit_indoor"),
        (0.533, "between coral and plankton"),
        (0.9, "farther than plankton"),
    ],
)
def test_places(cosine, place):
    assert published.place(cosine) == place
    assert judge(estimate(cosine)).place == place


def test_an_interval_over_a_published_row():
    place = judge(estimate(0.3, 0.25, 0.31)).place
    assert place == (
        "between sun397 and mit_indoor "
        "(or, within the interval, between mit_indoor and cub200)"
    )


def test_advice_for_the_whole_interval():
    judged = judge(estimate(0.19, 0.18, 0.21), 10)
    assert judged.advice == (Advice.FREEZE, Advice.TRY)
    assert judge(estimate(0.1), 10).advice == (Advice.FREEZE,)
    assert judge(estimate(0.1)).advice == ()


def test_distances_above_one_are_the_farthest():
    assert judge(estimate(0.99, 0.9, 1.01), 500).advice == (Advice.TUNE,)


@pytest.mark.parametrize(("n", "abstains"), [(29, True), (30, False)])
def test_no_verdict_below_30_images(n, abstains):
    judged = judge(estimate(0.1, n=n), 10)
    assert bool(judged.abstained) is abstains
    assert (judged.place == "") is abstains
    assert (judged.advice == ()) is abstains
    if abstains:
        assert judged.abstained == "no verdict below 30 images, and there are 29"


def test_no_images_per_class():
    with pytest.raises(InputError, match="1 image per class or more"):
        judge(estimate(0.1), 0)


def test_another_source_than_the_pretraining_gets_no_place():
    found = judge(estimate(0.3), 10, source="pets")
    assert (found.place, found.advice) == ("", ())
    assert "pets is another source (if it is not, say" in found.abstained
