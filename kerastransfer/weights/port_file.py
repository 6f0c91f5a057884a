"""Any weight file of a backbone, as one mapping that Keras layers take."""

import dataclasses
import json
import zipfile
from collections.abc import Callable, Mapping
from pathlib import Path

import numpy as np

from kerastransfer.backbones.alexnet import port as alexnet
from kerastransfer.backbones.efficientnet_lite0 import port as efficientnet_lite
from kerastransfer.backbones.porting import Shape, check_canonical
from kerastransfer.errors import UnknownNameError, WeightsError
from kerastransfer.foundation.atomic import replacing
from kerastransfer.weights.readers.contents import WeightFile, read_any
from kerastransfer.weights.readers.numpy_file import PROVENANCE

_Port = Callable[[WeightFile], dict[str, np.ndarray]]


@dataclasses.dataclass(frozen=True, slots=True)
class _Ports:
    """A backbone's variables, and the formats its weights are published in."""

    shapes: Callable[[], dict[str, Shape]]
    formats: Mapping[str, _Port]


_OURS: dict[str, _Port] = {
    "npz": lambda contents: dict(contents.arrays),
    "keras": lambda contents: dict(contents.arrays),
}
_CAFFE: dict[str, _Port] = {"caffe": lambda c: alexnet.from_caffe(c.layers)}
_TORONTO: dict[str, _Port] = {"toronto": lambda c: alexnet.from_toronto(c.layers)}

PORTS: dict[str, _Ports] = {
    "alexnet": _Ports(alexnet.shapes, {**_OURS, **_CAFFE, **_TORONTO}),
    "alexnet_owt": _Ports(
        alexnet.shapes_owt,
        {**_OURS, "torch": lambda c: alexnet.from_torch(c.arrays)},
    ),
    "caffenet": _Ports(alexnet.shapes, {**_OURS, **_CAFFE}),
    "efficientnet_lite0": _Ports(
        efficientnet_lite.shapes,
        {**_OURS, "torch": lambda c: efficientnet_lite.from_torch(c.arrays)},
    ),
}


def port(backbone: str, path: Path) -> dict[str, np.ndarray]:
    """Read a weight file and bring it into Keras's names and layout.

    Parameters
    ----------
    backbone : str
        A key of `PORTS`.
    path : Path
        Of a published format, or ``.npz`` or ``.weights.h5`` that hold the backbone's
        own names already.

    Returns
    -------
    dict of str to ndarray
        float32; keys ``<layer>/<variable>``, all of the backbone's, in its order.

    Raises
    ------
    UnknownNameError
        If there is no such backbone.
    MissingError
        If there is no such file.
    WeightsError
        If the file is damaged or holds the weights of another network.
    """
    if backbone not in PORTS:
        raise UnknownNameError("backbone", backbone, PORTS)
    path, ports = Path(path), PORTS[backbone]
    contents = read_any(path)
    if contents.format not in ports.formats:
        known = ", ".join(sorted(ports.formats))
        raise WeightsError(
            f"Expected weights of {backbone!r} in one of the formats {known}, but "
            f"{str(path)!r} is of format {contents.format!r}."
        )
    try:
        weights = ports.formats[contents.format](contents)
        return check_canonical(weights, ports.shapes())
    except WeightsError as error:
        raise WeightsError(f"{str(path)!r} as {backbone!r}: {error}") from error


def save_npz(
    weights: Mapping[str, np.ndarray], path: Path, provenance: Mapping[str, object]
) -> None:
    """Write ported weights, whole or not at all.

    Parameters
    ----------
    weights : mapping of str to ndarray
        Keys ``<layer>/<variable>``.
    path : Path
        The ``.npz`` file to be; its folder is made where it is missing.
    provenance : mapping
        Where the weights are from, as JSON can hold it; member ``provenance.json``.
    """
    with replacing(Path(path), ".npz") as scratch:
        np.savez(scratch, allow_pickle=False, **dict(weights))
        with zipfile.ZipFile(scratch, "a") as archive:
            text = json.dumps(provenance, indent=1, sort_keys=True)
            # Its date is fixed, so that equal weights make equal files.
            archive.writestr(zipfile.ZipInfo(PROVENANCE), text)
