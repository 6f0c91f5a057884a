"""Images that stand twice in a dataset, as they are or scaled and compressed anew.

Candidates are pairs whose perceptual hashes differ in few bits: found by buckets of
equal bytes, for two hashes that differ in at most seven bits of 64 agree in one of
their eight bytes. A candidate counts once its thumbnail is the other's, but for a
change of brightness and contrast.
"""

import dataclasses
from collections.abc import Iterator, Sequence

import numpy as np
from numpy.typing import NDArray

# Tried on 81 photographs and drawings: of their copies, scaled to a quarter or
# compressed at quality 30, none differs in more bits, correlates less or leaves more;
# no two different photographs differ in so few bits. Drawings of one kind do, and few
# of them pass the other two.
MOST_BITS = 8
LEAST_CORRELATION = 0.99
MOST_RESIDUE = 4.0  # gray levels that a straight line between the two leaves
_FLAT = 2.0  # gray levels of deviation, below which a correlation is one of noise
_CLOSE = 3.0  # gray levels by which two flat images may differ
_BLOCK = 1024
_BYTES = 8  # of a hash
# That are looked at, in a quarter of a minute; alike images make very many.
_MOST_PAIRS = 20_000_000

HashArray = NDArray[np.uint64]


@dataclasses.dataclass(frozen=True, slots=True)
class Duplicates:
    """Clusters of images that are the same.

    Parameters
    ----------
    exact : tuple of tuple of int
        Indices of images with the same bytes, two or more in each.
    near : tuple of tuple of int
        Indices of images that are the same or nearly so; clusters with equal bytes only
        are left out.
    complete : bool
        Whether every candidate was looked at.
    """

    exact: tuple[tuple[int, ...], ...]
    near: tuple[tuple[int, ...], ...]
    complete: bool


def find(
    digests: Sequence[bytes], hashes: HashArray, thumbnails: NDArray[np.uint8]
) -> Duplicates:
    """Find images that are the same, or nearly so.

    Parameters
    ----------
    digests : sequence of bytes
        Of the files.
    hashes : array of shape (n,), uint64
        Perceptual hashes.
    thumbnails : array of shape (n, d), uint8
        Gray levels.

    Returns
    -------
    Duplicates
        Clusters in the order of their first images.
    """
    same: dict[bytes, list[int]] = {}
    for index, digest in enumerate(digests):
        same.setdefault(digest, []).append(index)
    exact = [tuple(cluster) for cluster in same.values() if len(cluster) > 1]
    firsts = np.array([cluster[0] for cluster in same.values()], np.int64)
    pairs, complete = _near_pairs(hashes[firsts], thumbnails[firsts])
    members = list(same.values())
    near = [
        tuple(sorted(index for row in rows for index in members[row]))
        for rows in _clusters(len(firsts), pairs)
    ]
    return Duplicates(tuple(exact), tuple(sorted(near)), complete)


def _near_pairs(
    hashes: HashArray, thumbnails: NDArray[np.uint8]
) -> tuple[NDArray[np.int64], bool]:
    """Return confirmed pairs of rows, each once, and whether all were looked at."""
    confirmed, looked = [np.empty((0, 2), np.int64)], 0
    for pairs in _candidates(hashes):
        looked += len(pairs)
        if looked > _MOST_PAIRS:
            return np.concatenate(confirmed), False
        confirmed.append(pairs[_confirmed(thumbnails, pairs)])
    return np.concatenate(confirmed), True


def _candidates(hashes: HashArray) -> Iterator[NDArray[np.int64]]:
    """Yield pairs of rows whose hashes differ in few bits, each once; a block a time.

    Rows in one bucket agree in one byte of their hashes. A pair that agrees in several
    is met in the first of them.
    """
    parts = hashes[:, np.newaxis].view(np.uint8).reshape(len(hashes), _BYTES)
    for byte, part in enumerate(parts.T):
        order = np.argsort(part, kind="stable")
        borders = np.flatnonzero(np.diff(part[order])) + 1
        for bucket in np.split(order, borders):
            for rows, others in _blocks(bucket):
                bits = np.bitwise_count(hashes[rows][:, np.newaxis] ^ hashes[others])
                first, second = np.nonzero(bits <= MOST_BITS)
                pairs = np.stack([rows[first], others[second]], axis=1)
                if rows is others:
                    pairs = pairs[first < second]
                earlier = parts[:, :byte]
                met = (earlier[pairs[:, 0]] == earlier[pairs[:, 1]]).any(axis=1)
                yield pairs[~met]


def _blocks(
    bucket: NDArray[np.int64],
) -> Iterator[tuple[NDArray[np.int64], NDArray[np.int64]]]:
    """Yield pairs of parts that are small enough to compare all their rows."""
    parts = [bucket[i : i + _BLOCK] for i in range(0, len(bucket), _BLOCK)]
    for number, rows in enumerate(parts):
        for others in parts[number:]:
            yield rows, others


def _confirmed(
    thumbnails: NDArray[np.uint8], pairs: NDArray[np.int64]
) -> NDArray[np.bool_]:
    """Whether thumbnails are the same; flat ones, whether they are of one gray."""
    kept = np.zeros(len(pairs), bool)
    for start in range(0, len(pairs), _BLOCK):
        first, second = (
            thumbnails[pairs[start : start + _BLOCK, side]].astype(np.float32)
            for side in (0, 1)
        )
        levels = first.mean(axis=1) - second.mean(axis=1)
        a, b = (x - x.mean(axis=1, keepdims=True) for x in (first, second))
        spreads = np.sqrt((a * a).mean(axis=1)), np.sqrt((b * b).mean(axis=1))
        least, most = np.minimum(*spreads), np.maximum(*spreads)
        products = np.where(least < _FLAT, 1, least * most)
        correlation = np.clip((a * b).mean(axis=1) / products, -1, 1)
        residue = most * np.sqrt(1 - correlation**2)
        same = (correlation >= LEAST_CORRELATION) & (residue <= MOST_RESIDUE)
        of_one_gray = (most < _FLAT) & (np.abs(levels) < _CLOSE)
        kept[start : start + _BLOCK] = np.where(least < _FLAT, of_one_gray, same)
    return kept


def _clusters(count: int, pairs: NDArray[np.int64]) -> list[list[int]]:
    """Return rows that are joined by pairs, two or more in each."""
    from scipy.sparse import coo_array
    from scipy.sparse.csgraph import connected_components

    joined = coo_array((np.ones(len(pairs)), pairs.T), shape=(count, count))
    _, labels = connected_components(joined, directed=False)
    order = np.argsort(labels, kind="stable")
    borders = np.flatnonzero(np.diff(labels[order])) + 1
    return [part.tolist() for part in np.split(order, borders) if len(part) > 1]
