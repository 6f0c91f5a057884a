"""The halves of ImageNet against what yosinski/convnet_transfer published."""

import hashlib

import pytest

from kerastransfer.datasets.known import imagenet_halves, yosinski

# md5 of ilsvrc12/half<N><A|B>_valid/files.txt: a line a validation image of the half,
# its name and its new label.
PUBLISHED = {
    (0, "a"): "2f10009e20d77eb7007cf70674958b94",
    (0, "b"): "cce39b383d681345c873faf2c0c28d33",
    (1, "a"): "9ab48b6420504e32ff4498e7d8569f8b",
    (1, "b"): "57522f5e2aa69547846089f5197c8a6b",
    (2, "a"): "03d05b6565ab9176baccdd05d746bfd1",
    (2, "b"): "18de8b37378e07e60dc602b6130eeeb2",
    (3, "a"): "46086440ddde128f169f23331998499d",
    (3, "b"): "e5f9f0895fd0d49a8ac0b804ec891282",
}
# sha256 of the halves' identifiers, joined by newlines.
IDENTIFIERS = {
    "a": "a853b77608a7a5c009bee211b96383e6a26df850bc2181d40f1ee702540885af",
    "b": "fe723d94794e004b921a2d74af6feb63551d7ed426ffb70d19408d58fb6a4e47",
}


@pytest.fixture(scope="module")
def truth():
    """Labels of the 50,000 validation images, as TFDS brings them."""
    return [imagenet_halves.wnids().index(wnid) for wnid in yosinski._from_tfds()]


def test_the_labels_are_those_of_caffes_list(truth):
    assert len(truth) == 50_000 and truth[:4] == [65, 970, 230, 809]
    text = "".join(
        f"ILSVRC2012_val_{i:08d}.JPEG {label}\n" for i, label in enumerate(truth, 1)
    )
    digest = hashlib.md5(text.encode(), usedforsecurity=False).hexdigest()
    assert digest == "b6284a7c08fba47457c2c1f6049a156e"


@pytest.mark.parametrize(("number", "which"), PUBLISHED)
def test_each_half_is_the_published_one(number, which, truth):
    labels = {
        index: new for new, index in enumerate(imagenet_halves.half(number, which))
    }
    text = "".join(
        f"ILSVRC2012_val_{i:08d}.JPEG {labels[index]}\n"
        for i, index in enumerate(truth, start=1)
        if index in labels
    )
    digest = hashlib.md5(text.encode(), usedforsecurity=False).hexdigest()
    assert digest == PUBLISHED[number, which]


@pytest.mark.parametrize("which", ["a", "b"])
def test_the_identifiers_of_the_first_pair(which):
    names = [imagenet_halves.wnids()[index] for index in imagenet_halves.half(0, which)]
    assert hashlib.sha256("\n".join(names).encode()).hexdigest() == IDENTIFIERS[which]


@pytest.mark.parametrize("number", range(4))
def test_halves_divide_the_classes(number):
    first, second = imagenet_halves.half(number, "a"), imagenet_halves.half(number, "b")
    assert len(first) == len(second) == 500
    assert sorted(first + second) == list(range(1000))
    assert list(first) == sorted(first) and list(second) == sorted(second)
