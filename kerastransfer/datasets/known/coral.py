"""Moorea Labeled Corals: patches about 400,000 labelled points of 2,055 photographs.

Three zips of a year each, ``<year>/<photograph>`` and ``<photograph>.txt`` with lines
``row; column; label``. The labels' case varies with the year; of some forty, nine are
the study's. The same quadrats were photographed every year.
"""

import functools
import re
from collections import Counter
from collections.abc import Callable, Iterator, Mapping

from kerastransfer.datasets.archived.layout import (
    ArchiveContents,
    ImageSizes,
    Layout,
    Texts,
    lines,
)
from kerastransfer.datasets.archived.published_files import PublishedFile
from kerastransfer.datasets.class_counts import ClassCount
from kerastransfer.datasets.dataset import DatasetInfo
from kerastransfer.datasets.image_file import Cut
from kerastransfer.datasets.known.known_dataset import KnownDataset
from kerastransfer.datasets.listing import Item
from kerastransfer.datasets.option import Option
from kerastransfer.errors import DataError
from kerastransfer.foundation.checksums import Checksum
from kerastransfer.foundation.quoting import quoted

# The annotations' words, in lower case, to the classes' names.
CLASSES = {
    "acrop": "Acropora",
    "cca": "CCA",
    "macro": "Macroalgae",
    "monti": "Montipora",
    "pavon": "Pavona",
    "pocill": "Pocillopora",
    "porit": "Porites",
    "sand": "Sand",
    "turf": "Turf",
}
# Words for its species and forms, which others count as Porites.
PORITES = ("p. rus", "p. irr", "p mass")
PATCH_SIZE = 224  # ours: the study does not state its own
_LARGEST_PATCH = 4096
# Points counted from jxwleong/coral-sleuth, so that so large a part is enough.
_ENOUGH = 0.9
_COUNTED = {
    "Acropora": 1_930,
    "CCA": 226_017,
    "Macroalgae": 23_832,
    "Montipora": 8_408,
    "Pavona": 5_344,
    "Pocillopora": 11_177,
    "Sand": 37_935,
    "Turf": 43_769,
}
_OBJECT = (
    "https://gmn.lternet.edu/mn/v2/object/https:%2F%2Fpasta.lternet.edu%2Fpackage"
    "%2Fdata%2Feml%2Fknb-lter-mcr%2F5006%2F3%2F"
)


def _part(
    year: int, day: str, entity: str, size: int, md5: str, sha1: str
) -> PublishedFile:
    file = f"MCR_LTER_ComputerVision_LabeledCorals_{year}_{day}.zip"
    return PublishedFile(
        file=file,
        urls=(f"{_OBJECT}{entity}",),
        size=size,
        checksums=(Checksum("md5", md5), Checksum("sha1", sha1)),
        folders=(file.removesuffix(".zip"), str(year)),
        needed=False,  # a year alone is a dataset too; fewer images than published
    )


INFO = DatasetInfo(
    description=(
        "Patches about labelled points of 2,055 photographs of coral reefs, nine "
        "classes (Moorea Labeled Corals, 2008 to 2010)."
    ),
    classes=tuple(CLASSES.values()),
    parts=(
        _part(
            2008,
            "20120521",
            "28c6c36ed93e699e0550361ee871bdc9",
            2_044_220_065,
            "743d62088ac2be456b8d50c02725bcc3",
            "4af4b83f3f964b3d7f234178130bc196e599ca18",
        ),
        _part(
            2009,
            "20120523",
            "1b90487f445a82fe072c43871dfcd1ef",
            2_628_754_087,
            "4b265a33d32ebd6a7efc68c477d65e97",
            "9ccadaa2c5293542a861f6ea661c8c02ec7c799c",
        ),
        _part(
            2010,
            "20120521",
            "41afbdac7aac223ff92dea751ea39530",
            962_738_166,
            "d708520d6822d9701bf02e64f8817b39",
            "86e79281b658113de8358df895864811bd99aa31",
        ),
    ),
    test=300,
    val=50,
    largest_train=450,
    variant_sizes=(10, 50, 200, 450),
    mirror_keeps_class=True,
    licence="CC BY 4.0",
    citation=(
        "O. Beijbom, P. Edmunds, D. Kline, B. Mitchell and D. Kriegman, "
        '"Automated Annotation of Coral Reef Survey Images", CVPR, 2012; '
        "doi:10.6073/pasta/88dde0e68ab5232a470389f4bedd1892"
    ),
    url="https://portal.edirepository.org/nis/mapbrowse?packageid=knb-lter-mcr.5006.3",
)
_NAME = (
    r"(mcr_lter[1-6]_(?:fringingreef|out10m|out17m)_pole\d+-\d+_qu\d+_(\d{4})\d{4})"
    r"\.(?:jpe?g|png)"
)
_IMAGE = re.compile(rf"(?:^|/){_NAME}$", re.IGNORECASE)
_TEXT = re.compile(rf"(?:^|/)({_NAME})\.txt$", re.IGNORECASE)
_PLACE = re.compile(r"[0-9]{1,9}")  # a row or a column, in pixels
_DATE = re.compile(r"_\d{8}$")


def layout(
    *,
    group: str | None = None,
    patch_size: int = PATCH_SIZE,
    merge_porites: bool = False,
) -> Layout:
    """Describe the archives.

    Parameters
    ----------
    group : {'photograph', 'quadrat'}, optional
        Whose patches stay on one side of every split.
    patch_size : int
        The patches' side, in pixels.
    merge_porites : bool
        Whether points of its species and forms are Porites; else they are left out.
    """
    words = CLASSES | dict.fromkeys(PORITES if merge_porites else (), "Porites")
    return Layout(
        image=_image,
        contents=functools.partial(_contents, group=group, words=words),
        text=_text,
        example="2008/mcr_lter1_fringingreef_pole1-2_qu1_20080415.jpg",
        cuts=functools.partial(_cut, patch_size),
    )


def _image(member: str) -> str | None:
    match = _IMAGE.search(member)
    return f"{match[2]}/{member.rpartition('/')[2]}" if match else None


def _text(member: str) -> str | None:
    """Return the path of the photograph that an annotation belongs to."""
    match = _TEXT.search(member)
    return f"{match[3]}/{match[1]}" if match else None


_GROUPS: dict[str | None, Callable[[str], str | None]] = {
    None: lambda photograph: None,
    "photograph": lambda photograph: photograph,
    "quadrat": lambda photograph: _DATE.sub(
        "", photograph.rpartition("/")[2].rpartition(".")[0]
    ),
}


def _contents(
    images: ImageSizes, texts: Texts, group: str | None, words: Mapping[str, str]
) -> ArchiveContents:
    names = tuple(CLASSES.values())
    labels = {word: names.index(name) for word, name in words.items()}
    items: list[Item] = []
    ignored = Counter(
        {
            "photographs without points": len(images.keys() - texts.keys()),
            "annotations without a photograph": len(texts.keys() - images.keys()),
        }
    )
    for photograph in sorted(images.keys() & texts.keys()):
        kept_together = _GROUPS[group](photograph)
        for number, (row, column, word) in enumerate(_points(texts, photograph)):
            if word in labels:
                path = f"{photograph}/{number:03d}_{row:04d}_{column:04d}"
                point = (row, column)
                items.append(Item(path, labels[word], None, kept_together, point))
            else:
                ignored[f"points of other labels: {word}"] += 1
    return ArchiveContents(names, items, +ignored)


def _points(texts: Texts, photograph: str) -> Iterator[tuple[int, int, str]]:
    """Yield row, column and label, in lower case, of every point."""
    for line in lines(texts, photograph, "coral"):
        if line.startswith("#"):
            continue
        cells = [cell.strip() for cell in line.split(";")]
        if len(cells) != 3 or not all(map(_PLACE.fullmatch, cells[:2])):
            raise DataError(
                "Expected 'row; column; label' in the annotation of "
                f"{quoted(photograph)}, got {quoted(line)}."
            )
        yield int(cells[0]), int(cells[1]), cells[2].lower()


def _cut(patch_size: int, path: str) -> tuple[str, Cut]:
    """Return the photograph of a patch, and where it is cut out."""
    photograph, _, place = path.rpartition("/")
    _, row, column = place.split("_")
    return photograph, Cut(int(row), int(column), patch_size)


DATASET = KnownDataset(
    name="coral",
    info=INFO,
    layout=layout,
    options=(
        Option(
            name="group",
            help="Keep all images that share one of these in the same split",
            choices=("photograph", "quadrat"),
            metavar="G",
        ),
        Option(
            name="patch_size",
            help="Side of the patches about labelled points, in pixels",
            value_type=int,
            default=PATCH_SIZE,
            most=_LARGEST_PATCH,
        ),
        Option(
            name="merge_porites",
            help="Count P. rus, P. irr and P. mass as Porites in place of leaving them "
            "out",
            value_type=bool,
            default=False,
        ),
    ),
    published_counts=(
        *(
            ClassCount((name,), images, least=int(_ENOUGH * images))
            for name, images in _COUNTED.items()
        ),
        # counted with the labels that merge_porites merges
        ClassCount(("Porites",), 34_887, least=1),
    ),
    in_study=True,
)
