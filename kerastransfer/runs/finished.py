"""A finished run, read back from its folder."""

import dataclasses
from pathlib import Path
from typing import TYPE_CHECKING

from kerastransfer.backbones import table as backbones
from kerastransfer.backbones.backbone import Backbone
from kerastransfer.backbones.mean_image import MeanImage
from kerastransfer.config.train_config import TrainConfig
from kerastransfer.errors import InputError, MissingError, WeightsError
from kerastransfer.foundation import json_file

if TYPE_CHECKING:
    from kerastransfer.backbones.network import Network

MEAN_IMAGE = "mean_image.npy"


@dataclasses.dataclass(frozen=True, slots=True)
class Run:
    """What a run's folder says of it.

    Parameters
    ----------
    folder : Path
    config : TrainConfig
    classes : tuple of str
    mean_image : MeanImage or None
    """

    folder: Path
    config: TrainConfig
    classes: tuple[str, ...]
    mean_image: MeanImage | None = None

    @property
    def backbone(self) -> Backbone:
        """The backbone that the run trained."""
        return backbones.get(self.config.backbone, self.mean_image)

    def network(self) -> "Network":
        """Build the network and give it the trained weights.

        Returns
        -------
        Network
        """
        network = self.backbone.build(len(self.classes), self.config.seed)
        network.whole().load_weights(self.folder / "model.keras")
        return network


def read(folder: Path) -> Run:
    """Read what a run left.

    Parameters
    ----------
    folder : Path
        A run's.

    Returns
    -------
    Run

    Raises
    ------
    MissingError
        If it is no run's folder, or the run has not finished.
    InputError
        If its config cannot be read.
    WeightsError
        If its mean image cannot be read.
    """
    # result.json is written last: without it, the model may be an earlier run's.
    for name in ("config.json", "labels.txt", "model.keras", "result.json"):
        if not (folder / name).is_file():
            raise MissingError(
                f"Expected a finished run in {str(folder)!r}, and {name} is not there; "
                "the same train command trains it."
            )
    try:
        fields = json_file.read_object(folder / "config.json")
    except ValueError as error:
        raise InputError(
            f"Expected JSON in {folder / 'config.json'}: {error}."
        ) from None
    classes = (folder / "labels.txt").read_text(encoding="utf-8").splitlines()
    config = TrainConfig.from_dict(fields)
    image = _mean_image(folder / MEAN_IMAGE, config.mean_image)
    return Run(folder, config, tuple(classes), image)


def _mean_image(path: Path, wanted: str) -> MeanImage | None:
    """Read the mean image that has a hash; None where none is wanted."""
    image = MeanImage.read(path) if wanted else None
    if image is not None and image.sha256 != wanted:
        raise WeightsError(
            f"Expected this run's mean image, with hash {wanted[:12]}, in "
            f"{str(path)!r}, got one with {image.sha256[:12]}; bring it back, or train "
            "again."
        )
    return image
