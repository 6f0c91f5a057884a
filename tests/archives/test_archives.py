"""Archives: what honest ones give, and what hostile ones are refused for."""

import bz2
import dataclasses
import gzip
import io
import lzma
import struct
import tarfile
import zipfile

import pytest

from kerastransfer.archives import spans
from kerastransfer.archives.members import safe_name
from kerastransfer.archives.opening import open_archive
from kerastransfer.archives.spans import FileSpan
from kerastransfer.errors import DataError, MissingError

FILES = {
    "a/one.jpg": b"1" * 700,
    "a/two names.jpg": bytes(range(256)) * 40,
    "b/" + "long" * 40 + ".jpg": b"3",
    "b/empty.txt": b"",
}
KINDS = ("tar", "tar.gz", "tar.bz2", "tar.xz", "zip", "folder")


def tar_of(files, **types):
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as tar:
        for name, data in files.items():
            info = tarfile.TarInfo(name)
            info.size = len(data)
            tar.addfile(info, io.BytesIO(data))
        for name, (kind, target) in types.items():
            info = tarfile.TarInfo(name)
            info.type, info.linkname = kind, target
            tar.addfile(info)
    return buffer.getvalue()


def make(tmp_path, kind, files=None):
    files = FILES if files is None else files
    path = tmp_path / f"set.{kind}"
    if kind == "folder":
        for name, data in files.items():
            (path / name).parent.mkdir(parents=True, exist_ok=True)
            (path / name).write_bytes(data)
    elif kind == "zip":
        with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
            archive.mkdir("a")
            for name, data in files.items():
                archive.writestr(name, data)
    else:
        pack = {"gz": gzip.compress, "bz2": bz2.compress, "xz": lzma.compress}
        plain = tar_of(files)
        path.write_bytes(pack.get(kind[4:], bytes)(plain))
    return path


def contents(path, enter=None):
    archive = open_archive(path)
    return {m.name: m.content.read() for m in archive.members(enter)}


@pytest.mark.parametrize("kind", KINDS)
def test_every_kind_gives_its_members(tmp_path, kind):
    path = make(tmp_path, kind)
    found = contents(path)
    prefix = f"{path.name}/" if kind == "folder" else ""
    assert found == {f"{prefix}{name}": data for name, data in FILES.items()}
    sizes = {m.name: m.size for m in open_archive(path).members()}
    assert sizes == {name: len(data) for name, data in found.items()}
    compressed = kind.startswith("tar.")
    assert open_archive(path).sequential == compressed


@pytest.mark.parametrize("kind", ["tar", "zip", "folder"])
def test_members_are_read_later_and_in_any_order(tmp_path, kind):
    members = list(open_archive(make(tmp_path, kind)).members())
    read = {m.name.removeprefix("set.folder/"): m.content.read() for m in members[::-1]}
    assert read == FILES


def test_the_kind_is_told_by_the_bytes(tmp_path):
    path = make(tmp_path, "zip").rename(tmp_path / "set.tar.gz")
    assert contents(path) == FILES
    (tmp_path / "page.tar").write_bytes(b"<html>not found</html>" * 40)
    with pytest.raises(DataError, match=r"tar, tar.gz or zip file, got bytes b'<html>"):
        open_archive(tmp_path / "page.tar")
    with pytest.raises(MissingError, match="is not there"):
        open_archive(tmp_path / "none.tar")


def test_nested_tars_are_looked_into_where_they_are_wanted(tmp_path):
    inner = {"x.JPEG": b"x" * 600, "y.JPEG": b"y"}
    outer = {"n1.tar": tar_of(inner), "n2.tar": tar_of(inner), "readme": b"r"}
    path = tmp_path / "outer.tar"
    path.write_bytes(tar_of(outer))
    found = contents(path, lambda name: name == "n2.tar")
    assert found == {
        "n1.tar": outer["n1.tar"],
        "n2.tar/x.JPEG": b"x" * 600,
        "n2.tar/y.JPEG": b"y",
        "readme": b"r",
    }


def test_tars_in_a_folder_are_looked_into_where_they_are_wanted(tmp_path):
    inner = {"x.JPEG": b"x" * 600, "y.JPEG": b"y"}
    path = make(tmp_path, "folder", {"n1.tar": tar_of(inner), "n2.tar": tar_of(inner)})
    assert contents(path, lambda name: name.endswith("/n2.tar")) == {
        "set.folder/n1.tar": tar_of(inner),
        "set.folder/n2.tar/x.JPEG": b"x" * 600,
        "set.folder/n2.tar/y.JPEG": b"y",
    }
    (path / "n2.tar").write_bytes(b"no tar" * 100)
    with pytest.raises(DataError, match=r"n2.tar' is damaged or cut short"):
        contents(path, lambda name: name.endswith("/n2.tar"))


def test_a_damaged_nested_tar_is_refused(tmp_path):
    cut = tar_of({"x.JPEG": b"x" * 600})[:-9000]
    (tmp_path / "outer.tar").write_bytes(tar_of({"n1.tar": cut}))
    with pytest.raises(DataError, match="damaged or cut short"):
        contents(tmp_path / "outer.tar", lambda name: True)


@pytest.mark.parametrize(
    "name",
    [
        "../out.jpg",
        "a/../../out.jpg",
        "/etc/passwd",
        "..",
        "a\\..\\out.jpg",
        "C:out.jpg",
    ],
)
@pytest.mark.parametrize("kind", ["tar", "tar.gz", "zip"])
def test_names_that_lead_out_are_refused(tmp_path, kind, name):
    path = make(tmp_path, kind, {"ok.jpg": b"1", name: b"2"})
    with pytest.raises(DataError, match=r"is refused: the name .* leads out of it"):
        contents(path)


def test_names_are_spelled_in_one_way(tmp_path):
    assert safe_name("./a//b\\c.jpg", tmp_path) == "a/b/c.jpg"
    assert safe_name("a..b/..c.jpg", tmp_path) == "a..b/..c.jpg"


@pytest.mark.parametrize(
    ("kind", "told"),
    [
        (tarfile.SYMTYPE, "link"),
        (tarfile.LNKTYPE, "link"),
        (tarfile.CHRTYPE, "device"),
        (tarfile.BLKTYPE, "device"),
        (tarfile.FIFOTYPE, "device"),
    ],
)
@pytest.mark.parametrize("packed", [False, True])
def test_links_and_devices_are_refused(tmp_path, kind, told, packed):
    data = tar_of({"ok.jpg": b"1"}, trap=(kind, "/etc/passwd"))
    path = tmp_path / "set.tar"
    path.write_bytes(gzip.compress(data) if packed else data)
    with pytest.raises(DataError, match=f"is refused: 'trap' is a {told}"):
        contents(path)


def test_links_in_zips_are_refused(tmp_path):
    info = zipfile.ZipInfo("trap.jpg")
    info.external_attr = 0o120777 << 16
    with zipfile.ZipFile(tmp_path / "set.zip", "w") as archive:
        archive.writestr(info, "/etc/passwd")
    with pytest.raises(DataError, match=r"'trap.jpg' is a link"):
        contents(tmp_path / "set.zip")


def test_links_in_folders_do_not_lead_out(tmp_path):
    path = make(tmp_path, "folder")
    (tmp_path / "secret.jpg").write_bytes(b"secret")
    (path / "a" / "out.jpg").symlink_to(tmp_path / "secret.jpg")
    (path / "a" / "in.jpg").symlink_to(path / "a" / "one.jpg")
    (path / "loop").symlink_to(path)
    (path / "gone.jpg").symlink_to(path / "nowhere")
    (path / "circle.jpg").symlink_to(path / "circle.jpg")
    members = {m.name.partition("/")[2]: m for m in open_archive(path).members()}
    links = {name for name, member in members.items() if member.link}
    # Told, so that they can be counted, but neither followed nor read.
    assert links == {"a/out.jpg", "loop", "gone.jpg", "circle.jpg"}
    assert members.keys() - links == {*FILES, "a/in.jpg"}
    assert members["a/in.jpg"].content.read() == FILES["a/one.jpg"]
    for name in links:
        with pytest.raises(DataError, match="it is a link"):
            members[name].content.read()


@pytest.mark.parametrize(
    ("kind", "part"),
    [
        *(("tar", part) for part in (0.2, 0.5)),  # its end is 10 kB of padding
        *(
            (kind, part)
            for kind in ("tar.gz", "tar.bz2", "tar.xz", "zip")
            for part in (0.2, 0.5, 0.9, 0.999)
        ),
    ],
)
def test_what_is_cut_short_is_refused(tmp_path, kind, part):
    path = make(tmp_path, kind)
    data = path.read_bytes()
    path.write_bytes(data[: int(part * len(data))])
    with pytest.raises(DataError, match=r"cut short|ends within|tar, tar.gz or zip"):
        contents(path)


def test_a_tar_cut_between_two_members_is_refused(tmp_path):
    """Python's reader takes the end of the file for the end of the archive."""
    path = make(tmp_path, "tar")
    with tarfile.open(path) as tar:
        third = tar.getmembers()[2].offset
    path.write_bytes(path.read_bytes()[:third])
    with tarfile.open(path) as tar:
        assert len(tar.getmembers()) == 2
    with pytest.raises(DataError, match="cut short: its end is missing"):
        contents(path)


@pytest.mark.parametrize("kind", ["tar.gz", "tar.bz2", "tar.xz"])
def test_a_damaged_stream_is_seen_at_its_end(tmp_path, kind):
    path = make(tmp_path, kind)
    data = bytearray(path.read_bytes())
    data[-6] ^= 0xFF  # in the checksum, behind the last member
    path.write_bytes(data)
    with pytest.raises(DataError, match="damaged or cut short"):
        contents(path)


def test_a_damaged_zip_member_is_refused(tmp_path):
    path = make(tmp_path, "zip")
    member = next(iter(open_archive(path).members()))
    data = bytearray(path.read_bytes())
    data[member.content.header + 30 + len(member.name)] ^= 0x04
    path.write_bytes(data)
    with pytest.raises(DataError, match="is damaged"):
        contents(path)


def test_a_zip_member_that_unpacks_to_more_than_it_states_is_refused(tmp_path):
    path = make(tmp_path, "zip", {"bomb.jpg": b"0" * 1_000_000})
    data = path.read_bytes()
    for size in (b"PK\x03\x04", b"PK\x01\x02"):  # both of its headers
        at = data.rindex(size) + (22 if size == b"PK\x03\x04" else 24)
        data = data[:at] + struct.pack("<I", 50) + data[at + 4 :]
    path.write_bytes(data)
    with pytest.raises(DataError, match="a member's checksum does not hold"):
        contents(path)


@pytest.mark.parametrize("kind", ["tar", "tar.gz", "zip", "folder"])
def test_sizes_are_bounded(tmp_path, monkeypatch, kind):
    path = make(tmp_path, kind)
    monkeypatch.setattr(spans, "MAX_BYTES", 1_000)
    from kerastransfer.archives import tars

    monkeypatch.setattr(tars, "MAX_BYTES", 1_000)
    found = []
    for member in open_archive(path).members():
        if member.size > 1_000:
            with pytest.raises(DataError, match=r"is larger than 1,000 bytes"):
                member.content.read()
        else:
            found.append(member.content.read())
    assert len(found) == 3


def test_an_encrypted_zip_is_refused(tmp_path):
    path = make(tmp_path, "zip")
    data = path.read_bytes()
    for at in (data.rindex(b"PK\x03\x04") + 6, data.rindex(b"PK\x01\x02") + 8):
        data = data[:at] + b"\x01\x00" + data[at + 2 :]
    path.write_bytes(data)
    with pytest.raises(DataError, match="is encrypted"):
        contents(path)


def test_a_span_of_a_file_that_shrank_is_an_error(tmp_path):
    (tmp_path / "f").write_bytes(b"12345")
    assert FileSpan(tmp_path / "f", 1, 3).read() == b"234"
    with pytest.raises(DataError, match="ends within a file"):
        FileSpan(tmp_path / "f", 3, 3).read()
    with pytest.raises(MissingError, match="is not there"):
        FileSpan(tmp_path / "g").read()


def test_a_file_beyond_the_limit_is_refused(tmp_path):
    file = tmp_path / "a.jpg"
    file.write_bytes(b"12345")
    assert spans.read_bounded(file, 5) == b"12345"
    with pytest.raises(DataError, match=r"a.jpg' is larger than 4 bytes"):
        spans.read_bounded(file, 4)


@pytest.mark.parametrize(
    "method",
    [zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED, zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA],
)
def test_a_zip_gives_every_members_bytes_whatever_its_method(tmp_path, method):
    """As Python's own reader of zips has them."""
    path = tmp_path / "set.zip"
    with zipfile.ZipFile(path, "w", method) as archive:
        for name, data in FILES.items():
            archive.writestr(name, data)
    given = {each.name: each.content.read() for each in open_archive(path).members()}
    with zipfile.ZipFile(path) as archive:
        assert given == {name: archive.read(name) for name in FILES} == FILES


@pytest.mark.parametrize("method", [zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA])
def test_a_member_that_unpacks_to_more_than_it_states_is_refused(tmp_path, method):
    path = tmp_path / "bomb.zip"
    with zipfile.ZipFile(path, "w", method) as archive:
        archive.writestr("a.jpg", bytes(1 << 20))
    [member] = open_archive(path).members()
    lying = dataclasses.replace(member.content, size=1000)
    with pytest.raises(DataError, match="checksum does not hold"):
        lying.read()


def test_damaged_lzma_and_bzip2_members_are_told(tmp_path):
    for method in (zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA):
        path = tmp_path / f"{method}.zip"
        with zipfile.ZipFile(path, "w", method) as archive:
            archive.writestr("a.jpg", FILES["a/two names.jpg"])
        data = bytearray(path.read_bytes())
        data[35:43] = b"\xff" * 8  # the head of the packed bytes, behind the name
        path.write_bytes(data)
        [member] = open_archive(path).members()
        with pytest.raises(DataError, match=r"Zip file .* is damaged"):
            member.content.read()


@pytest.mark.parametrize(
    ("method", "name"), [(9, "Deflate64"), (93, "Zstandard"), (7, "7")]
)
def test_a_zip_with_one_member_that_cannot_be_read_is_refused_whole(
    tmp_path, method, name
):
    path = make(tmp_path, "zip")
    data = bytearray(path.read_bytes())
    last = data.rindex(b"PK\x01\x02")  # its entry in the table of contents
    struct.pack_into("<H", data, last + 10, method)
    struct.pack_into("<H", data, data.rindex(b"PK\x03\x04") + 8, method)
    path.write_bytes(data)
    with pytest.raises(DataError, match=f"by method {name}.*unpack it and name the"):
        list(open_archive(path).members())


@pytest.mark.parametrize(
    ("head", "told"),
    [
        (b"7z\xbc\xaf\x27\x1c\0\4", r"\(a 7z file\); unpack it"),
        (b"Rar!\x1a\x07\x01\0", r"\(a RAR file\); unpack it"),
        (b"\x28\xb5\x2f\xfd\x24", r"\(packed by Zstandard\); unpack it"),
        (b"\n<!DOCTYPE html>", r"a web page, .* get it again"),
        (b"GIF89a", "got bytes b'GIF89a'"),
    ],
)
def test_what_is_no_archive_that_is_read_is_told(tmp_path, head, told):
    path = tmp_path / "set.zip"
    path.write_bytes(head)
    with pytest.raises(DataError, match=told):
        open_archive(path)


def test_an_lzma_member_is_unpacked_no_further_than_it_states():
    """A megabyte of zeros in some hundred bytes, said to be 1,000."""
    packer = zipfile._get_compressor(zipfile.ZIP_LZMA)
    data = packer.compress(bytes(1 << 20)) + packer.flush()
    assert len(data) < 1000
    assert spans._unpack_lzma(data, 1 << 20) == bytes(1 << 20)
    assert spans._unpack_lzma(data, 1000) == bytes(1001)
