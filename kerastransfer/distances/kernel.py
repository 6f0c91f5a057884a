r"""MMD with a Gaussian kernel: unbiased, with a permutation test, in blocks.

:math:`MMD^2 = E[k(x, x')] + E[k(y, y')] - 2 E[k(x, y)]` with
:math:`k(x, y) = \exp(-\|x - y\|^2 / (2 s^2))` and s the median distance between two of
the images of both domains together. Unlike the norm of a difference of means it sees
any difference between two distributions.
"""

import dataclasses
import math
from typing import Any

import numpy as np
import numpy.typing as npt
import scipy.spatial.distance

from kerastransfer.distances import samples

PERMUTATIONS = 500
_BLOCK = 1024
_MEDIAN_OF = 1_000  # rows that the median distance is taken over


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class KernelDistance:
    """A squared MMD and how often chance alone exceeds it.

    Parameters
    ----------
    squared : float
        The unbiased estimate; about 0, and as often below as above it, for one domain.
    p_value : float
        Share of permutations of the images over the two domains that give as much.
    bandwidth : float
        s, in the unit of the features.
    n : int
        Images of each domain.
    permutations : int
        Drawn for the test.
    """

    squared: float
    p_value: float
    bandwidth: float
    n: int
    permutations: int

    def as_dict(self) -> dict[str, Any]:
        """Return the fields in plain Python, ready for JSON."""
        return dataclasses.asdict(self)


def gaussian_mmd(
    source: samples.Matrix,
    target: samples.Matrix,
    *,
    bandwidth: float | None = None,
    permutations: int = PERMUTATIONS,
    seed: int = 0,
) -> KernelDistance:
    """Compare two domains with a Gaussian kernel.

    Parameters
    ----------
    source, target : array of shape (n, d), (m, d)
        Computed on in their own precision.
    bandwidth : float, optional
        s; by default the median distance between images, over at most 1,000 of both.
    permutations : int
        Of the test.
    seed : int
        Of the permutations and of the rows for the median.

    Raises
    ------
    DataError
        If there are fewer than 10 images of either, they differ in size, hold a NaN,
        or do not vary.

    Notes
    -----
    The kernel's matrix is never held: its blocks are multiplied with the permutations'
    indicator vectors as they come, which gives all permuted sums at once.

    References
    ----------
    .. [1] A. Gretton et al., "A Kernel Two-Sample Test", JMLR 13, 2012, equation 3 and
       section 5.
    """
    samples.check_pair(source, target)
    rng = np.random.default_rng(seed)
    rows = _Rows(source, target)
    width = bandwidth or _median_distance(rows, rng)
    first = np.arange(len(rows)) < len(source)
    members = np.stack([first, *(rng.permutation(first) for _ in range(permutations))])
    squares = _squared_mmds(rows, members.T.astype(source.dtype), width)
    # Within rounding, for few images have few distinct permutations.
    tie = 1e-6 * abs(squares[0])
    return KernelDistance(
        squared=float(squares[0]),
        p_value=float((squares >= squares[0] - tie).mean()),
        bandwidth=width,
        n=min(len(source), len(target)),
        permutations=permutations,
    )


class _Rows:
    """Both domains' rows under each other, without a copy of the whole.

    The kernel sees differences only; near the origin they lose fewer digits.
    """

    def __init__(self, source: samples.Matrix, target: samples.Matrix) -> None:
        self.source, self.target = source, target
        self.centre = np.array(source[: samples.LEAST].mean(axis=0))

    def __len__(self) -> int:
        return len(self.source) + len(self.target)

    def __getitem__(self, rows: slice) -> samples.Matrix:
        start, stop, _ = rows.indices(len(self))
        border = len(self.source)
        parts = (
            self.source[start : min(stop, border)],
            self.target[max(start - border, 0) : max(stop - border, 0)],
        )
        block = np.concatenate(parts)
        block -= self.centre
        return block

    def draw(self, count: int, rng: np.random.Generator) -> samples.Matrix:
        """Return so many rows at random, or all."""
        order = np.sort(rng.permutation(len(self))[:count])
        border = len(self.source)
        inside = order < border
        return np.concatenate(
            [self.source[order[inside]], self.target[order[~inside] - border]]
        )


def _median_distance(rows: _Rows, rng: np.random.Generator) -> float:
    return float(np.median(scipy.spatial.distance.pdist(rows.draw(_MEDIAN_OF, rng))))


def _squared_mmds(
    rows: _Rows, members: samples.Matrix, width: float
) -> npt.NDArray[np.float64]:
    """Return the unbiased squared MMD of each column of `members`.

    Parameters
    ----------
    rows : _Rows
        n of them.
    members : array of shape (n, p)
        1 for rows of the first domain, 0 for rows of the second.
    width : float
        The kernel's bandwidth.
    """
    inside = np.zeros(members.shape[1])  # a'Ka
    sums = np.zeros(len(rows))  # K1
    starts = range(0, len(rows), _BLOCK)
    for i in (slice(start, start + _BLOCK) for start in starts):
        first = rows[i]
        for j in (slice(s, s + _BLOCK) for s in starts if s <= i.start):
            kernel = _kernel(first, first if i == j else rows[j], width)
            if i == j:
                np.fill_diagonal(kernel, 0)
            times = 1 if i == j else 2  # the matrix is symmetric
            products = members[i] * (kernel @ members[j])
            inside += times * products.sum(axis=0, dtype=np.float64)
            sums[i] += kernel.sum(axis=1, dtype=np.float64)
            if i != j:
                sums[j] += kernel.sum(axis=0, dtype=np.float64)
    across = members.T.astype(np.float64) @ sums - inside  # a'K(1 - a)
    outside = sums.sum() - inside - 2 * across
    n, m = len(rows.source), len(rows.target)
    return np.asarray(
        inside / (n * (n - 1)) + outside / (m * (m - 1)) - 2 * across / (n * m)
    )


def _kernel(
    first: samples.Matrix, second: samples.Matrix, width: float
) -> samples.Matrix:
    """Return exp(-|x - y|^2 / (2 s^2))."""
    exponent = first @ second.T
    exponent -= 0.5 * np.einsum("ij,ij->i", first, first)[:, None]
    exponent -= 0.5 * np.einsum("ij,ij->i", second, second)
    # Rounding may leave a squared distance a hair below 0.
    np.minimum(exponent, 0, out=exponent)
    exponent *= exponent.dtype.type(1 / math.pow(width, 2))
    return np.asarray(np.exp(exponent, out=exponent))
