"""The mean image of a source's training images, which Caffe's networks subtract."""

import dataclasses
import hashlib
from pathlib import Path
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from kerastransfer.errors import WeightsError
from kerastransfer.foundation import numpy_files
from kerastransfer.foundation.atomic import replacing
from kerastransfer.foundation.quoting import quoted

_MOST_BYTES = 1 << 24  # Caffe's have 3 x 256 x 256 numbers


@dataclasses.dataclass(frozen=True, slots=True)
class MeanImage:
    """The mean of a source's training images at each pixel.

    Parameters
    ----------
    side : int
        Height and width in pixels.
    data : bytes
        float32 of shape (side, side, 3), 0 to 255, in the network's channel order.
        Stored as bytes, so that equal images compare equal.

    Examples
    --------
    >>> image = MeanImage.from_planes(np.full((3, 2, 2), 104.0))
    >>> image.side, image.pixels.shape
    (2, (2, 2, 3))
    """

    side: int
    data: bytes

    @classmethod
    def from_planes(cls, planes: NDArray[Any]) -> Self:
        """Make a mean image from Caffe's layout.

        Parameters
        ----------
        planes : array of shape (3, side, side)
            In the network's channel order, 0 to 255.

        Raises
        ------
        WeightsError
            If it is of another shape, or a value is outside 0 to 255.
        """
        if planes.ndim != 3 or planes.shape != (3, planes.shape[1], planes.shape[1]):
            raise WeightsError(
                f"Expected a mean image of shape (3, side, side), got {planes.shape}."
            )
        if not ((planes >= 0) & (planes <= 255)).all():
            raise WeightsError(
                "Expected a mean image within 0 to 255, got values from "
                f"{planes.min()} to {planes.max()}."
            )
        pixels = np.ascontiguousarray(planes.transpose(1, 2, 0), np.float32)
        return cls(len(pixels), pixels.tobytes())

    @classmethod
    def read(cls, path: Path) -> Self:
        """Read a file that `write` wrote.

        Raises
        ------
        WeightsError
            If there is no such file, or it is not a mean image.
        """
        try:
            planes = numpy_files.read_npy(path, _MOST_BYTES)
        except (OSError, ValueError) as error:
            raise WeightsError(
                f"Expected a mean image at {quoted(path)}: {error}."
            ) from None
        return cls.from_planes(planes)

    def write(self, path: Path) -> None:
        """Write the image in Caffe's layout, atomically.

        Parameters
        ----------
        path : Path
            Ends in ``.npy``.
        """
        with replacing(path, ".npy") as scratch:
            np.save(scratch, self.pixels.transpose(2, 0, 1), allow_pickle=False)

    @property
    def pixels(self) -> NDArray[np.float32]:
        """The values, of shape (side, side, 3)."""
        return np.frombuffer(self.data, np.float32).reshape(self.side, self.side, 3)

    @property
    def sha256(self) -> str:
        """SHA-256 of the values, in hexadecimal."""
        return hashlib.sha256(self.data).hexdigest()


def read_sealed(path: Path, sha256: str) -> MeanImage | None:
    """Read a run's mean image; None where its config names no hash of one.

    Raises
    ------
    WeightsError
        If it cannot be read, or is not the one with the hash.
    """
    image = MeanImage.read(path) if sha256 else None
    if image is not None and image.sha256 != sha256:
        raise WeightsError(
            f"Expected this run's mean image, with hash {sha256[:12]}, in "
            f"{quoted(path)}, got one with {image.sha256[:12]}; bring it back, or "
            "train again."
        )
    return image
