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


class Published(NamedTuple):
    """The images of one class, or of several that were counted together."""

    classes: tuple[str, ...]
    images: int


_SHOWN = 5
# Counted by others, so that so large a part of the number is enough; one class was
# counted with labels merged into it.
_INEXACT = {"coral": (0.9, ("Porites",))}
# A class that a user may ask for.
_EXTRA = {"caltech256": Published(("clutter",), 827)}
# Where each class is of another size: 732 to 1,300 for training (O. Russakovsky et al.,
# IJCV 2015, Table 2) and 50 for validation.
_BOUNDS: dict[str, tuple[int, int | None]] = {"yosinski": (782, 1_350)}


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


class _Row(NamedTuple):
    """How many images the named classes should have together; most None: any more."""

    classes: tuple[str, ...]
    least: int
    most: int | None


def differences(
    dataset: str,
    classes: Sequence[str],
    counts: Sequence[int],
    known: Sequence[str] | None = None,
    listed: int | None = None,
) -> str:
    """Say in what a listing differs from what was published.

    Parameters
    ----------
    dataset : str
    classes : sequence of str
    counts : sequence of int
        Images listed of each.
    known : sequence of str, optional
        All classes that there should be, where that is known.
    listed : int, optional
        Images of each class that are listed, where that is not all of them.

    Returns
    -------
    str
        One sentence; nothing where all agrees or nothing was published.
    """
    expected = _expected(dataset, classes, known or ())
    if listed is not None:
        expected = [_Row(row.classes, listed, listed) for row in expected]
    found = dict(zip(classes, counts, strict=True))
    wrong = [row for row in expected if not _agrees(row, found)]
    names = {name for row in expected for name in row.classes}
    unknown = [name for name in classes if name not in names] if expected else []
    if not wrong and not unknown:
        return ""
    told = [_tell(row, found) for row in wrong[:_SHOWN]]
    told += [f"{name} is not known" for name in unknown[: _SHOWN - len(told)]]
    more = len(wrong) + len(unknown) - len(told)
    # No number of all images where those of a class are known by their bounds only.
    images = sum(row.least for row in expected if row.most == row.least)
    held = sum(count > 0 for count in counts)
    return (
        f"Expected {f'{images:,} images of ' if images else ''}{len(names):,} classes "
        f"in {dataset}, found {sum(counts):,}{'' if images else ' images'} of "
        f"{held:,}: {'; '.join(told)}"
        f"{f'; and {more:,} more classes' if more else ''}."
    )


def _expected(dataset: str, classes: Sequence[str], known: Sequence[str]) -> list[_Row]:
    rows = published(dataset)
    if dataset in _INEXACT:
        least, merged = _INEXACT[dataset]
        return [
            _Row(row.classes, 1 if row.classes == merged else int(least * images), None)
            for row in rows
            for images in (row.images,)
        ]
    extra = _EXTRA.get(dataset)
    if extra is not None and extra.classes[0] in classes:
        rows = (*rows, extra)
    if rows:
        return [_Row(row.classes, row.images, row.images) for row in rows]
    bounds = _BOUNDS.get(dataset.partition("_")[0], (1, None))
    return [_Row((name,), *bounds) for name in known]


def _agrees(row: _Row, found: Mapping[str, int]) -> bool:
    images = _images(found, row)
    return row.least <= images and (row.most is None or images <= row.most)


def _tell(row: _Row, found: Mapping[str, int]) -> str:
    wanted = f"{row.least:,}"
    if row.most != row.least:
        wanted += " or more" if row.most is None else f" to {row.most:,}"
    return f"{' + '.join(row.classes)} {_images(found, row):,} instead of {wanted}"


def _images(found: Mapping[str, int], row: _Row) -> int:
    return sum(found.get(name, 0) for name in row.classes)
