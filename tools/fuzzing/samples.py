"""Small sound files that targets begin with: the same bytes each time."""

import gzip
import io
import tarfile
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

TIMES = (1980, 1, 1, 0, 0, 0)


def pixels(seed: int, shape: tuple[int, ...] = (12, 16, 3)) -> Any:
    """Draw pixels that compress a little."""
    rng = np.random.default_rng(seed)
    return np.kron(rng.integers(0, 256, (3, 4, shape[2])), np.ones((4, 4, 1))).astype(
        np.uint8
    )


def image(seed: int, kind: str, mode: str = "RGB", **options: Any) -> bytes:
    """Encode an image in one of Pillow's formats."""
    out = io.BytesIO()
    Image.fromarray(pixels(seed)).convert(mode).save(out, kind, **options)
    return out.getvalue()


def folder_of_images(folder: Path, classes: int = 3, each: int = 8) -> Path:
    """Write a folder of PNGs for each class."""
    for label in range(classes):
        place = folder / "abcdefgh"[label]
        place.mkdir(parents=True)
        for number in range(each):
            data = image(100 * label + number, "PNG")
            (place / f"{number}.png").write_bytes(data)
    return folder


def files() -> dict[str, bytes]:
    """Return what archives hold."""
    return {
        "set/a/1.png": image(1, "PNG"),
        "set/a/2.jpg": image(2, "JPEG"),
        "set/b/ü.txt": b"one line\n" * 30,
        "set/b/empty": b"",
    }


def zip_of(
    members: Mapping[str, bytes], method: int = zipfile.ZIP_DEFLATED, **options: Any
) -> bytes:
    """Pack a zip."""
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        for name, data in members.items():
            info = zipfile.ZipInfo(name, TIMES)
            info.compress_type = method
            with archive.open(info, "w", **options) as file:
                file.write(data)
    return out.getvalue()


def members_of(data: bytes) -> dict[str, bytes]:
    """Unpack a zip."""
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        return {name: archive.read(name) for name in archive.namelist()}


def tar_of(members: Mapping[str, bytes], form: int = tarfile.GNU_FORMAT) -> bytes:
    """Pack a tar of one block behind its members."""
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w", format=form) as tar:
        for name, data in members.items():
            info = tarfile.TarInfo(name)
            info.size = len(data)
            tar.addfile(info, io.BytesIO(data))
    return out.getvalue()


def gzip_of(data: bytes) -> bytes:
    """Compress with no time and no name."""
    return gzip.compress(data, mtime=0)


def write(folder: Path, contents: Mapping[str, bytes]) -> list[Path]:
    """Write files and return them."""
    paths = []
    for name, data in contents.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)
        paths.append(path)
    return paths
