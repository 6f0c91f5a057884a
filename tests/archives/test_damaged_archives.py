"""Archives damaged in their middle, and headers made to harm."""

import gzip
import io
import struct
import tarfile
import tracemalloc
import zipfile

import pytest
from helpers.miniature_archives import MINIATURES

from kerastransfer.archives import spans
from kerastransfer.archives.opening import open_archive
from kerastransfer.archives.spans import FileSpan, ZipSpan
from kerastransfer.datasets.table import resolve
from kerastransfer.errors import DataError

BLOCK = tarfile.BLOCKSIZE
FILES = {f"a/{i}.jpg": bytes([i]) * (300 * i) for i in range(10)}


def tar_of(files, **options):
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w", **options) as tar:
        for name, data in files.items():
            info = tarfile.TarInfo(name)
            info.size = len(data)
            tar.addfile(info, io.BytesIO(data))
    return buffer.getvalue()


def names(path, enter=None):
    return [member.name for member in open_archive(path).members(enter)]


def header_of(data, name):
    """Where a member's header begins."""
    with tarfile.open(fileobj=io.BytesIO(data)) as tar:
        return tar.getmember(name).offset


def write(path, data, kind):
    """Write a tar as it is, compressed, or as a member of another."""
    if kind == "tar.gz":
        data = gzip.compress(data)
    elif kind == "nested":
        data = tar_of({"n1.tar": tar_of(FILES), "n2.tar": data, "n3": b"3"})
    path.write_bytes(data)
    return path


KINDS = pytest.mark.parametrize("kind", ["tar", "tar.gz", "nested"])


def flipped(data, at):
    return data[: at + 5] + bytes([data[at + 5] ^ 1]) + data[at + 6 :]


def zeroed(data, at):
    return data[:at] + bytes(BLOCK) + data[at + BLOCK :]


@KINDS
@pytest.mark.parametrize(
    ("damage", "told"),
    [
        (flipped, "a header does not hold, bad checksum; get it again"),
        (zeroed, "there is more behind its end mark; get it again"),
    ],
)
def test_a_damaged_header_is_no_end(tmp_path, kind, damage, told):
    """tarfile itself lists what is before it, and says nothing."""
    data = tar_of(FILES)
    spoilt = damage(data, header_of(data, "a/6.jpg"))
    with tarfile.open(fileobj=io.BytesIO(spoilt)) as tar:
        assert len(tar.getmembers()) == 6
    path = write(tmp_path / "set", spoilt, kind)
    with pytest.raises(DataError, match=f"is damaged or cut short: {told}"):
        names(path, lambda name: name.endswith(".tar"))


@KINDS
def test_an_archive_cut_between_two_members_is_no_whole(tmp_path, kind):
    data = tar_of(FILES)
    path = write(tmp_path / "set", data[: header_of(data, "a/3.jpg")], kind)
    with pytest.raises(DataError, match="cut short: its end is missing"):
        names(path, lambda name: name.endswith(".tar"))


@pytest.mark.parametrize("options", [{"format": tarfile.PAX_FORMAT}, {}])
@KINDS
def test_sound_archives_with_long_names_stay_readable(tmp_path, kind, options):
    files = {f"{'d' * 90}/{'e' * 90}/{i:0120d}.jpg": b"x" * i for i in range(30)}
    files |= {f"ü{'ö' * 200}.jpg": b"1"}
    options = {"pax_headers": {"comment": "made here"}, **options}
    path = write(tmp_path / "set", tar_of(files, **options), kind)
    found = names(path, lambda name: name.endswith("n2.tar"))
    assert [name.removeprefix("n2.tar/") for name in found if "jpg" in name] == [*files]


@pytest.mark.parametrize("name", ["caltech256", "yosinski"])
def test_a_damaged_dataset_is_never_a_smaller_one(tmp_path, name):
    MINIATURES[name](tmp_path)
    path = next(tmp_path.glob("*_img_train.tar"), tmp_path / "256_ObjectCategories.tar")
    data = path.read_bytes()
    with tarfile.open(path) as tar:
        middle = tar.getmembers()[len(tar.getmembers()) // 2].offset
    path.write_bytes(flipped(data, middle))
    with pytest.raises(DataError, match="a header does not hold"):
        resolve(name, tmp_path).listing()


# Headers that extend others.


def header(name, size, kind=tarfile.REGTYPE):
    info = tarfile.TarInfo(name)
    info.type = kind
    block = bytearray(info.tobuf(tarfile.GNU_FORMAT))
    block[124:136] = tarfile.itn(size, 12, tarfile.GNU_FORMAT)
    block[148:156] = b" " * 8
    block[148:156] = b"%06o\0 " % sum(block)
    return bytes(block)


def padded(data):
    return data + bytes(-len(data) % BLOCK)


END = bytes(2 * BLOCK)
LARGE = 1 << 26


@pytest.mark.parametrize("kind", ["L", "K", "x", "g", "X"])
@pytest.mark.parametrize("packed", [False, True])
def test_an_extending_header_is_not_read_whole(tmp_path, kind, packed):
    path = tmp_path / "set.tar"
    opener = gzip.open if packed else open
    with opener(path, "wb") as file:
        file.write(header("long", LARGE, kind.encode()))
        file.write(bytes(LARGE) + header("a.jpg", 0) + END)
    tracemalloc.start()
    try:
        with pytest.raises(DataError, match=r"it holds 67,10\d,\d+ bytes that extend"):
            names(path)
        assert tracemalloc.get_traced_memory()[1] < LARGE / 8
    finally:
        tracemalloc.stop()


def chain(kind, count, body=b"n"):
    one = header("extends", len(body), kind) + padded(body)
    return one * count + header("a.jpg", 0) + END


@pytest.mark.parametrize("packed", [bytes, gzip.compress])
@pytest.mark.parametrize(
    ("data", "told"),
    [
        (chain(b"L", 20), "over 16 headers extend one"),
        (chain(b"L", 3_000), "over 16 headers extend one"),  # deeper than Python goes
        (
            b"".join(
                chain(b"g", 1, b"%d a%d=%s\n" % (30_000, i, b"1" * 29_990))[: -len(END)]
                for i in range(5)
            ),
            "bytes that extend a header",
        ),
    ],
)
def test_many_extending_headers_are_refused(tmp_path, packed, data, told):
    (tmp_path / "set").write_bytes(packed(data))
    with pytest.raises(DataError, match=f"is refused: .*{told}"):
        names(tmp_path / "set")


def pax(record):
    text = b" %s\n" % record
    length = len(text) + len(str(len(text) + 2))
    body = b"%d%s" % (length, text)
    return header("pax", len(body), b"x") + padded(body) + header("a.jpg", 0) + END


@pytest.mark.parametrize("packed", [bytes, gzip.compress])
@pytest.mark.parametrize(
    ("data", "told"),
    [
        # Two members and a size that leads back to the first: without end.
        (header("a.jpg", 0) + header("b.jpg", -2 * BLOCK) + END, "size of -1024 bytes"),
        (header("a.jpg", -1) + END, "size of -1 bytes"),
        (header("a.jpg", -BLOCK, b"L") + END, "size of -512 bytes"),
        (header("a.jpg", 1 << 70) + END, f"size of {1 << 70} bytes"),
        (pax(b"size=-512"), "size of -512 bytes"),
        (header("a.jpg", 0, b"S") + END, "is a sparse file"),
        (pax(b"GNU.sparse.map=0,1"), "is a sparse file"),
        (pax(b"GNU.sparse.size=9"), "is a sparse file"),
    ],
)
def test_sizes_that_no_file_has_are_refused(tmp_path, packed, data, told):
    (tmp_path / "set").write_bytes(packed(data))
    with pytest.raises(DataError, match=f"is refused: .*{told}"):
        names(tmp_path / "set")


@pytest.mark.parametrize("packed", [bytes, gzip.compress])
@pytest.mark.parametrize(
    "data",
    [
        pax(b"hdrcharset=\xff\xfe"),
        pax(b"GNU.sparse.realsize=many"),
        header("a.jpg", 1 << 52) + b"1",  # of which all but a byte is missing
    ],
)
def test_other_damage_is_one_line(tmp_path, packed, data):
    (tmp_path / "set").write_bytes(packed(data))
    with pytest.raises(DataError, match="is damaged or cut short"):
        for member in open_archive(tmp_path / "set").members():
            member.content.read() if member.size < 1 << 20 else None


def test_a_place_that_is_in_no_file_is_an_error(tmp_path):
    (tmp_path / "f").write_bytes(b"12345")
    for span in (
        FileSpan(tmp_path / "f", 0, -1),
        FileSpan(tmp_path / "f", 0, -512),
        FileSpan(tmp_path / "f", -3, 2),
        ZipSpan(tmp_path / "f", -9, 1, 1, 0, 0),
        ZipSpan(tmp_path / "f", 1 << 70, 1, 1, 0, 0),
    ):
        with pytest.raises(DataError, match=r"f' is damaged: a file of .* bytes at"):
            span.read()
    assert spans.read_bounded(tmp_path / "f") == b"12345"


# Zip files' tables of contents.


def test_a_zip_whose_names_are_no_text_is_refused(tmp_path):
    path = tmp_path / "set.zip"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("ü.jpg", b"1")
    path.write_bytes(path.read_bytes().replace("ü".encode(), b"\xff\xff"))
    with pytest.raises(DataError, match=r"set.zip' is damaged or cut short: 'utf-8'"):
        names(path)


def test_a_zip_with_a_short_field_is_refused(tmp_path):
    path = tmp_path / "set.zip"
    with zipfile.ZipFile(path, "w") as archive:
        info = zipfile.ZipInfo("a.jpg")
        info.extra = struct.pack("<HH", 1, 8) + b"\0" * 3
        archive.writestr(info, b"1")
    data = bytearray(path.read_bytes())
    at = data.rindex(b"PK\x01\x02") + 20
    data[at : at + 8] = b"\xff" * 8  # its sizes are said to stand in that field
    path.write_bytes(data)
    with pytest.raises(DataError, match=r"set.zip' is damaged or cut short"):
        names(path)
