"""How many images of each class were published, to hold a conversion against.

Sources, by dataset: caltech256, counts of the released folders (clutter, 827, is no
class); sun397, the file lists of TensorFlow Datasets; mit_indoor, the official lists as
kept by cdoersch/elementdiscovery; cub200, the release's own lists; plankton,
Inria-Chile/planktonzilla, which gives some classes as one number for several; coral,
points counted from jxwleong/coral-sleuth.
"""

import functools
import importlib.resources
import json
from collections.abc import Mapping, Sequence
from typing import NamedTuple

_SHOWN = 5
# Counted with labels merged that a conversion keeps apart.
_INEXACT = ("coral",)


class Published(NamedTuple):
    """The images of one class, or of several that were counted together."""

    classes: tuple[str, ...]
    images: int


@functools.cache
def published(dataset: str) -> tuple[Published, ...]:
    """Return the published counts of a dataset; empty where there are none.

    Parameters
    ----------
    dataset : str
        A name in `kerastransfer.datasets.table.DATASETS`.
    """
    file = importlib.resources.files("kerastransfer.datasets") / "class_counts.json"
    rows = json.loads(file.read_text(encoding="utf-8")).get(dataset, [])
    return tuple(Published(tuple(classes), images) for classes, images in rows)


def differences(dataset: str, classes: Sequence[str], counts: Sequence[int]) -> str:
    """Say in what a listing differs from what was published.

    Parameters
    ----------
    dataset : str
    classes : sequence of str
    counts : sequence of int
        Images listed of each.

    Returns
    -------
    str
        One sentence; nothing where all agrees or nothing was published.
    """
    expected = published(dataset)
    if not expected or dataset in _INEXACT:
        return ""
    found = dict(zip(classes, counts, strict=True))
    wrong = [row for row in expected if _images(found, row) != row.images]
    known = {name for row in expected for name in row.classes}
    unknown = [name for name in classes if name not in known]
    if not wrong and not unknown:
        return ""
    total = sum(row.images for row in expected)
    named = [
        f"{' + '.join(row.classes)} {_images(found, row):,} instead of {row.images:,}"
        for row in wrong[:_SHOWN]
    ]
    named += [f"{name} is not known" for name in unknown[: _SHOWN - len(named)]]
    more = len(wrong) + len(unknown) - len(named)
    return (
        f"Expected {total:,} images of {len(known):,} classes in {dataset}, found "
        f"{sum(counts):,} of {len(classes):,}: {'; '.join(named)}"
        f"{f'; and {more:,} more classes' if more else ''}."
    )


def _images(found: Mapping[str, int], row: Published) -> int:
    return sum(found.get(name, 0) for name in row.classes)
