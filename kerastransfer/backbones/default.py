"""The backbone that is taken where a user names none: one rule for every command."""

from kerastransfer.datasets.dataset import Dataset
from kerastransfer.datasets.table import in_study

WORDS = "alexnet for the study's seven datasets, else efficientnet_lite0"


def default_backbone(dataset: Dataset) -> str:
    """Return ``alexnet`` for the study's datasets, else ``efficientnet_lite0``.

    The study's numbers are AlexNet's; EfficientNet-Lite0 comes with its weights.
    """
    return "alexnet" if in_study(dataset) else "efficientnet_lite0"
