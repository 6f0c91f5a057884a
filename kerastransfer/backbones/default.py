"""The backbone that is taken where a user names none: one rule for every command."""

from kerastransfer.datasets.table import DATASETS

WORDS = "alexnet for the study's seven datasets, else efficientnet_lite0"


def default_backbone(dataset: str) -> str:
    """Return ``alexnet`` for the study's datasets, else ``efficientnet_lite0``.

    The study's numbers are AlexNet's; EfficientNet-Lite0 comes with its weights.

    >>> default_backbone("coral"), default_backbone("digits")
    ('alexnet', 'efficientnet_lite0')
    """
    known = DATASETS.get(dataset)
    return "alexnet" if known and known.in_study else "efficientnet_lite0"
