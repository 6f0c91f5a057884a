"""Read any weight file of a backbone into one mapping that Keras layers take."""

import dataclasses
import json
import zipfile
from collections.abc import Mapping
from pathlib import Path

import numpy as np

from kerastransfer.backbones import table as backbones
from kerastransfer.backbones.porting import Ported, Shape, check_canonical, some
from kerastransfer.backbones.published import Porter, WeightPort
from kerastransfer.errors import WeightsError
from kerastransfer.foundation.atomic import replacing
from kerastransfer.foundation.quoting import quoted
from kerastransfer.weights.readers.contents import read_any
from kerastransfer.weights.readers.numpy_file import PROVENANCE
from kerastransfer.weights.readers.weight_file import WeightFile


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class PortedFile:
    """The weights of a file, checked, and what is to be said of it.

    Parameters
    ----------
    weights : dict of str to ndarray
        float32; keys ``<layer>/<variable>`` of all variables, in the backbone's order;
        those of block 8 only where the file has a classifier.
    source_classes : int or None
        Number of the classifier's classes; None without a classifier.
    class_names : tuple of str
        Their names, where the file has them; else empty.
    remarks : tuple of str
        What was taken from where and what was left out, where the file differs from
        the published ones; sentences without a full stop.
    """

    weights: dict[str, np.ndarray]
    source_classes: int | None
    class_names: tuple[str, ...] = ()
    remarks: tuple[str, ...] = ()


def read(backbone: str, path: Path) -> PortedFile:
    """Read a weight file and convert it to Keras's names and layout.

    Parameters
    ----------
    backbone : str
        Such as ``alexnet``.
    path : Path
        A file of a published format, or one with the backbone's own names: ``.npz``,
        ``.weights.h5`` or ``.safetensors``.

    Raises
    ------
    UnknownNameError
        If there is no such backbone.
    MissingError
        If there is no such file.
    WeightsError
        If the file is damaged, or has not all weights of blocks 1-7.
    """
    path, ported = Path(path), backbones.get(backbone).port
    contents = read_any(path)
    porter = _porter(contents, ported)
    if porter is None:
        known = ", ".join(sorted({*_OWN_FORMATS, *ported.formats}))
        raise WeightsError(
            f"Expected weights of {quoted(backbone)} in one of the formats {known}, "
            f"but {quoted(path)} is of format {quoted(contents.format)}."
        )
    try:
        network = porter(contents)
        expected = _expected(network.weights, ported.shapes())
        weights = check_canonical(network.weights, expected)
    except WeightsError as error:
        raise WeightsError(f"{quoted(path)} as {quoted(backbone)}: {error}") from error
    return _described(network, weights, ported.shapes(), contents)


def port(backbone: str, path: Path) -> dict[str, np.ndarray]:
    """Return the weights of a file as `read` does, and nothing else."""
    return read(backbone, path).weights


def save_npz(
    weights: Mapping[str, np.ndarray], path: Path, provenance: Mapping[str, object]
) -> None:
    """Write ported weights atomically.

    Parameters
    ----------
    weights : mapping of str to ndarray
        Keys ``<layer>/<variable>``.
    path : Path
        The ``.npz`` file to write; its folder is made where it is missing.
    provenance : mapping
        Where the weights are from, in plain Python; stored as JSON in the member
        ``provenance.json``.
    """
    with replacing(Path(path), ".npz") as scratch:
        np.savez(scratch, allow_pickle=False, **dict(weights))
        with zipfile.ZipFile(scratch, "a") as archive:
            text = json.dumps(provenance, indent=1, sort_keys=True)
            # Its date is fixed, so that equal weights make equal files.
            archive.writestr(zipfile.ZipInfo(PROVENANCE), text)


def _as_named(file: WeightFile) -> Ported:
    return Ported(weights=dict(file.arrays))


# Files that we wrote, or Keras did, hold the network's own names already.
_OWN_FORMATS = ("keras", "npz", "safetensors")


def _porter(contents: WeightFile, port: WeightPort) -> Porter | None:
    """Return what brings the file's arrays into Keras's layout."""
    if contents.format == "keras":  # some networks' layers have variables without names
        return port.formats.get("keras", _as_named)
    if contents.format in _OWN_FORMATS:
        own = any(name in contents.arrays for name in port.shapes())
        others = port.formats.get("torch")
        if own or others is None:
            return _as_named
        return others
    return port.formats.get(contents.format)


def _expected(
    weights: Mapping[str, np.ndarray], shapes: Mapping[str, Shape]
) -> dict[str, Shape]:
    """Return the shapes of the network with the file's number of classes."""
    kernel, bias = list(shapes)[-2:]
    if kernel not in weights and bias not in weights:
        return {name: shapes[name] for name in shapes if name not in (kernel, bias)}
    shape = weights[kernel].shape if kernel in weights else ()
    if len(shape) != 2 or shape[0] != shapes[kernel][0]:
        return dict(shapes)
    return {**shapes, kernel: shape, bias: shape[1:]}


def _described(
    network: Ported,
    weights: dict[str, np.ndarray],
    shapes: Mapping[str, Shape],
    contents: WeightFile,
) -> PortedFile:
    bias = list(shapes)[-1]
    count = len(weights[bias]) if bias in weights else None
    names = contents.class_names if len(contents.class_names) == count else ()
    remarks = list(network.remarks)
    usual = shapes[bias][0]
    if count is None:
        remarks.append(
            "blocks 1-7 were taken; it has no classifier of one layer, so recipes have "
            "to re-draw block 8 (R8)"
        )
    elif count != usual or names:
        listed = f" ({some(names)})" if names else ""
        remarks.append(
            f"blocks 1-7 were taken, and its classifier of {count:,} classes{listed} "
            "as block 8"
        )
    if network.skipped:
        remarks.append(f"left out: {_listed(network.skipped)}")
    if contents.skipped:
        remarks.append(
            f"objects that are no weights were left out and not run: "
            f"{_listed(contents.skipped)}"
        )
    return PortedFile(
        weights=weights,
        source_classes=count,
        class_names=names,
        remarks=tuple(remarks),
    )


_SHOWN = 10


def _listed(names: tuple[str, ...]) -> str:
    more = f" and {len(names) - _SHOWN} more" if len(names) > _SHOWN else ""
    # What a file calls its contents may hold any character.
    printable = (ascii(name[:80])[1:-1] for name in names[:_SHOWN])
    return ", ".join(printable) + more
