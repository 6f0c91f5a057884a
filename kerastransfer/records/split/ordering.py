"""Orders from SHA-256, and from them the order of (rank, class)."""

import hashlib
from collections.abc import Iterable

import numpy as np
from numpy.typing import NDArray

from kerastransfer.foundation.arrays import IntArray

_SIZE = 32  # bytes of a SHA-256


def digests(texts: Iterable[str], count: int, salt: str) -> NDArray[np.uint64]:
    """Hash every ``salt:text``.

    Parameters
    ----------
    count : int
        How many there are.

    Returns
    -------
    array of shape (n, 4), uint64
        SHA-256, its first eight bytes in the first column, most significant first.
    """
    hashes = bytearray(_SIZE * count)  # joined at once, a list of them would be large
    for start, text in zip(range(0, len(hashes), _SIZE), texts, strict=True):
        digest = hashlib.sha256(f"{salt}:{text}".encode()).digest()
        hashes[start : start + _SIZE] = digest
    return np.frombuffer(hashes, ">u8").reshape(-1, 4).astype(np.uint64)


def sorted_by(digests: NDArray[np.uint64]) -> IntArray:
    """Return the indices that sort hashes as their hexadecimal digits would be."""
    return np.lexsort(digests.T[::-1])


def rank_major(order: IntArray, labels: IntArray) -> tuple[IntArray, IntArray]:
    """Rank every class's images in the order given, and sort by (rank, class).

    Parameters
    ----------
    order : array of shape (n,)
        Indices into `labels`.
    labels : array of shape (m,)

    Returns
    -------
    ranks, order : arrays of shape (n,)
        Ranks that do not fall, and the indices that go with them.
    """
    by_class = order[np.argsort(labels[order], kind="stable")]
    of_class = labels[by_class]
    _, firsts, sizes = np.unique(of_class, return_index=True, return_counts=True)
    ranks = np.arange(len(by_class)) - np.repeat(firsts, sizes)
    final = np.lexsort((of_class, ranks))
    return ranks[final], by_class[final]
