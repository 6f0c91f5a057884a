"""JSON objects, and what is none."""

import pytest

from kerastransfer.foundation.json_file import read_object


def test_an_object_is_read(tmp_path):
    path = tmp_path / "a.json"
    path.write_text('{"größe": [1, null]}', encoding="utf-8")
    assert read_object(path) == {"größe": [1, None]}


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "Expecting value"),
        (b"{", "Expecting property name"),
        (b"[1]", "no JSON object"),
        (b"\xff", "invalid start byte"),
        (b"[" * 100_000, "nested too deeply"),
    ],
)
def test_anything_else_is_told(tmp_path, content, message):
    path = tmp_path / "a.json"
    path.write_bytes(content)
    with pytest.raises(ValueError, match=message):
        read_object(path)
