"""How many images of each class were published, to compare a conversion with."""

import importlib.resources
import json
from collections.abc import Mapping, Sequence
from typing import NamedTuple

_SHOWN = 5  # classes that a message names


class ClassCount(NamedTuple):
    """The published number of images of one class, or of several counted together.

    Parameters
    ----------
    images : int
        As published.
    least, most : int, optional
        The numbers that pass; by default exactly `images`, or `images` and more where
        only `least` is given.
    optional : bool
        Whether the class is compared only where it is listed, because a user must ask
        for it.
    """

    classes: tuple[str, ...]
    images: int
    least: int | None = None
    most: int | None = None
    optional: bool = False

    @property
    def bounds(self) -> tuple[int, int | None]:
        """The smallest and the largest number that passes; None for no largest.

        >>> ClassCount(("ant",), 60).bounds
        (60, 60)
        >>> ClassCount(("ant",), 60, least=54).bounds
        (54, None)
        """
        if self.least is None:
            return self.images, self.images
        return self.least, self.most


def read_counts(file: str) -> tuple[ClassCount, ...]:
    """Read exact counts from a JSON file that lies beside the datasets' modules.

    Parameters
    ----------
    file : str
        Such as ``cub200.json``: a list of ``[[class, ...], images]``.
    """
    path = importlib.resources.files("kerastransfer.datasets.known") / file
    rows = json.loads(path.read_text(encoding="utf-8"))
    return tuple(ClassCount(tuple(classes), images) for classes, images in rows)


def at_least_one(classes: Sequence[str]) -> tuple[ClassCount, ...]:
    """Expect an image of each class, where no number was published."""
    return tuple(ClassCount((name,), 1, least=1) for name in classes)


def differences(
    dataset: str,
    published: Sequence[ClassCount],
    classes: Sequence[str],
    counts: Sequence[int],
    *,
    listed: int | None = None,
) -> str:
    """Say in what a listing differs from what was published.

    Parameters
    ----------
    dataset : str
        Its name, for the sentence.
    classes : sequence of str
        Those that are listed.
    counts : sequence of int
        Images listed of each.
    listed : int, optional
        Images of each class that are listed, where that is not all of them.

    Returns
    -------
    str
        One sentence; empty where all agrees or nothing was published.

    Examples
    --------
    >>> published = [ClassCount(("ant",), 60), ClassCount(("bee",), 58)]
    >>> differences("insects", published, ["ant", "bee"], [60, 58])
    ''
    >>> print(differences("insects", published, ["ant", "bee"], [60, 57]))
    Expected 118 images of 2 classes in insects, found 117 of 2: bee 57 instead of 58.
    """
    expected = [
        row if listed is None else row._replace(images=listed, least=None)
        for row in published
        if not row.optional or row.classes[0] in classes
    ]
    by_class = dict(zip(classes, counts, strict=True))
    wrong = [row for row in expected if not _agrees(row, by_class)]
    names = {name for row in expected for name in row.classes}
    unknown = [name for name in classes if name not in names] if expected else []
    if not wrong and not unknown:
        return ""
    reasons = [_describe(row, by_class) for row in wrong[:_SHOWN]]
    reasons += [f"{name} is not known" for name in unknown[: _SHOWN - len(reasons)]]
    more = len(wrong) + len(unknown) - len(reasons)
    # No number of all images where those of a class are known by their bounds only.
    images = sum(least for least, most in (r.bounds for r in expected) if least == most)
    present = sum(count > 0 for count in counts)
    return (
        f"Expected {f'{images:,} images of ' if images else ''}{len(names):,} classes "
        f"in {dataset}, found {sum(counts):,}{'' if images else ' images'} of "
        f"{present:,}: {'; '.join(reasons)}"
        f"{f'; and {more:,} more classes' if more else ''}."
    )


def _agrees(row: ClassCount, by_class: Mapping[str, int]) -> bool:
    least, most = row.bounds
    images = _images(by_class, row)
    return least <= images and (most is None or images <= most)


def _describe(row: ClassCount, by_class: Mapping[str, int]) -> str:
    least, most = row.bounds
    expected = f"{least:,}"
    if most != least:
        expected += " or more" if most is None else f" to {most:,}"
    return f"{' + '.join(row.classes)} {_images(by_class, row):,} instead of {expected}"


def _images(by_class: Mapping[str, int], row: ClassCount) -> int:
    return sum(by_class.get(name, 0) for name in row.classes)
