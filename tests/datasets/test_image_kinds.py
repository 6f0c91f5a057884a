import pytest
from helpers.pictures import jpeg, png

from kerastransfer.datasets.image_kinds import describe, sniff


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
        (b"P1 is a patient", ""),
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
