"""A temperature, by which probabilities are made as sure as they are right.

Probabilities are softmax(logits / T) [1]_. Where only probabilities are known their
logarithms serve as logits, for softmax takes no note of a number that is added to all.

References
----------
.. [1] C. Guo, G. Pleiss, Y. Sun and K. Q. Weinberger, "On Calibration of Modern Neural
   Networks", ICML 2017, section 4.2.
"""

import numpy as np
import numpy.typing as npt

from kerastransfer.errors import InputError
from kerastransfer.evaluation import arrays

_Rows = npt.NDArray[np.float64]
_Labels = npt.NDArray[np.int64]
_LEAST, _MOST = 0.05, 20.0
_TINY = float(np.finfo(np.float64).tiny)  # what stands for a probability of 0
FEWEST = 10  # images; of fewer no temperature can be told


def apply(probabilities: npt.ArrayLike, temperature: float) -> _Rows:
    """Return probabilities at a temperature: above 1 less sure, below 1 surer.

    Examples
    --------
    >>> apply([[0.9, 0.1]], 2.0).round(3)
    array([[0.75, 0.25]])
    """
    logits = _logits(np.asarray(probabilities, np.float64)) / temperature
    logits -= logits.max(axis=1, keepdims=True)
    powers = np.exp(logits)
    rows: _Rows = powers / powers.sum(axis=1, keepdims=True)
    return rows


def fit(probabilities: npt.ArrayLike, labels: npt.ArrayLike) -> float:
    """Return the temperature, 0.05 to 20, of least negative log-likelihood.

    Parameters
    ----------
    probabilities : array_like of shape (n, num_classes)
    labels : array_like of int, shape (n,)
        Of images that the network was not trained on, and is not tested on.

    Raises
    ------
    InputError
        If there are fewer than ten images, or the two do not match.
    """
    rows = arrays.distributions("probabilities", probabilities)
    truth = arrays.class_indices("labels", labels, rows.shape[1])
    arrays.same_length(probabilities=rows, labels=truth)
    if len(truth) < FEWEST:
        raise InputError(
            f"Expected at least {FEWEST} validation images to calibrate by, got "
            f"{len(truth)}; add images, or leave calibration out."
        )
    return _fit(np.asarray(rows, np.float64), truth)


def _fit(rows: _Rows, truth: _Labels) -> float:
    from scipy.optimize import minimize_scalar  # late: --help must not wait for it

    logits = _logits(rows)

    def loss(log_temperature: float) -> float:
        return _nll(logits / np.exp(log_temperature), truth)

    ends = (float(np.log(_LEAST)), float(np.log(_MOST)))
    best = minimize_scalar(loss, bounds=ends, method="bounded")
    return float(np.exp(best.x))


def helps(probabilities: npt.ArrayLike, labels: npt.ArrayLike) -> bool:
    """Say whether temperatures bring a smaller loss on images they were not fitted to.

    Of few images a temperature follows from chance: where none is answered wrongly it
    would be as small as can be.
    """
    rows = np.asarray(probabilities, np.float64)
    truth = arrays.class_indices("labels", labels, rows.shape[1])
    if (rows.argmax(axis=1) == truth).all():
        return False
    scaled = cross_fitted(rows, truth)
    return _nll(_logits(scaled), truth) < _nll(_logits(rows), truth)


def cross_fitted(
    probabilities: npt.ArrayLike, labels: npt.ArrayLike, folds: int = 5
) -> _Rows:
    """Return probabilities at temperatures that were fitted to other images.

    What was fitted to some images looks better on these than on others; this is how
    good it is on others, where there are no others. Images take turns in folds, class
    by class.
    """
    rows = np.asarray(probabilities, np.float64)
    truth = arrays.class_indices("labels", labels, rows.shape[1])
    turn = np.empty(len(truth), np.int64)
    turn[np.argsort(truth, kind="stable")] = np.arange(len(truth)) % folds
    scaled = np.empty_like(rows)
    for fold in range(folds):
        held_out = turn == fold
        temperature = _fit(rows[~held_out], truth[~held_out])
        scaled[held_out] = apply(rows[held_out], temperature)
    return scaled


def _logits(rows: _Rows) -> _Rows:
    logits: _Rows = np.log(np.maximum(rows, _TINY))
    return logits


def _nll(logits: _Rows, truth: _Labels) -> float:
    top = logits.max(axis=1)
    total = top + np.log(np.exp(logits - top[:, None]).sum(axis=1))
    return float(np.mean(total - logits[np.arange(len(truth)), truth]))
