"""Which features of a TFDS dataset are image, label and group, and how they read."""

import dataclasses
import io
import math
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from kerastransfer.datasets.own.arrays import Pixels
from kerastransfer.errors import DataError
from kerastransfer.foundation.quoting import quoted

Path = tuple[str, ...]  # of a feature: its name, or those of what it is nested in


@dataclasses.dataclass(frozen=True, slots=True)
class Features:
    """The image, the label and the group of a dataset.

    Parameters
    ----------
    classes : tuple of str or None
        Names by label; None where labels are texts or numbers of no declared class.
    is_float : bool
        Whether pixels are float32, which TFDS stores as four bytes each.
    group : tuple of str or None
        None where nobody names one.
    """

    image: Path
    label: Path
    classes: tuple[str, ...] | None
    is_float: bool
    group: Path | None = None


def choose_features(
    builder: Any,
    name: str,
    *,
    image: str | None,
    label: str | None,
    group: str | None = None,
) -> Features:
    """Find the image and the label: as the user says, else by the supervised keys.

    Parameters
    ----------
    builder : tfds.core.DatasetBuilder
    name : str
        The dataset's, for messages.
    image, label, group : str or None
        Names of features that the user gave; nested ones with ``/``.

    Raises
    ------
    DataError
        If there is none, or several may be meant.
    """
    import tensorflow_datasets as tfds

    features = dict(_flat(builder.info.features))
    inputs, targets = _supervised(builder.info.supervised_keys)
    images = [p for p, f in features.items() if isinstance(f, tfds.features.Image)]
    labels = [p for p, f in features.items() if isinstance(f, tfds.features.ClassLabel)]
    scalars = [p for p, f in features.items() if _is_scalar(f)]
    try:
        image_path = _one("image", images, inputs, image, images)
        label_path = _one("label", labels, targets, label, scalars)
        # nothing is taken for the group that nobody named
        group_path = _one("group", [], [], group, scalars) if group else None
    except DataError as error:
        raise DataError(
            f"Expected tfds:{name} to hold an image and a class label"
            f"{', and a group' if group else ''}, got "
            f"{_listed(features)}: {error}."
        ) from None
    declared = features[label_path]
    is_class = isinstance(declared, tfds.features.ClassLabel)
    return Features(
        image=image_path,
        label=label_path,
        classes=tuple(declared.names) if is_class else None,
        is_float=np.dtype(features[image_path].np_dtype) == np.float32,
        group=group_path,
    )


def nested(path: Path, leaf: Any) -> dict[str, Any]:
    """Return dictionaries within each other, with one leaf.

    >>> nested(("a", "b"), 1)
    {'a': {'b': 1}}
    """
    for name in reversed(path):
        leaf = {name: leaf}
    return leaf


def at(path: Path, example: Any) -> Any:
    """Return what an example holds at a path."""
    for name in path:
        example = example[name]
    return example


class FloatRange:
    """What is white in float images: 1 where no value is above it, else 255.

    Examples
    --------
    >>> ranges = FloatRange([np.array([0.0, 0.25]), np.array([1.0])], "here")
    >>> ranges.white
    1
    """

    def __init__(self, images: Iterable[NDArray[np.floating[Any]]], where: str) -> None:
        least, most = math.inf, -math.inf
        for values in images:
            least = min(least, float(values.min(initial=math.inf)))
            most = max(most, float(values.max(initial=-math.inf)))
            if not np.isfinite(values).all():
                least = math.nan
        if not 0 <= least <= most <= 255:
            raise DataError(
                f"Expected float32 pixels of {where} from 0 to 1 or from 0 to 255, got "
                f"{least:g} to {most:g}; scale them so, or save them as uint8."
            )
        self.least, self.most = least, most
        self.white = 1 if most <= 1 else 255

    def pixels(self, values: NDArray[np.floating[Any]]) -> Pixels:
        """Bring an image of shape (height, width, 1) to 8 bits."""
        scaled = np.rint(values[..., 0] * (255 / self.white))
        return Pixels(scaled.astype(np.uint8))


def float_image(data: bytes) -> NDArray[np.float32]:
    """Decode a float32 image as TFDS stores it: its bytes as a PNG of four channels.

    Raises
    ------
    DataError
        If it is no such PNG.
    """
    try:
        with Image.open(io.BytesIO(data), formats=("PNG",)) as image:
            four = np.asarray(image)
    except Exception:  # a damaged file makes Pillow raise almost anything
        raise DataError("an image is no PNG, as TFDS stores float32 ones") from None
    if four.ndim != 3 or four.shape[-1] != 4 or four.dtype != np.uint8:
        raise DataError("an image is no PNG of four channels, as float32 ones are")
    return np.ascontiguousarray(four).view("<f4")


def _flat(features: Any, above: Path = ()) -> Iterator[tuple[Path, Any]]:
    import tensorflow_datasets as tfds

    if not isinstance(features, tfds.features.FeaturesDict):
        yield above, features
        return
    for name, feature in features.items():
        yield from _flat(feature, (*above, name))


def _supervised(keys: Any) -> tuple[list[str], list[str]]:
    """Return the names of inputs and of targets, however they are nested."""
    if not isinstance(keys, tuple) or len(keys) < 2:
        return [], []
    return _leaves(keys[0]), _leaves(keys[1])


def _leaves(structure: Any) -> list[str]:
    if isinstance(structure, str):
        return [structure]
    parts = structure.values() if isinstance(structure, Mapping) else structure
    return [leaf for part in parts for leaf in _leaves(part)]


def _is_scalar(feature: Any) -> bool:
    import tensorflow_datasets as tfds

    if isinstance(feature, tfds.features.ClassLabel | tfds.features.Text):
        return True
    whole = (
        np.issubdtype(feature.np_dtype, np.integer) if feature.shape == () else False
    )
    return bool(whole)


def _one(
    role: str,
    possible: list[Path],
    supervised: list[str],
    asked: str | None,
    askable: list[Path],
) -> Path:
    """Return the only feature that may be meant."""
    if asked is not None:
        path = tuple(asked.split("/"))
        if path not in askable:
            raise DataError(f"none that may be the {role} is called {quoted(asked)}")
        return path
    within = [path for path in possible if path[0] in supervised]
    for several in (within, [path for path in possible if path == (role,)], possible):
        if len(several) == 1:
            return several[0]
    if not possible:
        raise DataError(f"none is the {role}")
    names = " or ".join(quoted("/".join(path)) for path in possible)
    flag = "--path-column" if role == "image" else "--label-column"
    raise DataError(f"the {role} may be {names}; say which with 'convert {flag} NAME'")


def _listed(features: Mapping[Path, Any]) -> str:
    names = (
        f"{quoted('/'.join(path))} ({type(f).__name__})" for path, f in features.items()
    )
    return ", ".join(names) or "none"
