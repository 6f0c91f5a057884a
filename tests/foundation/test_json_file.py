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
        (b'{"a":' * 65 + b"1" + b"}" * 65, "nested too deeply"),
        (b'{"a": 1' + b"0" * 30 + b"}", "a number of 31 digits"),
        (b'{"a": 1e999}', "1e999, which is too large"),
        (b'{"a": NaN}', "NaN, which is no number"),
        (b'{"a": {"b": 1, "b": 2}}', "the key 'b' twice"),
        ("{}".encode("utf-16"), "no JSON"),
        (b"{" + b" " * (1 << 26), "more than 67,108,864 bytes"),
    ],
)
def test_anything_else_is_told(tmp_path, content, message):
    path = tmp_path / "a.json"
    path.write_bytes(content)
    with pytest.raises(ValueError, match=message):
        read_object(path)


def test_brackets_in_strings_nest_nothing(tmp_path):
    path = tmp_path / "a.json"
    path.write_text('{"a": "%s", "b\\"[": [[]]}' % ("[{" * 100), encoding="utf-8")
    assert read_object(path)['b"['] == [[]]


def test_a_name_that_no_file_has_is_a_reason(tmp_path):
    with pytest.raises(ValueError, match="cannot be read, File name too long"):
        read_object(tmp_path / ("a" * 5000))
    with pytest.raises(ValueError, match="no file can have that name"):
        read_object(tmp_path / "a\0b")
    with pytest.raises(ValueError, match="it is no file"):
        read_object(tmp_path)
    with pytest.raises(FileNotFoundError):
        read_object(tmp_path / "b")
