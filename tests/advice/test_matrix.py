import math

import pytest

from kerastransfer.advice import matrix
from kerastransfer.advice.matrix import Advice, recommend, recommend_between
from kerastransfer.errors import InputError

# The study's Table 3: rows 0.0-0.2, 0.2-0.4, 0.4-1.0; columns 1-20, 21-99, 100+.
PRINTED = [
    ["Freeze", "Try Freeze or Tune", "Tune"],
    ["Try Freeze or Tune", "Tune", "Tune"],
    ["Try Freeze or Tune", "Tune", "Tune"],
]


def test_the_whole_table():
    rows, columns = (0.1, 0.3, 0.7), (10, 50, 500)
    read = [[recommend(row, column).value for column in columns] for row in rows]
    assert read == PRINTED


@pytest.mark.parametrize(
    ("cosine", "row"),
    [
        (0.0, 0),
        (math.nextafter(0.2, 0), 0),
        (0.2, 1),  # an edge is the farther row's
        (math.nextafter(0.4, 0), 1),
        (0.4, 2),
        (1.0, 2),
    ],
)
@pytest.mark.parametrize(
    ("images", "column"), [(1, 0), (20, 0), (21, 1), (99, 1), (100, 2), (10**6, 2)]
)
def test_edges(cosine, row, images, column):
    assert recommend(cosine, images).value == PRINTED[row][column]


def test_the_table_keeps_the_edge_rows_apart():
    # Rows 2 and 3 say the same, so that only the stored rows can show which was read.
    assert matrix.ROW_EDGES == (0.2, 0.4)
    assert matrix.COLUMN_ENDS == (20, 99)


@pytest.mark.parametrize("cosine", [-1e-9, 1.0001, math.nan, math.inf])
def test_a_distance_out_of_range(cosine):
    with pytest.raises(InputError, match="cosine distance from 0 to 1, got"):
        recommend(cosine, 10)


@pytest.mark.parametrize("images", [0, -3])
def test_no_images(images):
    with pytest.raises(InputError, match="1 image per class or more, got"):
        recommend(0.1, images)


@pytest.mark.parametrize(
    ("low", "high", "images", "advice"),
    [
        (0.05, 0.1, 10, [Advice.FREEZE]),
        (0.15, 0.25, 10, [Advice.FREEZE, Advice.TRY]),
        (0.15, 0.2, 10, [Advice.FREEZE, Advice.TRY]),
        (0.2, 0.3, 10, [Advice.TRY]),
        (0.1, 0.9, 10, [Advice.FREEZE, Advice.TRY]),
        (0.1, 0.9, 50, [Advice.TRY, Advice.TUNE]),
        (0.1, 0.9, 100, [Advice.TUNE]),
        (0.3, 0.3, 50, [Advice.TUNE]),
    ],
)
def test_an_interval_gives_every_advice_inside(low, high, images, advice):
    assert list(recommend_between(low, high, images)) == advice


def test_an_interval_the_wrong_way_round():
    with pytest.raises(InputError, match="low <= high"):
        recommend_between(0.3, 0.2, 10)
