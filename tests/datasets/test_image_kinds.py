import os

import pytest
from helpers.pictures import jpeg, png

from kerastransfer.datasets.image_kinds import (
    describe,
    is_image_path,
    read_head,
    sniff,
)


@pytest.mark.parametrize(
    ("head", "kind"),
    [
        *((jpeg(0), "JPEG"), (png(0), "PNG"), (b"GIF87a", "GIF"), (b"MM\0*", "TIFF")),
        *((b"II+\0", "TIFF"), (b"RIFF0000WEBPVP8 ", "WEBP"), (b"P6\n1 1", "PPM")),
        *((b"P5 1", "PPM"), (b"Pf\n", "PPM"), (b"BM", "BMP"), (b"qoif", "QOI")),
        (b"BM" + bytes(12) + b"\x28\0\0\0", "BMP"),
        (b"\0\0\0\x0cjP  \r\n\x87\n", "JPEG2000"),
        (b"\xff\x4f\xff\x51", "JPEG2000"),
        (b"\0\0\1\0\1\0\x10\x10\0\0", "ICO"),
        # a box of 24 bytes: its size, its type, the main brand, a version, two more
        (b"\0\0\0\x18ftypheic\0\0\0\0mif1heic", "HEIF"),
        (b"\0\0\0\x18ftypmif1\0\0\0\0mif1avif", "AVIF"),
        (b"\0\0\0\x18ftypavif\0\0\0\0avifmif1", "AVIF"),
        (b"\0\0\0\x18ftypisom\0\0\0\0isommp42", ""),  # a film
        (b"\0\0\0\x14ftypisom\0\0\0\0isomavif", ""),  # beyond the box
        (b"BMW is a make of cars", ""),
        (b"P4ssword", ""),
        (b"\0\1\0\0\0\x12\1\0", ""),  # a TrueType font
        *((b"", ""), (b"hello, world", ""), (b"RIFF0000WAVEfmt ", "")),
    ],
)
def test_bytes_tell_a_format(head, kind):
    assert sniff(head) == kind


@pytest.mark.parametrize(
    ("head", "words"),
    [
        (b"%PDF-1.4", "a PDF document"),
        (b"\x93NUMPY", "a NumPy array"),
        (b"<svg>", "an SVG drawing"),
        (b"\n<HTML>", "a web page"),
        (bytes(128) + b"DICM", "a DICOM file"),
        (b"hello", ""),
    ],
)
def test_other_files_are_called_by_their_kind(head, words):
    assert describe(head) == words and not sniff(head)


@pytest.mark.parametrize(
    "name", ["photo.jpg", "photo", "photo.jpg_large", "photo.jpg?w=800", "a.b.txt"]
)
def test_an_image_is_one_under_any_name(tmp_path, name):
    (tmp_path / name).write_bytes(jpeg(0))
    assert is_image_path(tmp_path / name)


def test_other_files_are_none(tmp_path):
    for name, data in [
        *(("notes.txt", b"Pictures of 2024"), ("empty", b""), ("x.pdf", b"%PDF-1.4")),
        *((".hidden.jpg", jpeg(0)), ("._x.jpg", b"\0\5\x16\7")),
    ]:
        (tmp_path / name).write_bytes(data)
        assert not is_image_path(tmp_path / name)
    assert not is_image_path(tmp_path)
    assert not is_image_path(tmp_path / "not there")
    os.mkfifo(tmp_path / "pipe")  # opened, it would wait for ever
    assert not is_image_path(tmp_path / "pipe") and read_head(tmp_path / "pipe") == b""
    # what its name calls an image is one to be told of where its bytes are not
    (tmp_path / "cut.jpg").write_bytes(b"<html>")
    assert is_image_path(tmp_path / "cut.jpg")
