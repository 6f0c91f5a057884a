"""What is published of a backbone: weight files, their formats, a reference prediction.

A backbone's folder defines these records; `kerastransfer.weights.table` collects them.
"""

import dataclasses
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING

from kerastransfer.backbones.porting import Ported, Shape
from kerastransfer.foundation.checksums import Checksum

if TYPE_CHECKING:
    from kerastransfer.weights.readers.weight_file import WeightFile

# From a file as it was read to ``<layer>/<variable>`` in Keras's layout.
Porter = Callable[["WeightFile"], Ported]


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class WeightPort:
    """How published weight files become the variables of a network.

    Parameters
    ----------
    shapes : callable
        Returns the shape of every variable by its name ``<layer>/<variable>``, in the
        network's order: block 8's kernel and biases come last.
    formats : mapping of str to callable
        By format, as `WeightFile.format` names it, the function that brings a file's
        arrays into Keras's names and layout. Files that hold the network's own names
        already (``npz``, ``keras``, ``safetensors``) need none.
    """

    shapes: Callable[[], dict[str, Shape]]
    formats: Mapping[str, Porter] = dataclasses.field(default_factory=dict)


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Auxiliary:
    """A file that the published preprocessing needs besides the weights.

    Parameters
    ----------
    name : str
        Path inside `archive`.
    archive : str
        URL of the archive that holds it.
    checksum : Checksum, optional
        Of the file itself.
    """

    name: str
    archive: str
    checksum: Checksum | None = None


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class ReferencePrediction:
    """The classes that the original framework printed for a published photograph.

    Parameters
    ----------
    image_url : str
        Where the photograph is.
    image_sha256 : str
        The first digits of its hash.
    mean : tuple of float
        The pixel that was subtracted: BGR, 0 to 255.
    top5 : tuple of (int or None, str, float)
        Class index where it is published, class name and probability; the most
        probable class first.
    tolerance : float
        Largest accepted difference of a probability, for another library resizes the
        photograph slightly differently.
    """

    image_url: str
    image_sha256: str
    mean: tuple[float, float, float]
    top5: tuple[tuple[int | None, str, float], ...]
    tolerance: float


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class PublishedWeights:
    """A published weight file of a backbone.

    Parameters
    ----------
    name : str
        Name on the command line; a backbone's first file bears the backbone's name.
    backbone : str
        Name of the network that it belongs to.
    urls : tuple of str
        The same file on several servers, in the order in which they are tried; empty
        where `package` holds it.
    package : str
        The installed Python package that holds the file, if one does.
    of_keras : bool
        Whether Keras downloads the file itself: then it lies in Keras's cache.
    size : int, optional
        In bytes.
    checksums : tuple of Checksum
        All of them hold for the file.
    top1, top5 : float, optional
        Published ImageNet accuracy on the centre crop. Fractions.
    accuracy_source : str
        Who published it.
    auxiliary : tuple of Auxiliary
        Further files that the published preprocessing needs.
    prediction : ReferencePrediction, optional
        Lets a port be checked from end to end.
    """

    name: str
    backbone: str
    file: str
    urls: tuple[str, ...] = ()
    package: str = ""
    of_keras: bool = False
    size: int | None = None
    checksums: tuple[Checksum, ...] = ()
    licence: str
    top1: float | None = None
    top5: float | None = None
    accuracy_source: str = ""
    auxiliary: tuple[Auxiliary, ...] = ()
    prediction: ReferencePrediction | None = None
