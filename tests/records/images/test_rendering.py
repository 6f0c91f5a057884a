import json

import pytest

from kerastransfer.errors import DataError, InputError
from kerastransfer.records.images.rendering import (
    LEGACY,
    Rendering,
    read_background,
    read_white_level,
)
from kerastransfer.records.images.rules import FILE, ImageRules


@pytest.mark.parametrize("value", ["", "no", "0", "-1", "nan", "inf", 0, True, "1e99"])
def test_a_white_level_is_a_number_or_auto(value):
    with pytest.raises(InputError, match="Expected --white-level to be auto or a num"):
        read_white_level(value)


@pytest.mark.parametrize(
    "value", ["", "red", "#12345", "#1234567", "ffffff", "#gggggg"]
)
def test_a_background_is_black_white_or_six_digits(value):
    with pytest.raises(InputError, match="Expected --background to be white, black or"):
        read_background(value)


def test_options_are_read_in_all_their_spellings():
    assert [read_white_level(v) for v in (None, "auto", "4095", 0.5)] == [
        *("auto", "auto", 4095, 0.5)
    ]
    assert [read_background(v) for v in (None, "white", "Black", "#AaBbCc")] == [
        *("#ffffff", "#ffffff", "#000000", "#aabbcc")
    ]


RULES = ImageRules(
    image_size=128, rendering=Rendering(integer=4095, background="#102030")
)


def test_rules_come_back_from_their_file(tmp_path):
    (tmp_path / FILE).write_text(json.dumps(RULES.as_dict()), encoding="utf-8")
    assert ImageRules.read(tmp_path) == RULES
    assert RULES.rendering.ground == (0x10, 0x20, 0x30)
    given = RULES.with_white_level("1023").rendering
    assert (given.given, given.integer) == (1023, 4095)
    assert RULES.with_white_level(None) == RULES


def test_without_a_file_images_are_read_as_earlier_versions_did(tmp_path):
    assert ImageRules.read(tmp_path) == ImageRules(image_size=256, rendering=LEGACY)
    old = {"white_level": None, "background": None, "white": None, "image_size": 64}
    assert ImageRules.of_metadata(old) == ImageRules(image_size=64, rendering=LEGACY)


def test_rules_of_records_are_those_of_their_metadata():
    metadata = {
        **{"white_level": "auto", "background": "#102030", "image_size": 128},
        "white": {"integer": 4095, "floating": None},
    }
    assert ImageRules.of_metadata(metadata) == RULES
    fixed = ImageRules.of_metadata(metadata | {"white_level": 7}).rendering
    assert fixed.given == 7


@pytest.mark.parametrize(
    "change",
    [
        {"image_size": 0},
        {"image_size": "1"},
        {"integer": -4},
        {"integer": "x"},
        {"background": "red"},
        {"background": 5},
        {"other": 1},
    ],
)
def test_damaged_rules_are_refused(tmp_path, change):
    text = json.dumps(RULES.as_dict() | change)
    (tmp_path / FILE).write_text(text, encoding="utf-8")
    with pytest.raises(DataError, match="export the run again"):
        ImageRules.read(tmp_path)
    (tmp_path / FILE).write_text("[]", encoding="utf-8")
    with pytest.raises(DataError, match="export the run again"):
        ImageRules.read(tmp_path)
