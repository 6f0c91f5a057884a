import warnings

import pytest

from kerastransfer.errors import DataError
from kerastransfer.foundation.report import KerasTransferWarning
from kerastransfer.records.images.samples import ValueRange
from kerastransfer.records.images.white_levels import choose


def ranges(*values, kind="integer"):
    return {f"{i}.tif": ValueRange(kind, value) for i, value in enumerate(values)}


@pytest.mark.parametrize(
    ("greatest", "level"),
    [
        *((0, 255), (255, 255), (256, 1023), (1023, 1023), (1024, 4095)),
        *((4095, 4095), (4096, 16_383), (16_384, 65_535), (65_535, 65_535)),
    ],
)
def test_the_smallest_depth_that_holds_all_values_is_taken(greatest, level):
    assert choose(ranges(greatest)) == {"integer": level, "floating": None}
    assert choose(ranges(greatest, greatest // 2, 0))["integer"] == level


@pytest.mark.parametrize(
    ("greatest", "level"), [(0.6, 1), (1.0, 1), (128.0, 255), (255.0, 255)]
)
def test_floating_point_numbers_reach_to_1_or_255(greatest, level):
    assert choose(ranges(greatest, 0.1, kind="floating"))["floating"] == level


@pytest.mark.parametrize(
    ("greatest", "kind"),
    [
        *((0.0, "floating"), (0.3, "floating"), (1.01, "floating")),
        *((100.0, "floating"), (255.5, "floating"), (65_536, "integer")),
    ],
)
def test_what_fits_to_no_level_is_refused(greatest, kind):
    with pytest.raises(
        DataError, match=r"'0\.tif'\); say which value is white with --w"
    ):
        choose(ranges(greatest, kind=kind))


def test_each_kind_of_number_has_its_own_white():
    both = ranges(900) | {"f": ValueRange("floating", 0.9)}
    assert choose(both) == {"integer": 1023, "floating": 1}


def test_a_few_bright_images_are_told():
    # 1 of 200 is less than a hundredth, 3 are not
    with pytest.warns(
        KerasTransferWarning, match="only 1, such as '0.tif', have values above 4,095"
    ):
        assert choose(ranges(65_535, *[4000] * 199))["integer"] == 65_535
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert choose(ranges(*[65_535] * 3, *[4000] * 197))["integer"] == 65_535
