"""Zips, tars, and the published files of datasets."""

import bz2
import importlib
import lzma
import sys
import tarfile
from pathlib import Path

from fuzzing import samples, structures
from fuzzing.target import Target

_TESTS = Path(__file__).parents[2] / "tests"


def _zips(folder: Path) -> list[Path]:
    files = samples.files()
    return samples.write(
        folder,
        {
            "stored.zip": samples.zip_of(files, 0),
            "deflated.zip": samples.zip_of(files, 8),
            "bzip2.zip": samples.zip_of(files, 12),
            "lzma.zip": samples.zip_of(files, 14),
            "large.zip": samples.zip_of(files, 8, force_zip64=True),
        },
    )


def _tars(folder: Path) -> list[Path]:
    files = samples.files()
    long = {f"{'d' * 90}/{'e' * 90}/{name}": data for name, data in files.items()}
    nested = {"n1.tar": samples.tar_of(files), "n2": b"2"}
    return samples.write(
        folder,
        {
            "gnu.tar": samples.tar_of(long),
            "pax.tar": samples.tar_of(long, tarfile.PAX_FORMAT),
            "ustar.tar": samples.tar_of(files, tarfile.USTAR_FORMAT),
            "nested.tar": samples.tar_of(nested),
        },
    )


def _packed_tars(folder: Path) -> list[Path]:
    data = samples.tar_of(samples.files())
    return samples.write(
        folder,
        {
            "set.tar.gz": samples.gzip_of(data),
            "set.tar.bz2": bz2.compress(data),
            "set.tar.xz": lzma.compress(data),
        },
    )


def _members(path: Path) -> object:
    from kerastransfer.archives.opening import open_archive

    members = open_archive(path).members(lambda name: name.endswith(".tar"))
    return sorted((member.name, member.content.read()) for member in members)


_LISTS = {
    "cub200": ("images.txt", "image_class_labels.txt", "train_test_split.txt"),
    "mit_indoor": ("TrainImages.txt", "TestImages.txt"),
    "sun397": ("Partitions.zip",),
    "coral": ("*qu1_20080415.jpg.txt",),
    "yosinski": ("val.txt",),
}


def _published(folder: Path) -> list[Path]:
    """Unpack the miniatures that the tests have of published datasets."""
    sys.path.insert(0, str(_TESTS))
    miniature_archives = importlib.import_module("helpers.miniature_archives")

    paths = []
    for name, patterns in _LISTS.items():
        packed, plain = folder / f"{name}_packed", folder / name
        packed.mkdir()
        plain.mkdir()
        options = {"partitions": ""} if name == "sun397" else {}
        miniature_archives.MINIATURES[name](packed, **options)
        if name in ("cub200", "coral"):
            miniature_archives.unpack(packed, plain)
        else:
            plain.rmdir()
            packed.rename(plain)
        for pattern in patterns:
            paths.append(next(iter(sorted(plain.rglob(pattern)))))
    kit = folder / "kit"
    kit.mkdir()
    miniature_archives.yosinski(kit, labels="kit")
    place = kit / "ILSVRC2012_devkit_t12.tar.gz"
    with tarfile.open(place) as tar:
        tar.extractall(kit / "ILSVRC2012_devkit_t12", filter="data")
    place.unlink()
    return [*paths, next(kit.rglob("meta.mat"))]


def _listing(path: Path) -> object:
    from kerastransfer.datasets.table import resolve

    place = next(p for p in path.parents if p.name in (*_LISTS, "kit"))
    name = "yosinski" if place.name == "kit" else place.name
    options = {"partition": 1} if name == "sun397" else {}
    return resolve(name, place, options).listing()


def _fashion(folder: Path) -> list[Path]:
    count = 10
    images = b"\0\0\x08\x03" + b"".join(n.to_bytes(4) for n in (count, 28, 28))
    labels = b"\0\0\x08\x01" + count.to_bytes(4) + bytes(range(count))
    body = bytes(i % 251 for i in range(count * 28 * 28))
    contents = {}
    for part in ("train", "t10k"):
        contents[f"{part}-images-idx3-ubyte.gz"] = samples.gzip_of(images + body)
        contents[f"{part}-labels-idx1-ubyte.gz"] = samples.gzip_of(labels)
    return samples.write(folder, contents)


def _fashion_listing(path: Path) -> object:
    from kerastransfer.datasets.known import fashion_mnist

    fashion_mnist._images.cache_clear()
    return fashion_mnist.source(path.parent).listing()


_OPENING = ("kerastransfer.archives.opening",)
TARGETS = (
    Target(
        name="zip",
        prepare=_zips,
        read=_members,
        mutators=(structures.ZIP,),
        checked=True,
        modules=_OPENING,
    ),
    # Nothing in a tar guards what its members hold.
    Target(
        name="tar",
        prepare=_tars,
        read=_members,
        mutators=(structures.TAR,),
        modules=_OPENING,
    ),
    Target(
        name="packed_tar",
        prepare=_packed_tars,
        read=_members,
        mutators=(structures.GZIP,),
        checked=True,
        modules=_OPENING,
    ),
    Target(
        name="published",
        prepare=_published,
        read=_listing,
        mutators=(structures.ZIP,),
        modules=("kerastransfer.datasets.table", "scipy.io"),
    ),
    Target(
        name="fashion_mnist",
        prepare=_fashion,
        read=_fashion_listing,
        mutators=(structures.GZIP,),
        checked=True,
        modules=("kerastransfer.datasets.known.fashion_mnist",),
    ),
)
