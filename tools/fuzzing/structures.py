"""Ways to spoil what is in a file, and to make the file of it as its writer would.

Checksums and lengths are computed again, so that a reader's deeper parts are reached.
"""

import gzip
import io
import json
import random
import struct
import tarfile
import zipfile
import zlib
from typing import Any

from fuzzing.mutations import NUMBERS, spoil
from fuzzing.target import Mutator

NAMES = (
    *("../../x", "/etc/passwd", "C:\\x", "a\\..\\..\\x", "", ".", "..", "a//b"),
    *("x" * 300, "x/" * 400 + "y", "CON", "nul.jpg", "a\0b", "a\nb", "\x1b[31mred"),
    *("\u202egpj.exe", "a:b", "~/x", "-rf", "dir/", "ü", "\ud7ff", "{SPLIT}", "%s%n"),
)
VALUES: tuple[Any, ...] = (
    *(*NUMBERS, 10**40, 1e308, float("inf"), float("nan"), 0.5, -0.0),
    *(True, False, None, "", "x" * 3_000, "\x1b[31m", "a\0b", "../../x", "\ud800"),
    *("NaN", "1", "9" * 50, [], {}, [[]], [None], {"": None}, [0] * 300),
    *({"a": {"b": {"c": [1]}}}, ["a"], [1, "a"]),
)


def _json(data: bytes, other: bytes, rng: random.Random) -> bytes:
    try:
        value = json.loads(data)
    except (ValueError, RecursionError):
        return spoil(data, other, rng)
    for _ in range(rng.choice((1, 1, 2))):
        value = change(value, rng)
    text = json.dumps(value)
    if rng.random() < 0.1 and text.startswith("{"):
        text = "{" + text[1:-1] + "," + text[1:] if len(text) > 2 else text
    return text.encode()


def change(value: Any, rng: random.Random) -> Any:
    """Change one place of nested lists and objects."""
    if isinstance(value, dict) and value and rng.random() < 0.9:
        key = rng.choice(list(value))
        if rng.random() < 0.15:
            return {k: v for k, v in value.items() if k != key}
        if rng.random() < 0.1:
            return {rng.choice(NAMES) if k == key else k: v for k, v in value.items()}
        return {k: change(v, rng) if k == key else v for k, v in value.items()}
    if isinstance(value, list) and value and rng.random() < 0.8:
        at = rng.randrange(len(value))
        kept = rng.choice(([], [value[at]], [value[at]] * 2))
        if rng.random() < 0.3:
            return value[:at] + kept + value[at + 1 :]
        return [*value[:at], change(value[at], rng), *value[at + 1 :]]
    if type(value) is int and rng.random() < 0.5:
        return value + rng.choice((-1, 1, 100, 1 << 32, -value * 2))
    return rng.choice(VALUES)


def _zip(data: bytes, other: bytes, rng: random.Random) -> bytes:
    """Write a zip again, with one of its members spoilt in name, kind or content."""
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            members = [(info, archive.read(info)) for info in archive.infolist()]
    except Exception:
        return spoil(data, other, rng)
    out = io.BytesIO()
    method = rng.choice((0, 0, 8, 12, 14))
    at = rng.randrange(len(members)) if members else -1
    kind = rng.choice(("name", "content", "content", "twice", "less", "mode"))
    with zipfile.ZipFile(out, "w") as archive:
        for number, (old, content) in enumerate(members):
            info = zipfile.ZipInfo(old.filename)
            info.compress_type, info.external_attr = method, old.external_attr
            if number == at and kind == "less":
                continue
            if number == at and kind == "name":
                info = zipfile.ZipInfo(rng.choice(NAMES).replace("\ud800", ""))
            if number == at and kind == "mode":
                info.external_attr = rng.choice((0o120777, 0o60666, 0o40755)) << 16
            if number == at and kind == "content":
                content = spoil(content, other, rng)
            for _ in range(1 + (number == at and kind == "twice")):
                archive.writestr(info, content)
    return out.getvalue()


def _tar(data: bytes, other: bytes, rng: random.Random) -> bytes:
    """Spoil a header or two of a tar, whose checksum then holds."""
    blocks = [
        at
        for at in range(0, len(data) - 511, 512)
        if data[at + 257 : at + 262] == b"ustar"
    ]
    changed = bytearray(data)
    for _ in range(rng.choice((1, 1, 2))):
        if not blocks:
            return spoil(data, other, rng)
        at = rng.choice(blocks)
        head = bytearray(changed[at : at + 512])
        field = rng.choice(("name", "size", "type", "type", "link", "any", "prefix"))
        if field == "name":
            name = rng.choice(NAMES).encode("utf-8", "replace")[:100]
            head[:100] = name.ljust(100, b"\0")
        elif field == "size":
            size = max(min(rng.choice(NUMBERS), 8**11), -(256**8))
            head[124:136] = tarfile.itn(size, 12, tarfile.GNU_FORMAT)  # type: ignore[attr-defined]
        elif field == "type":
            head[156] = rng.choice(b"0123456789LKxgSDMVXA\0\xff")
        elif field == "link":
            head[157:257] = (
                rng.choice(NAMES).encode("utf-8", "replace")[:100].ljust(100)
            )
        elif field == "prefix":
            head[345:500] = rng.randbytes(155)
        else:
            head = bytearray(spoil(bytes(head), other, rng)[:512].ljust(512, b"\0"))
        head[148:156] = b" " * 8
        head[148:156] = b"%06o\0 " % sum(head)
        changed[at : at + 512] = head
    return bytes(changed)


def _gzip(data: bytes, other: bytes, rng: random.Random) -> bytes:
    try:
        inner = gzip.decompress(data)
    except Exception:
        return spoil(data, other, rng)
    if rng.random() < 0.01:
        inner += bytes(1 << 24)
    return gzip.compress(rng.choice((spoil, _tar))(inner, other, rng), 1, mtime=0)


def _png(data: bytes, other: bytes, rng: random.Random) -> bytes:
    """Spoil a chunk's content, whose checksum then holds."""
    chunks, place = [], 8
    while place + 12 <= len(data):
        size = int.from_bytes(data[place : place + 4])
        chunks.append((data[place + 4 : place + 8], data[place + 8 : place + 8 + size]))
        place += size + 12
    if not chunks:
        return spoil(data, other, rng)
    at = rng.randrange(len(chunks))
    kind, body = chunks[at]
    if kind == b"IDAT" and rng.random() < 0.5:
        try:
            body = zlib.compress(spoil(zlib.decompress(body), other, rng))
        except zlib.error:
            body = spoil(body, other, rng)
    else:
        body = spoil(body, other, rng)
    chunks[at] = (kind, body)
    if rng.random() < 0.2:
        chunks.insert(rng.randrange(len(chunks) + 1), rng.choice(chunks))
    return data[:8] + b"".join(map(_chunk, chunks))


def _chunk(chunk: tuple[bytes, bytes]) -> bytes:
    kind, body = chunk
    crc = zlib.crc32(kind + body)
    return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", crc)


def _tfrecord(data: bytes, other: bytes, rng: random.Random) -> bytes:
    """Spoil a record, whose checksums then hold."""
    from kerastransfer.records.tfrecord import checksum

    records, place = [], 0
    while place + 16 <= len(data):
        size = int.from_bytes(data[place : place + 8], "little")
        records.append(data[place + 12 : place + 12 + size])
        place += size + 16
    if not records:
        return spoil(data, other, rng)
    at = rng.randrange(len(records))
    records[at] = spoil(records[at], other, rng)
    parts = []
    for record in records:
        head = struct.pack("<Q", len(record))
        tail = struct.pack("<I", checksum(record))
        parts += [head, struct.pack("<I", checksum(head)), record, tail]
    return b"".join(parts)


_SHAPES = ("(3, 2)", "()", "(0,)", "(1 << 60,)", "(-1, 6)", "(2**63,)", "(6,)" * 40)
_TYPES = ("|O", "<f4", ">f8", "<U999999999", "|V8", "<M8[ns]", "|b1", "<c16", "f4,f4")


def _npy(data: bytes, other: bytes, rng: random.Random) -> bytes:
    """Write an array's header again, with one entry spoilt."""
    if data[:6] != b"\x93NUMPY" or len(data) < 10:
        return spoil(data, other, rng)
    size = int.from_bytes(data[8:10], "little")
    shapes = (*_SHAPES, f"({10**30},)", "(" * 200 + ")" * 200, "[2, 3]", "(2.0, 3)")
    entries = {
        "descr": repr(rng.choice(_TYPES)),
        "fortran_order": rng.choice(("True", "False", "0", "None", "[]")),
        "shape": rng.choice(shapes),
    }
    if rng.random() < 0.3:
        entries.pop(rng.choice(list(entries)))
    text = "{" + ", ".join(f"'{key}': {value}" for key, value in entries.items()) + "}"
    if rng.random() < 0.3:
        text = spoil(data[10 : 10 + size], other, rng).decode("latin-1")
    head = text.encode("latin-1").ljust(118) + b"\n"
    start = data[:6] + bytes((rng.choice((1, 1, 1, 2, 3)), 0))
    width = "<H" if start[6] == 1 else "<I"
    return start + struct.pack(width, len(head) & 0xFFFF) + head + data[10 + size :]


def _npz(data: bytes, other: bytes, rng: random.Random) -> bytes:
    """Write a zip again, uncompressed, with the header of one of its arrays spoilt."""
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            members = {name: archive.read(name) for name in archive.namelist()}
    except Exception:
        return spoil(data, other, rng)
    name = rng.choice(list(members) or [""])
    members[name] = _npy(members.get(name, b""), other, rng)
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        for each, content in members.items():
            archive.writestr(zipfile.ZipInfo(each), content)
    return out.getvalue()


JSON = Mutator("json", _json, honest=True)
ZIP = Mutator("zip", _zip, honest=True)
TAR = Mutator("tar", _tar, honest=True)
GZIP = Mutator("gzip", _gzip, honest=True)
PNG = Mutator("png", _png, honest=True)
TFRECORD = Mutator("tfrecord", _tfrecord, honest=True)
NPY = Mutator("npy", _npy, honest=True)
NPZ = Mutator("npz", _npz, honest=True)
