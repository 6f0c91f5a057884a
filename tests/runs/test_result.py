"""Results read back from a run's folder."""

import json

import pytest

from kerastransfer.errors import InputError
from kerastransfer.runs import result_file


@pytest.mark.parametrize("text", ["{", "[1]", "null", '{"recipe": "F1-7R8"}', "\xff"])
def test_a_damaged_result_is_a_line(tmp_path, text):
    (tmp_path / "result.json").write_text(text, encoding="latin-1")
    with pytest.raises(
        InputError, match=r"Expected a run's result in .*--restart"
    ) as e:
        result_file.read_result(tmp_path)
    assert "\n" not in str(e.value)


def test_a_whole_result_is_read_and_none_is_none(tmp_path):
    assert result_file.read_result(tmp_path) is None
    whole = dict.fromkeys(("recipe", "dataset", "backbone", "test", "probe"), "x")
    (tmp_path / "result.json").write_text(json.dumps(whole))
    assert result_file.read_result(tmp_path) == whole
