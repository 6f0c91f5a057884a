"""Bytes of a text file to text, in the encoding they are in."""

import codecs
import re
from typing import NamedTuple

from kerastransfer.errors import DataError, InputError
from kerastransfer.foundation.quoting import quoted

_MARKS = (  # UTF-32 first: its mark begins as UTF-16's does
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF32_LE, "utf-32"),
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
_WINDOWS = "cp1252"  # what Excel writes in Western Europe and America
_SEEN = 200  # bytes at the front that tell of UTF-16 without a mark


class Text(NamedTuple):
    """Text, and how it was read.

    Parameters
    ----------
    note : str
        What to tell of it; empty for UTF-8.
    """

    text: str
    note: str


def decode(data: bytes, where: str, encoding: str | None = None) -> Text:
    """Decode a text file.

    Parameters
    ----------
    where : str
        Names the file in messages.
    encoding : str, optional
        What the user says; by default UTF-8, or UTF-16 or UTF-32 where a mark or every
        other byte says so, else Windows-1252.

    Raises
    ------
    InputError
        If there is no such encoding.
    DataError
        If the bytes are not in it.

    Examples
    --------
    >>> decode("Käfer".encode("cp1252"), "'a.csv'").text
    'Käfer'
    """
    if encoding is not None:
        return Text(_decode(data, where, _known(encoding)), "")
    named = _of_mark(data)
    if named is None and b"\0" in data[:_SEEN]:
        named = _of_zeros(data, where)
    if named is not None:
        note = "" if named == "utf-8-sig" else f"it is {named.upper()}"
        return Text(_decode(data, where, named), note)
    try:
        return Text(data.decode("utf-8"), "")
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
    try:
        text = data.decode(_WINDOWS)
    except UnicodeDecodeError:
        raise DataError(
            f"{where}, line {line:,}: expected UTF-8 text, and it is neither that nor "
            "UTF-16 nor Windows-1252; save it as UTF-8, or name what it is with "
            "'convert --encoding NAME'."
        ) from None
    return Text(
        text,
        f"line {line:,} is no UTF-8, so it is read as Windows-1252, such as "
        f"{quoted(_sample(text))} (another: 'convert --encoding NAME')",
    )


def _sample(text: str) -> str:
    """Return the first word that may have come out wrong."""
    match = re.search(r"\w*[^\x00-\x7f]\w*", text)
    return match.group() if match else ""


def _of_mark(data: bytes) -> str | None:
    for mark, name in _MARKS:
        if data.startswith(mark):
            return name
    return None


def _of_zeros(data: bytes, where: str) -> str:
    """Tell UTF-16 by its zeros, which no text of one byte a character holds."""
    name = "utf-16-be" if data[:1] == b"\0" else "utf-16-le"
    head = data[:_SEEN].decode(name, "replace")
    if (
        not head.isascii()
        and not head.replace("\n", " ").replace("\r", "").isprintable()
    ):
        raise DataError(
            f"Expected a table (text or .xlsx) in {where}, got bytes "
            f"{quoted(data[:8])}."
        )
    return name


def _known(encoding: str) -> str:
    try:
        name = codecs.lookup(encoding).name
        "".encode(encoding)  # some codecs are of bytes to bytes
    except (LookupError, ValueError, TypeError):
        raise InputError(
            "Expected --encoding to name one that Python knows, such as utf-8, cp1252, "
            f"cp1251 or shift_jis, got {quoted(encoding)}."
        ) from None
    return "utf-8-sig" if name == "utf-8" else encoding


def _decode(data: bytes, where: str, encoding: str) -> str:
    try:
        return data.decode(encoding)
    except UnicodeError as error:
        start = getattr(error, "start", 0)
        line = data.count(b"\n", 0, start) + 1
        raise DataError(
            f"{where}, line {line:,}: expected {encoding.upper()} text; save it as "
            "UTF-8, or name what it is with 'convert --encoding NAME'."
        ) from None
