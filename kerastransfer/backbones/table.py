"""All backbones by name. Imports no TensorFlow: networks are built on demand.

A backbone is a folder: ``network`` builds it, ``port`` brings weight files into its
layout, ``weights`` lists its published files, ``info`` describes it. To add one, add
its folder, and its `BACKBONES` below.
"""

import dataclasses

from kerastransfer.backbones.alexnet import info as alexnet
from kerastransfer.backbones.backbone import Backbone
from kerastransfer.backbones.efficientnet_lite0 import info as efficientnet_lite0
from kerastransfer.backbones.mean_image import MeanImage
from kerastransfer.backbones.preprocessing import Fit
from kerastransfer.errors import UnknownNameError

BACKBONES: dict[str, Backbone] = {
    backbone.name: backbone
    for backbone in (*efficientnet_lite0.BACKBONES, *alexnet.BACKBONES)
}


def get(name: str, mean_image: MeanImage | None = None, fit: Fit = "crop") -> Backbone:
    """Return the backbone called `name`.

    Parameters
    ----------
    name : str
        A key of `BACKBONES`.
    mean_image : MeanImage, optional
        Subtracted in place of the mean pixel.
    fit : {'crop', 'pad', 'squash'}
        How images that are not square are brought to the network.

    Raises
    ------
    UnknownNameError
        If there is no such backbone.
    WeightsError
        If the mean image does not go with the backbone's geometry.

    Examples
    --------
    >>> get("caffenet").num_features
    4096
    """
    try:
        backbone = BACKBONES[name]
    except KeyError:
        raise UnknownNameError("backbone", name, BACKBONES) from None
    if mean_image is None and fit == "crop":
        return backbone
    preprocessing = dataclasses.replace(
        backbone.preprocessing, mean_image=mean_image, fit=fit
    )
    return dataclasses.replace(backbone, preprocessing=preprocessing)
