"""What measured cells let expect of a contender, before it is tried and after.

A Gaussian process [1]_ over the positions of the cells gives the gain at one, with
its spread: near cells count most, certain ones more than uncertain ones, and far from
all of them little is known.

References
----------
.. [1] C. E. Rasmussen and C. K. I. Williams, "Gaussian Processes for Machine Learning",
   MIT Press, 2006, chapters 2 and 5.
"""

import dataclasses
import math
import warnings
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Self

import numpy as np
from scipy.stats import norm

from kerastransfer.advice.contenders import Contender
from kerastransfer.advice.measured.cells import FAR, MeasuredCell, Position, likeness
from kerastransfer.evaluation.intervals import Estimate

if TYPE_CHECKING:
    from sklearn.gaussian_process import GaussianProcessRegressor

_FEWEST = 6  # cells; of fewer the spread between sets is not known
_SETS = 3  # likewise
_LEAST = 1e-6  # variance of a cell, where rounding left none
# Standard deviations as fractions, least and most. Few sets would let the likelihood
# believe that all sets are alike, so the spread between them has a floor: for unlike
# ones what the first four sets of the study showed between each other, and for sets at
# one position, of which there are none, some points.
_OVERALL = (0.001, 0.3)  # of the mean of all sets
_UNLIKE = (0.08, 0.3)  # of sets that are unlike
_OWN = (0.03, 0.3)  # of a set from others at its position, for all its cells alike
_ALIKE = (0.01, 0.3)  # of cells at one position
_FAR, _NEAR = 1e5, 1e-5  # lengths by which a coordinate tells nothing, or all
_ANOTHER = -1.0  # number of a set that was not measured
HALF_WIDTH = float(norm.ppf(0.975))  # of a 95 % interval, in standard deviations


@dataclasses.dataclass(frozen=True, slots=True)
class Normal:
    """A normal distribution of what a contender gains over the frozen recipe.

    Parameters
    ----------
    mean, sd : float
        As fractions of 1.

    Examples
    --------
    >>> Normal(0.04, 0.02).combined(Normal(0.0, 0.02))
    Normal(mean=0.02, sd=0.014142135623730952)
    """

    mean: float
    sd: float

    @classmethod
    def of(cls, estimate: Estimate) -> Self:
        """Return that whose interval is as wide as an estimate's."""
        return cls(estimate.value, (estimate.high - estimate.low) / 2 / HALF_WIDTH)

    def combined(self, other: "Normal") -> "Normal":
        """Weigh with independent evidence, each by the inverse of its variance."""
        weights = 1 / self.sd**2, 1 / other.sd**2
        total = sum(weights)
        mean = (self.mean * weights[0] + other.mean * weights[1]) / total
        return Normal(mean, 1 / math.sqrt(total))

    def estimate(self, n: int, method: str) -> Estimate:
        """Return it with its 95 % interval, within -1 to 1.

        Parameters
        ----------
        n : int
            Images that it rests on.
        """
        low, high = (self.mean + side * HALF_WIDTH * self.sd for side in (-1, 1))
        return Estimate(
            value=self.mean, low=max(low, -1.0), high=min(high, 1.0), n=n, method=method
        )


def gains(
    cells: Sequence[MeasuredCell],
    contenders: Sequence[Contender],
    position: Position,
) -> Mapping[Contender, Normal]:
    """Return what each contender is expected to gain at a position.

    Only those that were measured often enough, on several sets, one of which is
    near, have an entry.

    Parameters
    ----------
    cells : sequence of MeasuredCell
        Of the network that is asked about.
    """
    expected = {}
    for contender in contenders:
        own = [cell for cell in cells if cell.is_of(contender)]
        sets = {cell.dataset for cell in own}
        there = any(likeness(cell, position) <= FAR for cell in own)
        if there and len(own) >= _FEWEST and len(sets) >= _SETS:
            expected[contender] = gain_at(own, position)
    return expected


def gain_at(cells: Sequence[MeasuredCell], position: Position) -> Normal:
    """Return the gain that cells of one contender let expect at a position.

    The spread is that of a set which was not measured, not of a mean over sets.
    """
    process = fitted(cells, position)
    here = (*position.coordinates, _ANOTHER)
    mean, sd = process.predict([here], return_std=True)
    return Normal(float(mean[0]), float(sd[0]))


def fitted(
    cells: Sequence[MeasuredCell], position: Position
) -> "GaussianProcessRegressor":
    """Fit the process to cells, in the coordinates that are known of a position.

    Its variances are those of greatest marginal likelihood within their bounds.
    """
    from sklearn.gaussian_process import GaussianProcessRegressor, kernels  # slow

    positions = [
        dataclasses.replace(
            cell.position, cosine=None if position.cosine is None else cell.cosine
        )
        for cell in cells
    ]
    numbers = {name: float(i) for i, name in enumerate({c.dataset: 0 for c in cells})}
    rows = [
        (*where.coordinates, numbers[cell.dataset])
        for where, cell in zip(positions, cells, strict=True)
    ]
    overall, unlike, own, alike = (
        (least**2, most**2) for least, most in (_OVERALL, _UNLIKE, _OWN, _ALIKE)
    )
    known = len(position.coordinates)
    near = kernels.RBF([1.0] * known + [_FAR], length_scale_bounds="fixed")
    same_set = kernels.RBF([_FAR] * known + [_NEAR], length_scale_bounds="fixed")
    process = GaussianProcessRegressor(
        kernel=kernels.ConstantKernel(overall[1], overall)
        + kernels.ConstantKernel(unlike[0], unlike) * near
        + kernels.ConstantKernel(own[0], own) * same_set
        + kernels.WhiteKernel(alike[0], alike),
        alpha=np.array([cell.sd**2 for cell in cells]) + _LEAST,
        n_restarts_optimizer=3,  # the likelihood has several tops
        random_state=0,
    )
    with warnings.catch_warnings():  # a variance at its bound is as good as none
        warnings.simplefilter("ignore")
        process.fit(rows, [cell.gain for cell in cells])
    return process
