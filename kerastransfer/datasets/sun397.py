"""SUN397: 108,753 photographs of 397 kinds of scene.

``SUN397/<letter>/<class>[/<kind>]/sun_<16 letters>.jpg``. Names end in .jpg whatever
the bytes are. Two files are known to decode badly: they are rejected when they do.
"""

import re

from kerastransfer.checksums import Checksum
from kerastransfer.datasets.facts import Facts
from kerastransfer.datasets.layout import (
    Contents,
    Images,
    Layout,
    Texts,
    labelled,
)
from kerastransfer.datasets.listing import Item
from kerastransfer.datasets.parts import Part

FACTS = Facts(
    description="108,753 photographs of 397 kinds of scene.",
    parts=(
        Part(
            file="SUN397.tar.gz",
            size=39_077_296_924,
            checksums=(
                Checksum("md5", "8ca2778205c41d23104230ba66911c7a"),
                Checksum(
                    "sha256",
                    "f404130965a7ad77bed5ececc71e720ab50f3cc1e1bb257257610d38f3b928ec",
                ),
            ),
            folders=("SUN397",),
        ),
    ),
    steps=(
        "the servers at Princeton and MIT that had SUN397.tar.gz are gone "
        "(tensorflow/datasets issue 4807); get it from a mirror or a colleague"
    ),
    # Drawn from all images, not from the ten official partitions: of those a class has
    # 50 for training, and the study trains on 70.
    test=25,
    val=2,
    largest_train=70,
    variant_sizes=(1, 10, 50, 70),
    mirror_keeps_class=True,
    licence="research use; the photographs have owners of their own",
    citation=(
        'J. Xiao, J. Hays, K. Ehinger, A. Oliva and A. Torralba, "SUN Database: '
        'Large-scale Scene Recognition from Abbey to Zoo", CVPR, 2010'
    ),
    url="https://vision.princeton.edu/projects/2010/SUN/",
)
_IMAGE = re.compile(
    r"(?:^|/)([a-z]/[^/]+(?:/[^/]+)?)/(sun_[a-z]+\.jpe?g)$", re.IGNORECASE
)


def _image(member: str) -> str | None:
    found = _IMAGE.search(member)
    return f"{found[1]}/{found[2]}" if found else None


def _contents(images: Images, texts: Texts) -> Contents:
    names = {path: f"/{path.rpartition('/')[0]}" for path in images}
    classes, labels = labelled(set(names.values()))
    return Contents(classes, [Item(path, labels[name]) for path, name in names.items()])


LAYOUT = Layout(image=_image, contents=_contents)
