"""All published weights by name, collected from the backbones' folders."""

from kerastransfer.backbones import table as backbones
from kerastransfer.backbones.published import PublishedWeights
from kerastransfer.errors import UnknownNameError

WEIGHTS: dict[str, PublishedWeights] = {
    row.name: row
    for backbone in backbones.BACKBONES.values()
    for row in backbone.weights
}


def get(name: str) -> PublishedWeights:
    """Return the published weights called `name`.

    Parameters
    ----------
    name : str
        A key of `WEIGHTS`.

    Raises
    ------
    UnknownNameError
        If no published weights bear that name.

    Examples
    --------
    >>> get("alexnet_toronto").file
    'bvlc_alexnet.npy'
    """
    try:
        return WEIGHTS[name]
    except KeyError:
        raise UnknownNameError("weights", name, WEIGHTS) from None


def of_backbone(backbone: str) -> tuple[PublishedWeights, ...]:
    """Return the published weights of a backbone, the default first.

    Parameters
    ----------
    backbone : str
        Such as ``alexnet``.

    Raises
    ------
    UnknownNameError
        If there is no such backbone.

    Examples
    --------
    >>> [row.name for row in of_backbone("alexnet")]
    ['alexnet', 'alexnet_toronto']
    """
    name = backbones.get(backbone).base
    return tuple(row for row in WEIGHTS.values() if row.backbone == name)
