"""What tuning gains over freezing, as one normal distribution over all contenders.

Contenders are alike, so what a pilot finds of one tells of the others too.
"""

import dataclasses
import math
from collections.abc import Sequence
from typing import Self

import numpy as np
from numpy.typing import NDArray

from kerastransfer.advice.contenders import Contender
from kerastransfer.evaluation.intervals import NORMAL_HALF_WIDTH, Estimate

# Two differences from the same frozen answers share these, which are half of the
# variance of each.
SHARED = 0.5


@dataclasses.dataclass(frozen=True, slots=True)
class Normal:
    """A normal distribution of what a contender gains over the frozen recipe.

    Parameters
    ----------
    mean, sd : float
        As fractions of 1.
    """

    mean: float
    sd: float

    @classmethod
    def of(cls, estimate: Estimate) -> Self:
        """Return that whose interval is as wide as an estimate's."""
        return cls(
            estimate.value, (estimate.high - estimate.low) / 2 / NORMAL_HALF_WIDTH
        )

    @property
    def chance(self) -> float:
        """Probability of a gain above 0.

        Examples
        --------
        >>> Normal(0.0, 0.1).chance
        0.5
        """
        return 0.5 * math.erfc(-self.mean / self.sd / math.sqrt(2))

    def estimate(self, n: int, method: str) -> Estimate:
        """Return it with its 95 % interval, within -1 to 1.

        Parameters
        ----------
        n : int
            Images that it rests on.
        """
        low, high = (self.mean + side * NORMAL_HALF_WIDTH * self.sd for side in (-1, 1))
        return Estimate(
            value=self.mean, low=max(low, -1.0), high=min(high, 1.0), n=n, method=method
        )


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Observed:
    """What a pilot found of a contender.

    Parameters
    ----------
    gain : Normal
        Over the frozen recipe on the same images; its spread is that of the images.
    rounds, images : int
        Networks that were trained, and images that judged them.
    """

    contender: Contender
    gain: Normal
    rounds: int
    images: int


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Gains:
    """What is known of the gains of tuned contenders.

    Parameters
    ----------
    contenders : tuple of Contender
    means : array of shape (k,)
        Expected gains, as fractions of 1.
    covariance : array of shape (k, k)
        Of the gains, each a mean over networks trained anew.
    scatter : float
        Variance of one network's gain about that mean.
    measured : bool
        Whether cells like these were measured, rather than nothing assumed but that
        gains are of the size that was measured elsewhere.
    """

    contenders: tuple[Contender, ...]
    means: NDArray[np.float64]
    covariance: NDArray[np.float64]
    scatter: float
    measured: bool

    def of(self, contender: Contender) -> Normal:
        """Return what a network trained with a contender is expected to gain."""
        place = self.contenders.index(contender)
        variance = self.covariance[place, place] + self.scatter
        return Normal(float(self.means[place]), math.sqrt(variance))

    def given(self, observed: Sequence[Observed]) -> "Gains":
        """Return what is known once contenders were tried (conditioned normals).

        Gains that were judged by the same images share the frozen recipe's part of
        their errors; see `SHARED`.
        """
        if not observed:
            return self
        places = [self.contenders.index(each.contender) for each in observed]
        errors = _errors(observed) + self.scatter * np.diag(
            [1 / each.rounds for each in observed]
        )
        across = self.covariance[:, places]
        weights = np.linalg.solve(across[places] + errors, across.T).T
        surprise = [each.gain.mean for each in observed] - self.means[places]
        return dataclasses.replace(
            self,
            means=self.means + weights @ surprise,
            covariance=self.covariance - weights @ across.T,
        )

    def worth_of_trying(self, contender: Contender, variance: float) -> float:
        """Return by how much one more trial is expected to better the choice.

        The knowledge gradient for correlated beliefs [1]_: the expected best gain after
        the trial minus the best expected gain before it, with the frozen recipe, whose
        gain is 0, among the choices.

        Parameters
        ----------
        variance : float
            Of the gain that the trial will show about the true one.

        References
        ----------
        .. [1] P. Frazier, W. Powell and S. Dayanik, "The Knowledge-Gradient Policy for
           Correlated Normal Beliefs", INFORMS Journal on Computing 21(4), 2009.
        """
        place = self.contenders.index(contender)
        column = self.covariance[:, place]
        moves = column / math.sqrt(column[place] + variance)
        points, weights = np.polynomial.hermite_e.hermegauss(64)
        after = np.maximum(self.means + points[:, None] * moves, 0.0).max(axis=1)
        before = max(0.0, *self.means)
        return max(float(after @ weights / weights.sum() - before), 0.0)


def flat(contenders: Sequence[Contender]) -> Gains:
    """Return what is known before anything is: as good as nothing."""
    return Gains(
        contenders=tuple(contenders),
        means=np.zeros(len(contenders)),
        covariance=np.eye(len(contenders)) * 100.0,
        scatter=0.0,
        measured=False,
    )


def _errors(observed: Sequence[Observed]) -> NDArray[np.float64]:
    """Return the covariance of what was observed, of the images that judged."""
    sd = np.array([each.gain.sd for each in observed])
    images = np.array([each.images for each in observed], float)
    fewer = np.minimum.outer(images, images) / np.maximum.outer(images, images)
    shared = SHARED * np.outer(sd, sd) * np.sqrt(fewer)
    np.fill_diagonal(shared, sd**2)
    return shared
