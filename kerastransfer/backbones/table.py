"""All backbones by name. Imports no TensorFlow: networks are built on demand.

A backbone is a folder: ``network`` builds it, ``port`` brings weight files into its
layout, ``weights`` lists its published files, ``info`` describes it. To add one, add
its folder, and its `BACKBONES` below. A network of ``keras.applications`` is a row in
`kerastransfer.backbones.applications.rows` and needs no code.
"""

import dataclasses
import functools
from collections.abc import Hashable

from kerastransfer.backbones import spec
from kerastransfer.backbones.alexnet import info as alexnet
from kerastransfer.backbones.applications import info as applications
from kerastransfer.backbones.backbone import Backbone
from kerastransfer.backbones.efficientnet_lite import info as efficientnet_lite
from kerastransfer.backbones.keras_models import described
from kerastransfer.backbones.keras_models.origins import functions, hub_presets
from kerastransfer.backbones.mean_image import MeanImage
from kerastransfer.backbones.preprocessing import Fit
from kerastransfer.errors import InputError, MissingError, UnknownNameError
from kerastransfer.foundation.quoting import quoted

BACKBONES: dict[str, Backbone] = {
    backbone.name: backbone
    for backbone in (
        *efficientnet_lite.BACKBONES,
        *alexnet.BACKBONES,
        *applications.BACKBONES,
    )
}


def get(
    name: str,
    mean_image: MeanImage | None = None,
    fit: Fit = "crop",
    *,
    download: bool = True,
) -> Backbone:
    """Return the backbone called `name`.

    Parameters
    ----------
    name : str
        A key of `BACKBONES`; with ``@`` and a number of pixels for images of that size,
        such as ``resnet50@320``; or ``keras:FILE.keras``, ``hub:PRESET`` or
        ``function:MODULE:NAME`` for a model that is in no table.
    mean_image : MeanImage, optional
        Subtracted in place of the mean pixel.
    fit : {'crop', 'pad', 'squash'}
        How images that are not square are brought to the network.
    download : bool
        Whether a preset of KerasHub that is not here may be fetched.

    Raises
    ------
    MissingError
        If a model of the user's own is not here.
    UnknownNameError
        If there is no such backbone.
    InputError
        If the network does not go with that size.
    WeightsError
        If the mean image does not go with the backbone's geometry.

    Examples
    --------
    >>> get("caffenet").num_features
    4096
    """
    if spec.is_own(name):
        return _adapted(_own(spec.OwnSpec.parse(name), download), mean_image, fit)
    base, at, side = name.partition(spec.AT)
    if base not in BACKBONES:
        raise UnknownNameError("backbone", base, BACKBONES)
    backbone = BACKBONES[base]
    if at:
        backbone = _at_size(backbone, side)
    return _adapted(backbone, mean_image, fit)


def _adapted(backbone: Backbone, mean_image: MeanImage | None, fit: Fit) -> Backbone:
    if mean_image is None and fit == "crop":
        return backbone
    preprocessing = dataclasses.replace(
        backbone.preprocessing, mean_image=mean_image, fit=fit
    )
    return dataclasses.replace(backbone, preprocessing=preprocessing)


def _own(own: spec.OwnSpec, download: bool) -> Backbone:
    """Describe a user's model; again where its file or function is another now."""
    if own.kind == spec.HUB:
        hub_presets.check(own.place, download)  # what there is not is said at once
        return _described(own, hub_presets.version(own.place), download)
    if own.kind == spec.FUNCTION:
        return _described(own, functions.find(own), download)
    try:
        status = own.file.stat()
    except FileNotFoundError:
        raise MissingError(
            f"Expected a Keras model at {quoted(own.file)}: no such file."
        ) from None
    return _described(own, (status.st_mtime_ns, status.st_size), download)


@functools.lru_cache(maxsize=4)
def _described(own: spec.OwnSpec, version: Hashable, download: bool) -> Backbone:
    return described.backbone(own, download=download)


def _at_size(backbone: Backbone, text: str) -> Backbone:
    """Return a backbone for images of another size."""
    usual = backbone.preprocessing.crop
    side = spec.side(text)
    if side == usual:
        return backbone
    if backbone.at_size is None:
        raise InputError(
            f"Expected images of {usual} pixels, for {quoted(backbone.name)} has "
            f"layers that fit no other size, got {text}."
        )
    return backbone.at_size(side)
