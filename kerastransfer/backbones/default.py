"""The backbone that is taken where a user names none: one rule for every command."""

from kerastransfer.datasets.dataset import Dataset

# The study's datasets and its network, whose weights must be fetched.
_STUDY = ("caltech256", "sun397", "mit_indoor", "cub200", "coral", "plankton")
WORDS = "alexnet for the study's seven datasets, else efficientnet_lite0"


def default_backbone(dataset: Dataset) -> str:
    """Return ``alexnet`` for the study's datasets, else ``efficientnet_lite0``.

    The study's numbers are AlexNet's; EfficientNet-Lite0 comes with its weights.
    """
    in_study = dataset.name in _STUDY or dataset.name.startswith("yosinski")
    return "alexnet" if in_study else "efficientnet_lite0"
