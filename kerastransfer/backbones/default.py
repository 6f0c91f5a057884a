"""The backbone that is taken where a user names none: one rule for every command."""

from kerastransfer.datasets.table import DATASETS

DEFAULT, STUDYS = "efficientnet_lite0", "alexnet"
WORDS = f"{STUDYS} for the study's seven datasets, else {DEFAULT}"


def default_backbone(dataset: str) -> str:
    """Return ``alexnet`` for the study's datasets, else ``efficientnet_lite0``.

    The study's numbers are AlexNet's; EfficientNet-Lite0 comes with its weights.

    >>> default_backbone("coral"), default_backbone("digits")
    ('alexnet', 'efficientnet_lite0')
    """
    known = DATASETS.get(dataset)
    return STUDYS if known and known.in_study else DEFAULT
