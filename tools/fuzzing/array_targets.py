"""NumPy's files: mean images, features, and the rows of caches."""

from pathlib import Path

import numpy as np

from fuzzing import samples, structures
from fuzzing.target import Target


def _mean_images(folder: Path) -> list[Path]:
    from kerastransfer.backbones.mean_image import MeanImage

    path = folder / "mean.npy"
    planes = np.random.default_rng(0).uniform(0, 255, (3, 6, 6))
    MeanImage.from_planes(planes).write(path)
    double = folder / "double.npy"
    np.save(double, planes.astype(">f8"))
    fortran = folder / "fortran.npy"
    np.save(fortran, np.asfortranarray(planes))
    return [path, double, fortran]


def _read_mean_image(path: Path) -> object:
    from kerastransfer.backbones.mean_image import MeanImage

    image = MeanImage.read(path)
    return [image.pixels, image.sha256]


def _features(folder: Path) -> list[Path]:
    from kerastransfer.features import feature_file
    from kerastransfer.features.source_statistics import SourceStatistics

    rng = np.random.default_rng(0)
    path, statistics = folder / "features.npz", folder / "statistics.npz"
    feature_file.write(
        path,
        [rng.normal(size=(6, 5)).astype(np.float32)],
        5,
        labels=np.arange(6) % 3,
        ids=np.array([f"a/{n}.png" for n in range(6)]),
        splits=np.array(["train", "val", "test"] * 2),
        dataset="digits",
        backbone="alexnet",
        fit="crop",
        weights="a" * 64,
        records="b" * 64,
    )
    SourceStatistics(
        mean=rng.normal(size=5),
        count=7,
        scatter=1.5,
        covariance=np.eye(5, dtype=np.float32),
        sample=rng.normal(size=(4, 5)).astype(np.float32),
        dataset="imagenet",
        backbone="alexnet",
        weights="a" * 64,
    ).write(statistics)
    for each in (path, statistics):  # again, for its times
        members = samples.members_of(each.read_bytes())
        each.write_bytes(samples.zip_of(members, 0, force_zip64=True))
    return [path, statistics]


def _read_features(path: Path) -> object:
    from kerastransfer.features import feature_file
    from kerastransfer.features.feature_file import FeatureFile
    from kerastransfer.features.source_statistics import SourceStatistics

    if feature_file.kind_of(path) == "statistics":
        return SourceStatistics.read(path)
    return FeatureFile.read(path)


_SHAPE = (5, 3)


def _cached_rows(folder: Path) -> list[Path]:
    from kerastransfer.features.row_file import RowFile

    rows = RowFile(folder / "0", _SHAPE, np.dtype("<f4"))
    rows.write(np.arange(4), np.random.default_rng(0).normal(size=(4, 3)))
    return [folder / "0.rows.npy", folder / "0.sums.npy"]


def _read_cached_rows(path: Path) -> object:
    """Read the rows that hold; another number of them is no fault."""
    from kerastransfer.features.row_file import RowFile

    rows = RowFile(path.parent / "0", _SHAPE, np.dtype("<f4"))
    missing = rows.missing(np.arange(5))
    held = np.setdiff1d(np.arange(5), missing)
    values = rows.read(held) if len(held) else np.zeros((0, 3))
    sound = np.random.default_rng(0).normal(size=(4, 3)).astype("<f4")
    if not np.array_equal(values, sound[held]):
        raise AssertionError("a row that was spoilt was taken for sound")
    return "sound"


TARGETS = (
    Target(
        name="mean_image",
        prepare=_mean_images,
        read=_read_mean_image,
        mutators=(structures.NPY,),
        modules=("kerastransfer.backbones.mean_image",),
    ),
    Target(
        name="features",
        prepare=_features,
        read=_read_features,
        mutators=(structures.ZIP, structures.NPZ),
        checked=True,
        modules=("kerastransfer.features.source_statistics",),
    ),
    Target(
        name="cached_rows",
        prepare=_cached_rows,
        read=_read_cached_rows,
        modules=("kerastransfer.features.row_file",),
    ),
)
