r"""Distances between mean responses: the study's cosine distance and MMD (its Table 2).

A mean over n images carries their noise: :math:`E\|m\|^2 = \|\mu\|^2 + tr(C)/n` with C
the covariance of one image's response. So beside the plug-in distance stands one in
which each squared norm is less its :math:`tr(C)/n`, with a bootstrap interval.
"""

import dataclasses
from collections.abc import Callable
from typing import Any

import numpy as np
import numpy.typing as npt

from kerastransfer.distances import samples
from kerastransfer.errors import DataError
from kerastransfer.evaluation.intervals import Estimate
from kerastransfer.features.source_statistics import SourceStatistics

REPLICATES = 400
_TAILS = (0.025, 0.975)

_Floats = npt.NDArray[np.float64]


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Response:
    """A domain's mean response and what it might have been with other images.

    Parameters
    ----------
    mean : array of shape (d,), float64
    count : int or None
        Images it rests on; None for a mean that is known without images.
    noise : float
        Expected squared norm of the mean's error: tr(C) / n; 0 without images.
    errors : array of shape (b, d), float64
        Bootstrap replicates of the mean, less the mean; b is 1 where it has no error.
    """

    mean: _Floats
    count: int | None
    noise: float
    errors: _Floats


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class MeanDistance:
    """A distance between two mean responses.

    Parameters
    ----------
    plug_in : float
        Of the means as they are.
    corrected : Estimate
        Less the noise of the means, with a 95 % bootstrap interval; `n` is the smaller
        of the two numbers of images.
    """

    plug_in: float
    corrected: Estimate

    def as_dict(self) -> dict[str, Any]:
        """Return the fields in plain Python, ready for JSON."""
        return {"plug_in": self.plug_in, "corrected": self.corrected.as_dict()}


def respond(features: samples.Matrix, seed: int = 0, name: str = "images") -> Response:
    r"""Measure a domain's mean response in one pass.

    Parameters
    ----------
    features : array of shape (n, d)
        Block 7's output; may be mapped from a file, for no more than a block of rows is
        held.
    seed : int
        Of the bootstrap. Two domains need different ones.
    name : str
        Whose images they are, for messages.

    Raises
    ------
    DataError
        If there are fewer than 10 images, a number is not finite, or all images give
        the same response.

    Notes
    -----
    Sums are float64. Each replicate weighs the images by independent exponential
    variables, scaled to sum 1 [1]_: that needs neither a second pass nor the number of
    images in advance. Its variance is :math:`(n - 1)/(n + 1)` of the mean's, which the
    errors are scaled up by.

    References
    ----------
    .. [1] D. B. Rubin, "The Bayesian Bootstrap", Annals of Statistics 9(1), 1981.
    """
    rng = np.random.default_rng(seed)
    # Less the first row, so that the scatter is no difference of two large numbers.
    origin = np.zeros(0)
    total, squares = np.zeros(()), 0.0
    weighted, weights = np.zeros(()), np.zeros(REPLICATES)
    for block in samples.checked(name, features):
        origin = origin if origin.size else block[0].astype(np.float64)
        rows = block - origin
        drawn = rng.standard_exponential((REPLICATES, len(rows)))
        total = total + rows.sum(axis=0)
        squares += float(np.vdot(rows, rows))
        weighted = weighted + drawn @ rows
        weights += drawn.sum(axis=1)
    count = len(features)
    mean = total / count
    scatter = (squares - count * float(mean @ mean)) / (count - 1)
    weighted /= weights[:, None]
    weighted -= mean
    weighted *= np.sqrt((count + 1) / (count - 1))
    return Response(
        mean=origin + mean, count=count, noise=max(scatter, 0) / count, errors=weighted
    )


def from_statistics(statistics: SourceStatistics, seed: int = 0) -> Response:
    """Take a mean response from source statistics.

    Parameters
    ----------
    seed : int
        Of the replicates. Two domains need different ones.

    Returns
    -------
    Response
        Its errors are drawn from the covariance, or follow from the sample; there are
        none for a mean that was computed from weights.

    Raises
    ------
    DataError
        If the mean rests on images but their spread is unknown.
    """
    count, width = statistics.count, len(statistics.mean)
    if count is None:
        errors = np.zeros((1, width))
        return Response(mean=statistics.mean, count=None, noise=0.0, errors=errors)
    samples.enough("the source", count)
    if statistics.covariance is not None:
        errors = _normal_errors(statistics.covariance, count, seed)
    elif statistics.sample is not None:
        sample = respond(statistics.sample, seed, "the source's sample")
        errors = sample.errors * np.sqrt(len(statistics.sample) / count)
    else:
        raise DataError(
            "Expected source statistics with a covariance or a sample; make them again "
            "with 'kerastransfer features --save-statistics FILE'."
        )
    noise = statistics.scatter / count
    return Response(mean=statistics.mean, count=count, noise=noise, errors=errors)


def cosine(source: Response, target: Response) -> MeanDistance:
    """Measure 1 - cos of the angle between two mean responses.

    Parameters
    ----------
    source, target : Response
        Of independent images.

    Returns
    -------
    MeanDistance
        0 to 1 for responses that are not negative, as after a ReLU; dimensionless. The
        corrected value is cut off at 0.

    Raises
    ------
    DataError
        If they differ in size, or a mean is not told from zero.
    """
    _check_pair(source, target)
    norms = [float(each.mean @ each.mean) for each in (source, target)]
    if min(norms) == 0:
        raise DataError("Expected a mean response other than zero; are images blank?")
    return _with_interval(source, target, _cosine, plug_in=_cosine(source, target, 0))


def mmd(source: Response, target: Response) -> MeanDistance:
    """Measure the norm of the difference of two mean responses (linear kernel).

    Parameters
    ----------
    source, target : Response
        Of independent images.

    Returns
    -------
    MeanDistance
        In the unit of the features, not squared, as in the study. The corrected value
        is cut off at 0.

    Raises
    ------
    DataError
        If they differ in size.
    """
    _check_pair(source, target)
    return _with_interval(source, target, _mmd, plug_in=_mmd(source, target, 0))


# (source, target, times): the distance of each pair of replicates, less `times` the
# noise of the means; times = 0 gives one number, without replicates.
_Distance = Callable[[Response, Response, int], Any]


def _cosine(source: Response, target: Response, times: int) -> Any:
    first, second = _replicates(source, times), _replicates(target, times)
    squares = [
        (each * each).sum(axis=-1) - times * of.noise
        for each, of in ((first, source), (second, target))
    ]
    product = squares[0] * squares[1]
    if times and (np.minimum(*squares) <= 0).any():
        raise DataError(
            "The mean response is not told from zero with so few images; more are "
            "needed for a cosine distance."
        )
    # Rounding may put the distance of a thing to itself a hair below 0.
    return np.maximum(1 - (first * second).sum(axis=-1) / np.sqrt(product), 0)


def _mmd(source: Response, target: Response, times: int) -> Any:
    difference = _replicates(source, times) - _replicates(target, times)
    square = (difference * difference).sum(axis=-1)
    return np.sqrt(np.maximum(square - times * (source.noise + target.noise), 0))


def _replicates(response: Response, times: int) -> _Floats:
    """Return replicates of the mean where they are asked for, else the mean."""
    return response.mean + response.errors if times == 2 else response.mean


def _with_interval(
    source: Response, target: Response, distance: _Distance, *, plug_in: float
) -> MeanDistance:
    """Correct for the noise once in the value, and twice in its replicates.

    A replicate is a noisy mean of images that are themselves a sample.
    """
    low, high = np.quantile(distance(source, target, 2), _TAILS)
    value = float(distance(source, target, 1))
    counts = [each.count for each in (source, target) if each.count is not None]
    corrected = Estimate(
        value=value,
        # The value need not be inside where it was cut off at 0.
        low=min(float(low), value),
        high=max(float(high), value),
        n=min(counts, default=0),
        method="bootstrap",
    )
    return MeanDistance(plug_in=float(plug_in), corrected=corrected)


def _check_pair(source: Response, target: Response) -> None:
    samples.same_width(source.mean, target.mean)


def _normal_errors(
    covariance: npt.NDArray[np.float32], count: int, seed: int
) -> _Floats:
    """Draw errors of a mean from the normal distribution of its covariance."""
    values, vectors = np.linalg.eigh(np.asarray(covariance, np.float64) / count)
    scales = np.sqrt(np.maximum(values, 0))
    drawn = np.random.default_rng(seed).standard_normal((REPLICATES, len(values)))
    return np.asarray((drawn * scales) @ vectors.T)
