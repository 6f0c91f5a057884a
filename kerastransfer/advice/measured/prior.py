"""What measured cells let expect of contenders, before they are tried.

A Gaussian process [1]_ over the positions of the cells and over contenders gives the
gain at a position, with its spread: near cells count most, certain ones more than
uncertain ones, and far from all of them little is known.

References
----------
.. [1] C. E. Rasmussen and C. K. I. Williams, "Gaussian Processes for Machine Learning",
   MIT Press, 2006, chapters 2 and 5.
"""

import dataclasses
import warnings
from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from kerastransfer.advice.contenders import CONTENDERS, Contender
from kerastransfer.advice.gains import SHARED, Gains, flat
from kerastransfer.advice.measured.cells import FAR, MeasuredCell, Position, likeness

if TYPE_CHECKING:
    from sklearn.gaussian_process.kernels import Kernel

_FEWEST = 6  # cells; of fewer, variances are not fitted
_SETS = 3  # likewise
_LEAST = 1e-6  # variance of a cell, where rounding left none
# Standard deviations as fractions: where fitting starts, and the bounds. Few sets would
# let the likelihood believe that all sets are alike, so the spread between them has a
# floor: for unlike ones what the first four sets of the study showed between each
# other, and for sets at one position, of which there are none, some points.
_OVERALL = (0.01, 0.001, 0.3)  # of the mean of all sets
_UNLIKE = (0.08, 0.08, 0.3)  # of sets that are unlike
_OWN = (0.03, 0.03, 0.3)  # of a set from others at its position, for all its cells
_ALIKE = (0.02, 0.01, 0.3)  # of networks at one position
_FAR, _NEAR = 1e5, 1e-5  # lengths by which a coordinate tells nothing, or all
_ANOTHER = -1.0  # number of a set that was not measured


def expected_gains(
    cells: Sequence[MeasuredCell], contenders: Sequence[Contender], position: Position
) -> Gains:
    """Return what contenders are expected to gain at a position.

    The spread is that of a set which was not measured, not of a mean over sets. Without
    a cell that is near, all that is expected is a gain of the usual size.

    Parameters
    ----------
    cells : sequence of MeasuredCell
        Of the network that is asked about.
    contenders : sequence of Contender
        Tuned ones.
    """
    if not contenders:
        return flat(())
    own = [c for c in cells if any(c.is_of(contender) for contender in CONTENDERS)]
    rows = _rows(own, position)
    process = fitted(own, rows, len(position.coordinates))
    here = [(*position.coordinates, _ANOTHER, *each.coordinates) for each in contenders]
    smooth, scatter = process.k1, process.k2.noise_level
    means, covariance = np.zeros(len(here)), smooth(here)
    if own:
        errors = errors_of(own) + scatter * np.eye(len(own))
        across = smooth(here, rows)
        weights = np.linalg.solve(smooth(rows) + errors, across.T).T
        means = weights @ [cell.gain for cell in own]
        covariance = covariance - weights @ across.T
    return Gains(
        contenders=tuple(contenders),
        means=means,
        covariance=covariance,
        scatter=float(scatter),
        measured=any(likeness(cell, position) <= FAR for cell in own),
    )


def fitted(
    cells: Sequence[MeasuredCell],
    rows: Sequence[tuple[float, ...]],
    coordinates: int,
) -> "Kernel":
    """Return the covariance function, with the variances of greatest likelihood.

    They stay as they are where too few cells or sets were measured to tell them. The
    first part is that of gains, the second the scatter of networks.

    Parameters
    ----------
    coordinates : int
        Numbers of a position, which stand first in each row; that of the set follows.
    """
    from sklearn.gaussian_process import GaussianProcessRegressor, kernels  # slow

    near = [1.0] * coordinates
    alike = [1.0] * len(CONTENDERS[0].coordinates)

    def part(
        sd: tuple[float, float, float], where: list[float], of_set: float
    ) -> "Kernel":
        start, *bounds = (each**2 for each in sd)
        lengths = [*where, of_set, *alike]
        return kernels.ConstantKernel(start, tuple(bounds)) * kernels.RBF(
            lengths, length_scale_bounds="fixed"
        )

    everywhere = [_FAR] * coordinates
    scatter, *bounds = (each**2 for each in _ALIKE)
    kernel = (
        part(_OVERALL, everywhere, _FAR)
        + part(_UNLIKE, near, _FAR)
        + part(_OWN, everywhere, _NEAR)
        + kernels.WhiteKernel(scatter, tuple(bounds))
    )
    if len(cells) < _FEWEST or len({cell.dataset for cell in cells}) < _SETS:
        return kernel
    process = GaussianProcessRegressor(
        kernel=kernel,
        alpha=np.array([cell.sd**2 for cell in cells]) + _LEAST,
        n_restarts_optimizer=1,  # the likelihood may have several tops
        random_state=0,
    )
    with warnings.catch_warnings():  # a variance at its bound is as good as none
        warnings.simplefilter("ignore")
        process.fit(rows, [cell.gain for cell in cells])
    return process.kernel_


def errors_of(cells: Sequence[MeasuredCell]) -> NDArray[np.float64]:
    """Return the covariance of measured gains, of what measured them.

    Cells of one set and number of images share the frozen run; see
    `kerastransfer.advice.gains.SHARED`.
    """
    sd = np.array([cell.sd for cell in cells])
    frozen = np.array([f"{cell.images_per_class} {cell.dataset}" for cell in cells])
    shared = SHARED * np.outer(sd, sd) * (frozen[:, None] == frozen)
    np.fill_diagonal(shared, sd**2)
    return shared + _LEAST * np.eye(len(cells))


def _rows(cells: Sequence[MeasuredCell], position: Position) -> list[tuple[float, ...]]:
    """Return where cells stand, in the coordinates that are known of a position."""
    numbers = {name: float(i) for i, name in enumerate({c.dataset: 0 for c in cells})}
    rows = []
    for cell in cells:
        cosine = None if position.cosine is None else cell.cosine
        where = dataclasses.replace(cell.position, cosine=cosine).coordinates
        rows.append((*where, numbers[cell.dataset], *cell.contender.coordinates))
    return rows
