"""Transferability scores: what features say of classes without training on them.

Each is one number for a set of features and labels, to rank networks or blocks by. How
well that works is contested [1]_: read them beside the accuracies of plain classifiers
(`neighbours`, `kerastransfer.evaluation.probe`), on train and val alone.

References
----------
.. [1] A. Agostinelli et al., "How Stable are Transferability Metrics Evaluations?",
   ECCV 2022.
"""

import numpy as np
import numpy.typing as npt

from kerastransfer.errors import InputError

_Floats = npt.NDArray[np.float64]
_Labels = npt.NDArray[np.int64]
_ROUNDS, _TOLERANCE = 200, 1e-8
_LEAST = 1e-12
_CHUNK = 1_024  # images whose similarities are held at once


def log_me(features: npt.ArrayLike, labels: npt.ArrayLike) -> float:
    r"""Return LogME: the log evidence of a linear model of each class, per image [1]_.

    Parameters
    ----------
    features : array_like of shape (n, d)
    labels : array_like of int, shape (n,)

    Returns
    -------
    float
        Mean over classes, in nats an image; higher is better.

    Raises
    ------
    InputError
        If shapes do not match, a feature is not finite, or there is one class.

    Notes
    -----
    Of a class's indicator t given features F, with a normal prior of precision a on the
    weights and noise of precision b, the evidence is maximised over both by MacKay's
    fixed point :math:`a = \gamma / m^T m`, :math:`b = (n - \gamma) / |Fm - t|^2`, on
    the singular values of F.

    References
    ----------
    .. [1] K. You, Y. Liu, J. Wang and M. Long, "LogME: Practical Assessment of
       Pre-trained Models for Transfer Learning", ICML 2021.
    """
    x, y = _checked(features, labels)
    left, singular, _ = np.linalg.svd(x, full_matrices=False)
    evidence = [
        _evidence(left.T @ indicator, singular**2, float(indicator.sum()), x.shape)
        for indicator in ((y == label).astype(np.float64) for label in np.unique(y))
    ]
    return float(np.mean(evidence))


def _evidence(
    turned: _Floats, squares: _Floats, norm: float, shape: tuple[int, ...]
) -> float:
    """Maximise one class's log evidence, per image.

    Parameters
    ----------
    turned : array of shape (r,)
        The indicator along the left singular vectors.
    squares : array of shape (r,)
        Squared singular values.
    norm : float
        Squared norm of the indicator.
    """
    n, d = shape
    outside = max(norm - float(turned @ turned), 0.0)
    a, b, best = 1.0, 1.0, -np.inf
    for _ in range(_ROUNDS):
        spread = a + b * squares
        gamma = float(np.sum(b * squares / spread))
        weights = float(np.sum(squares * (b * turned / spread) ** 2))
        errors = float(np.sum((a * turned / spread) ** 2)) + outside
        value = (
            n * np.log(b)
            + d * np.log(a)
            - n * np.log(2 * np.pi)
            - b * errors
            - a * weights
            - float(np.sum(np.log(spread)))
            - (d - len(squares)) * np.log(a)
        ) / 2
        if abs(value - best) <= _TOLERANCE * abs(value):
            break
        best = value
        a = max(gamma, _LEAST) / max(weights, _LEAST)
        b = max(n - gamma, _LEAST) / max(errors, _LEAST)
    return float(value) / n


def h_score(features: npt.ArrayLike, labels: npt.ArrayLike) -> float:
    """Return the shrunk H-score: how far class means are apart for their spread [1]_.

    Parameters
    ----------
    features, labels
        As for `log_me`.

    Returns
    -------
    float
        0 to the number of classes less 1; higher is better.

    Notes
    -----
    The covariance is shrunk by Ledoit and Wolf's rule [2]_, and the covariance of class
    means by as much: with fewer images than features the plain one has no inverse.

    References
    ----------
    .. [1] S. Ibrahim, N. Ponomareva and R. Mazumder, "Newer is not always better:
       Rethinking transferability metrics, their peculiarities, stability and
       performance", ECML PKDD 2022.
    .. [2] O. Ledoit and M. Wolf, "A well-conditioned estimator for large-dimensional
       covariance matrices", Journal of Multivariate Analysis 88(2), 2004.
    """
    from sklearn.covariance import ledoit_wolf  # late: --help must not wait for it

    x, y = _checked(features, labels)
    covariance, shrinkage = ledoit_wolf(x)
    classes, owners, counts = np.unique(y, return_inverse=True, return_counts=True)
    sums = np.zeros((len(classes), x.shape[1]))
    np.add.at(sums, owners, x - x.mean(axis=0))
    means = sums / counts[:, np.newaxis]
    scaled = means * np.sqrt(counts / len(y))[:, np.newaxis]
    solved = np.linalg.solve(covariance, scaled.T)
    return float((1 - shrinkage) * np.sum(scaled.T * solved))


def leep(probabilities: npt.ArrayLike, labels: npt.ArrayLike) -> float:
    """Return LEEP: the log likelihood of labels, given the source's own classes [1]_.

    Parameters
    ----------
    probabilities : array_like of shape (n, z)
        Of the source's classes, by the source's classifier; rows sum to 1.
    labels
        As for `log_me`.

    Returns
    -------
    float
        In nats an image, 0 at most; higher is better.

    Raises
    ------
    InputError
        As `log_me`, or if a probability is negative.

    References
    ----------
    .. [1] C. V. Nguyen, T. Hassner, M. Seeger and C. Archambeau, "LEEP: A New Measure
       to Evaluate Transferability of Learned Representations", ICML 2020.

    Examples
    --------
    >>> leep([[1.0, 0.0], [0.0, 1.0]], [0, 1])
    0.0
    """
    p, y = _checked(probabilities, labels)
    if p.min() < 0:
        raise InputError(f"Expected probabilities of 0 or more, got {p.min():.3g}.")
    classes, owners = np.unique(y, return_inverse=True)
    joint = np.zeros((len(classes), p.shape[1]))
    np.add.at(joint, owners, p / len(y))
    totals = joint.sum(axis=0)
    given = np.divide(joint, totals, out=np.zeros_like(joint), where=totals > 0)
    expected = np.einsum("iz,iz->i", given[owners], p)
    return float(np.log(np.maximum(expected, np.finfo(np.float64).tiny)).mean())


def neighbours(
    features: npt.ArrayLike,
    labels: npt.ArrayLike,
    count: int = 5,
    units: npt.ArrayLike | None = None,
) -> npt.NDArray[np.bool_]:
    """Return whether most of an image's nearest neighbours are of its class.

    Parameters
    ----------
    features, labels
        As for `log_me`.
    count : int
        Of neighbours, by the cosine; the image itself is none. Of classes that are
        equally frequent the one with the nearest neighbour counts.
    units : array_like of shape (n,), optional
        Images of one group are no neighbours of each other.

    Returns
    -------
    array of bool, shape (n,)
        The mean is an accuracy, each image being left out in turn.
    """
    x, y = _checked(features, labels)
    if not 1 <= count < len(y):
        raise InputError(
            f"Expected from 1 to {len(y) - 1:,} neighbours, got {count:,}."
        )
    owners = np.arange(len(y)) if units is None else np.asarray(units)
    norms = np.linalg.norm(x, axis=1, keepdims=True)
    x = x / np.maximum(norms, _LEAST)
    right = np.zeros(len(y), bool)
    for start in range(0, len(y), _CHUNK):
        rows = np.arange(start, min(start + _CHUNK, len(y)))
        likeness = x[rows] @ x.T
        likeness[owners[rows, np.newaxis] == owners] = -np.inf
        nearest = np.argsort(-likeness, axis=1, kind="stable")[:, :count]
        voted = [_vote(y[near]) for near in nearest]
        right[rows] = np.array(voted) == y[rows]
    return right


def _vote(labels: _Labels) -> int:
    """Return the most frequent label, of equals the first."""
    values, first, counts = np.unique(labels, return_index=True, return_counts=True)
    most = counts == counts.max()
    return int(values[most][np.argmin(first[most])])


def _checked(features: npt.ArrayLike, labels: npt.ArrayLike) -> tuple[_Floats, _Labels]:
    x, y = np.asarray(features, np.float64), np.asarray(labels)
    if x.ndim != 2 or y.ndim != 1 or len(x) != len(y):
        raise InputError(
            f"Expected features of shape (n, d) and as many labels, got {x.shape} and "
            f"{y.shape}."
        )
    if not np.isfinite(x).all():
        raise InputError("Expected finite features, got infinities or NaN.")
    if len(np.unique(y)) < 2:
        raise InputError("Expected labels of two classes or more, got fewer.")
    return x, y.astype(np.int64)
