"""The mean of a source's images, place by place, as Caffe's networks subtract it."""

import dataclasses
import hashlib
from pathlib import Path
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from kerastransfer.errors import WeightsError
from kerastransfer.foundation import numpy_files
from kerastransfer.foundation.atomic import replacing

_MOST_BYTES = 1 << 24  # Caffe's have 3 x 256 x 256 numbers


@dataclasses.dataclass(frozen=True, slots=True)
class MeanImage:
    """The mean of a source's images, place by place.

    Parameters
    ----------
    side : int
        Height and width in pixels.
    data : bytes
        float32 of shape (side, side, 3), 0 to 255, in the network's channel order.
        Bytes, so that equal content is equal.
    """

    side: int
    data: bytes

    @classmethod
    def from_planes(cls, planes: NDArray[Any]) -> Self:
        """Take a mean image as Caffe keeps it.

        Parameters
        ----------
        planes : array of shape (3, side, side)
            In the network's channel order, 0 to 255.

        Returns
        -------
        MeanImage

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
        """Read a file that `write` made.

        Parameters
        ----------
        path : Path

        Returns
        -------
        MeanImage

        Raises
        ------
        WeightsError
            If it is not there or is no mean image.
        """
        try:
            planes = numpy_files.read_npy(path, _MOST_BYTES)
        except (OSError, ValueError) as error:
            raise WeightsError(
                f"Expected a mean image at {str(path)!r}: {error}."
            ) from None
        return cls.from_planes(planes)

    def write(self, path: Path) -> None:
        """Write the planes, whole or not at all.

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
        """Hash of the values, in hexadecimal."""
        return hashlib.sha256(self.data).hexdigest()
