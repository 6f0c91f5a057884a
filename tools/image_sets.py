"""Builds sets of pictures from packages that anyone can install.

    python tools/image_sets.py SET OUT

makes ``OUT/SET/CLASS/NAME.png``, which is then ``folder:OUT/SET``:

stamps
    Photographs of six coarse kinds, cut out of their background: Debian's
    ``tuxpaint-stamps-default``. What is marked as a cartoon is left out.
clipart
    Drawings of seven kinds: Debian's ``openclipart-png``.
emoji
    Apple's emoji, 64 x 64 pixels, by their category in Unicode: the npm package
    ``emoji-datasource-apple``, whose folder --from names (``npm pack`` brings it).
fashion_first, fashion_last
    The first five classes of Fashion-MNIST, 1,200 garments each, and the last five, 400
    each, in published order: Debian's ``dataset-fashion-mnist``. A network trained on
    the first five is a source that lies near the last five.

Several drawings of one series may stand in train and in test: accuracies on clipart and
emoji are those of a collection, not of artists that were never seen.
"""

import argparse
import functools
import io
import json
import shutil
import sys
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

from PIL import Image

from kerastransfer.datasets.known import fashion_mnist

_STAMPS = Path("/usr/share/tuxpaint/stamps")
_CLIPART = Path("/usr/share/openclipart/png")
_STAMP_FOLDERS = {
    "bird": ("animals/birds",),
    "food": ("food",),
    "household": ("household",),
    "mammal": ("animals/mammals",),
    "money": ("symbols/money",),
    "plant": ("plants",),
}
_CLIPART_FOLDERS = {
    "animal": ("animals",),
    "building": ("buildings",),
    "food": ("food",),
    "people": ("people",),
    "plant": ("plants",),
    "tool": ("tools",),
    "transportation": ("transportation",),
}
_LEFT_OUT = ("cartoon", "toys")  # folders of pictures that are no photographs
_CELL, _EDGE = 66, 1  # pixels of an emoji's place in the sheet, and around it
_NO_KIND = "Component"  # skin tones, which are no pictures of their own

Picture = tuple[str, str, Path | Image.Image]  # class, name, and where it is


def _in_folders(
    root: Path, folders: Mapping[str, tuple[str, ...]]
) -> Iterator[Picture]:
    for label, names in folders.items():
        for path in sorted(path for name in names for path in (root / name).rglob("*")):
            parts = path.relative_to(root).parts
            if path.suffix == ".png" and not set(parts) & set(_LEFT_OUT):
                yield label, "_".join(parts), path


def _stamps(_: Path | None) -> Iterator[Picture]:
    return _in_folders(_STAMPS, _STAMP_FOLDERS)


def _clipart(_: Path | None) -> Iterator[Picture]:
    return _in_folders(_CLIPART, _CLIPART_FOLDERS)


def _emoji(package: Path | None) -> Iterator[Picture]:
    if package is None:
        sys.exit("Expected --from FOLDER of the npm package emoji-datasource-apple.")
    rows = json.loads((package / "emoji.json").read_text(encoding="utf-8"))
    with Image.open(package / "img" / "apple" / "sheets" / "64.png") as sheet:
        sheet.load()
    for row in rows:
        if row["category"] == _NO_KIND or not row["has_img_apple"]:
            continue
        left, top = (_CELL * row[name] + _EDGE for name in ("sheet_x", "sheet_y"))
        size = _CELL - 2 * _EDGE
        label = row["category"].replace(" & ", "_and_").replace(" ", "_").lower()
        yield label, row["image"], sheet.crop((left, top, left + size, top + size))


def _garments(
    _: Path | None, *, classes: tuple[str, ...], each: int
) -> Iterator[Picture]:
    source = fashion_mnist.source(None)
    taken: dict[str, str] = {}  # class of each path
    counts: Counter[str] = Counter()
    for item in source.listing().items:
        label = fashion_mnist.CLASSES[item.label]
        if item.split == "train" and label in classes and counts[label] < each:
            counts[label] += 1
            taken[item.path] = label
    for file in source.image_files(taken):
        ((path, _whole),) = file.images
        yield taken[path], Path(path).name, Image.open(io.BytesIO(file.content.read()))


SETS: dict[str, Callable[[Path | None], Iterator[Picture]]] = {
    "stamps": _stamps,
    "clipart": _clipart,
    "emoji": _emoji,
    "fashion_first": functools.partial(
        _garments, classes=fashion_mnist.CLASSES[:5], each=1_200
    ),
    "fashion_last": functools.partial(
        _garments, classes=fashion_mnist.CLASSES[5:], each=400
    ),
}


def build(name: str, out: Path, package: Path | None = None) -> Counter[str]:
    """Build a set and count the pictures of each class."""
    counts: Counter[str] = Counter()
    for label, file, picture in SETS[name](package):
        target = out / name / label / file
        target.parent.mkdir(parents=True, exist_ok=True)
        if isinstance(picture, Path):
            shutil.copyfile(picture, target)
        else:
            picture.save(target)
        counts[label] += 1
    return counts


def main() -> int:
    """Build what the command line names."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("set", choices=SETS)
    parser.add_argument("out", type=Path)
    parser.add_argument("--from", dest="package", type=Path, metavar="FOLDER")
    args = parser.parse_args()
    counts = build(args.set, args.out, args.package)
    if not counts:
        sys.exit(f"Expected the pictures of {args.set}: is its package installed?")
    for label, number in sorted(counts.items()):
        print(f"{label}\t{number}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
