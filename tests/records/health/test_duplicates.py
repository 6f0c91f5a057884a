"""Duplicates, planted among photographs: exact ones, scaled and compressed ones."""

import io
import itertools
import tracemalloc
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from sklearn.datasets import load_sample_images

from kerastransfer.records.health import duplicates
from kerastransfer.records.health.fingerprints import fingerprint

# 19 photographs of landscapes, water, plants and animals; Debian's tuxpaint-data.
TUXPAINT = Path("/usr/share/tuxpaint/templates")


def photographs():
    found = [Image.fromarray(image) for image in load_sample_images().images]
    for path in sorted(TUXPAINT.glob("*.jpg")):
        found.append(Image.open(path).convert("RGB"))
    # Quarters of a photograph that share no pixel are different images of one scene.
    for image in list(found):
        w, h = image.width // 2, image.height // 2
        corners = itertools.product((0, image.width - w), (0, image.height - h))
        found += [image.crop((x, y, x + w, y + h)) for x, y in corners]
    return found


def encode(image, kind="JPEG", **options):
    out = io.BytesIO()
    image.save(out, kind, **options)
    return out.getvalue()


def scaled(image, factor):
    size = [max(16, round(factor * side)) for side in image.size]
    return image.resize(size, Image.Resampling.BICUBIC)


COPIES = {
    "quality 30": lambda image: encode(image, quality=30),
    "quality 75": lambda image: encode(image, quality=75),
    "half": lambda image: encode(scaled(image, 0.5), quality=85),
    "a quarter": lambda image: encode(scaled(image, 0.25), quality=85),
    "larger": lambda image: encode(scaled(image, 1.3), quality=60),
    "PNG": lambda image: encode(image, "PNG"),
    "brighter": lambda image: encode(image.point(lambda v: min(255, int(1.1 * v)))),
    "gray": lambda image: encode(image.convert("L")),
}


def looks_at(files):
    found = [fingerprint((number, data))[0] for number, data in enumerate(files)]
    thumbnails = b"".join(each.thumbnail for each in found)
    return (
        [each.digest for each in found],
        np.array([each.perceptual for each in found], np.uint64),
        np.frombuffer(thumbnails, np.uint8).reshape(len(found), -1),
    )


@pytest.fixture(scope="module")
def originals():
    if not TUXPAINT.is_dir():
        pytest.skip("needs the Debian package tuxpaint-data")
    found = photographs()
    assert len(found) > 100
    return found


def test_different_photographs_are_no_pair(originals):
    found = duplicates.find(*looks_at([encode(image) for image in originals]))
    assert found == duplicates.Duplicates((), (), True)


def test_exact_copies_are_all_found(originals):
    files = [encode(image) for image in originals]
    found = duplicates.find(*looks_at([*files, *files[:50], *files[:20]]))
    count = len(files)
    expected = [
        (i, count + i, *([count + 50 + i] if i < 20 else [])) for i in range(50)
    ]
    assert list(found.exact) == expected
    assert found.near == ()  # each is told once


@pytest.mark.parametrize("kind", COPIES)
def test_copies_are_found_and_nothing_else(kind, originals):
    files = [encode(image, quality=95) for image in originals]
    copies = [COPIES[kind](image) for image in originals]
    found = duplicates.find(*looks_at([*files, *copies]))
    planted = {(i, len(files) + i) for i in range(len(files))}
    assert set(found.near) <= planted, "false pairs"
    assert len(found.near) >= 0.95 * len(planted)
    assert found.exact == () and found.complete


def test_near_copies_of_exact_copies_are_one_cluster(originals):
    first, other = originals[0], originals[1]
    data = encode(first, quality=95)
    files = [data, encode(other), encode(first, quality=50), data]
    found = duplicates.find(*looks_at(files))
    assert found.exact == ((0, 3),)
    assert found.near == ((0, 2, 3),)


def test_flat_images_are_told_by_their_gray():
    files = [encode(Image.new("L", (30, 30), gray), "PNG") for gray in (0, 1, 90, 255)]
    assert duplicates.find(*looks_at(files)).near == ((0, 1),)


def brute_force(hashes):
    bits = np.bitwise_count(hashes[:, np.newaxis] ^ hashes)
    first, second = np.nonzero(np.triu(bits <= duplicates.MOST_BITS, k=1))
    return set(zip(first.tolist(), second.tolist(), strict=True))


def test_buckets_find_what_comparing_all_pairs_finds():
    rng = np.random.default_rng(0)
    middles = rng.integers(0, 2**64, 200, np.uint64, endpoint=False)
    hashes = np.repeat(middles, 5)
    for i in range(len(hashes)):  # up to 7 bits of distance from the middle
        for bit in rng.choice(64, rng.integers(0, 4), replace=False):
            hashes[i] ^= np.uint64(1) << np.uint64(bit)
    found = {
        tuple(sorted(pair))
        for pairs in duplicates._candidates(hashes)
        for pair in pairs.tolist()
    }
    expected = brute_force(hashes)
    assert found <= expected
    near = {
        pair
        for pair in expected
        if np.bitwise_count(hashes[pair[0]] ^ hashes[pair[1]]) <= 7
    }
    assert near <= found and len(near) > 1_000


def test_blocks_lose_no_pair(monkeypatch, originals):
    images = [*originals[:30], *(scaled(image, 0.5) for image in originals[:30])]
    arguments = looks_at([encode(image) for image in images])
    whole = duplicates.find(*arguments)
    monkeypatch.setattr(duplicates, "_BLOCK", 3)
    assert duplicates.find(*arguments) == whole and len(whole.near) == 30


def alike(count):
    """Images of one hash; of every two, one is the other's copy."""
    noise = np.random.default_rng(0).integers(0, 256, (count // 2, 256), np.uint8)
    digests = [i.to_bytes(4) for i in range(count)]
    return digests, np.full(count, 5, np.uint64), np.repeat(noise, 2, axis=0)


def test_each_pair_is_looked_at_once(monkeypatch):
    """Though these agree in all eight bytes."""
    arguments = alike(60)
    pairs = np.concatenate(list(duplicates._candidates(arguments[1])))
    assert len(pairs) == len(set(map(frozenset, pairs.tolist()))) == 60 * 59 / 2
    monkeypatch.setattr(duplicates, "_MOST_PAIRS", len(pairs))
    found = duplicates.find(*arguments)
    assert found.complete
    assert found.near == tuple((i, i + 1) for i in range(0, 60, 2))
    monkeypatch.setattr(duplicates, "_MOST_PAIRS", len(pairs) - 1)
    assert not duplicates.find(*arguments).complete


def test_very_many_alike_images_are_given_up_in_bounded_memory(monkeypatch):
    monkeypatch.setattr(duplicates, "_MOST_PAIRS", 2_000_000)
    arguments = alike(40_000)  # 800 million pairs
    tracemalloc.start()
    try:
        found = duplicates.find(*arguments)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert not found.complete and len(found.near) > 500
    assert peak < 150e6


def test_no_images_at_all():
    nothing = np.zeros(0, np.uint64), np.zeros((0, 256), np.uint8)
    assert duplicates.find([], *nothing) == duplicates.Duplicates((), (), True)


def test_a_damaged_image_has_a_reason():
    [found] = fingerprint((3, b"\xff\xd8\xff\xe0 cut short"))
    assert found.number == 3 and found.reason and (found.width, found.height) == (0, 0)
