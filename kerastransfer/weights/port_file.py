"""Read any weight file of a backbone into one mapping that Keras layers take."""

import json
import zipfile
from collections.abc import Mapping
from pathlib import Path

import numpy as np

from kerastransfer.backbones import table as backbones
from kerastransfer.backbones.porting import check_canonical
from kerastransfer.backbones.published import Porter
from kerastransfer.errors import WeightsError
from kerastransfer.foundation.atomic import replacing
from kerastransfer.weights.readers.contents import WeightFile, read_any
from kerastransfer.weights.readers.numpy_file import PROVENANCE


def _as_named(file: WeightFile) -> dict[str, np.ndarray]:
    return dict(file.arrays)


# Files that we wrote, or Keras did, hold the network's own names already.
_OWN_FORMATS: dict[str, Porter] = {"npz": _as_named, "keras": _as_named}


def port(backbone: str, path: Path) -> dict[str, np.ndarray]:
    """Read a weight file and convert it to Keras's names and layout.

    Parameters
    ----------
    backbone : str
        Such as ``alexnet``.
    path : Path
        A file of a published format, or ``.npz`` or ``.weights.h5`` with the backbone's
        own names.

    Returns
    -------
    dict of str to ndarray
        float32; keys ``<layer>/<variable>`` of all variables, in the backbone's order.

    Raises
    ------
    UnknownNameError
        If there is no such backbone.
    MissingError
        If there is no such file.
    WeightsError
        If the file is damaged or holds the weights of another network.
    """
    path, ported = Path(path), backbones.get(backbone).port
    formats = {**_OWN_FORMATS, **ported.formats}
    contents = read_any(path)
    if contents.format not in formats:
        known = ", ".join(sorted(formats))
        raise WeightsError(
            f"Expected weights of {backbone!r} in one of the formats {known}, but "
            f"{str(path)!r} is of format {contents.format!r}."
        )
    try:
        weights = formats[contents.format](contents)
        return check_canonical(weights, ported.shapes())
    except WeightsError as error:
        raise WeightsError(f"{str(path)!r} as {backbone!r}: {error}") from error


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
