"""The number to beat: a linear classifier on the features of the frozen network.

A probe takes seconds where fine-tuning takes hours, so fine-tuning is worth its cost
only where it is more accurate than the probe.
"""

import dataclasses
import warnings
from collections.abc import Iterator
from typing import Self

import numpy as np
import numpy.typing as npt
import scipy.linalg
import scipy.optimize
import scipy.special
from sklearn.exceptions import ConvergenceWarning
from sklearn.linear_model import LogisticRegression

from kerastransfer.errors import InputError
from kerastransfer.evaluation import arrays

_STRENGTHS = (0.1, 1.0, 10.0, 100.0, 1000.0)  # C, at features of unit mean square norm
_PENALTIES = (1e-6, 1e-5, 1e-4, 1e-3, 1e-2)  # per image, at the same scale
_TOLERANCE = 1e-5  # scikit-learn's 1e-4 stops weak penalties far from their optimum
_MAX_ITERATIONS = 300
_MAX_LOGISTIC_IMAGES = 20_000
_MAX_LOGISTIC_CELLS = 1_000_000  # images x classes: the time of an iteration
_LEAST_LOG = float(np.log(np.finfo(np.float32).tiny))
_CHUNK = 4_096

_Floats = npt.NDArray[np.floating]
_Labels = npt.NDArray[np.int64]


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Probe:
    """A fitted linear classifier.

    Parameters
    ----------
    kind : str
        ``logistic regression`` or ``ridge``.
    strength : float
        The regularisation that was selected on the validation set: C of a logistic
        regression (larger regularises less), the penalty per image of a ridge
        regression (larger regularises more).
    converged : bool
        False where the solver reached its iteration limit.
    weights : ndarray of float64, shape (d, num_classes)
        For unscaled features.
    bias : ndarray of float64, shape (num_classes,)
        Minus infinity for a class without a training image.
    """

    kind: str
    strength: float
    converged: bool
    weights: npt.NDArray[np.float64]
    bias: npt.NDArray[np.float64]

    def probabilities(self, x: npt.ArrayLike) -> npt.NDArray[np.float64]:
        """Return the class probabilities of each image.

        Parameters
        ----------
        x : array_like of shape (n, d)
            Features of the same kind that `fit_probe` was given.

        Returns
        -------
        ndarray of float64, shape (n, num_classes)

        Raises
        ------
        InputError
            If `x` is no matrix of finite numbers with d columns.
        """
        features = arrays.finite_matrix("features", x)
        _check_width("features", features, len(self.weights))
        logits = _logits(self, features)
        return np.asarray(scipy.special.softmax(logits, axis=1))


def fit_probe(
    train_x: npt.ArrayLike,
    train_y: npt.ArrayLike,
    val_x: npt.ArrayLike,
    val_y: npt.ArrayLike,
) -> Probe:
    """Fit a linear classifier and select its regularisation on the validation set.

    Both solvers are deterministic: equal arguments give equal probes.

    Parameters
    ----------
    train_x, val_x : array_like of shape (n, d)
        Features.
    train_y, val_y : array_like of int, shape (n,)
        Class indices. The largest in either sets the number of classes.

    Returns
    -------
    Probe
        Of five regularisation strengths the one with the best validation accuracy; of
        equals the one with the lowest validation loss, then the most regularised.
        Fitted on the training images alone.

    Raises
    ------
    InputError
        If shapes do not match, a feature is not finite, or the training images are all
        of one class or all alike.

    Notes
    -----
    Features are centred and divided by *one* number, the root of their mean square
    norm, and not each by its own standard deviation: after a ReLU many features are
    zero on most of a few images, and scaling them up amplifies noise. On
    EfficientNet-Lite0's features of scikit-learn's digits (three draws) the test
    accuracy with one common scale is .53, .73, .86 and .92 at 1, 5, 20 and 50 images
    per class; with one scale per feature it is .33, .64, .83 and .90.

    A logistic regression (multinomial, L2, L-BFGS) becomes slow with images x classes.
    Above 20,000 images, or a million of that product, the probe is a ridge regression
    on the one-hot classes, in closed form; its scores become probabilities by a
    softmax whose temperature is fitted to the validation loss.

    Examples
    --------
    >>> x, y = [[0.0], [1.0], [9.0], [10.0]], [0, 0, 1, 1]
    >>> probe = fit_probe(x, y, x, y)
    >>> probe.kind
    'logistic regression'
    >>> probe.probabilities([[2.0], [8.0]]).argmax(axis=1)
    array([0, 1])
    """
    train = _sample("training", train_x, train_y)
    val = _sample("validation", val_x, val_y)
    _check_width("validation features", val[0], train[0].shape[1])
    classes = np.unique(train[1])
    if len(classes) < 2:
        raise InputError(
            f"Expected training images of two classes or more, got class {classes[0]} "
            "only; a probe needs something to tell apart."
        )
    frame = _Frame.around(train[0])
    num_classes = 1 + max(int(train[1].max()), int(val[1].max()))
    candidates = [
        _unframe(fit, frame, classes, num_classes) for fit in _fits(*train, frame)
    ]
    if candidates[0].kind == "ridge":
        candidates = [_tempered(probe, *val) for probe in candidates]
    return max(candidates, key=lambda probe: _score(_logits(probe, val[0]), val[1]))


@dataclasses.dataclass(frozen=True, slots=True)
class _Frame:
    """Features centred, and divided by the root of their mean square norm."""

    mean: npt.NDArray[np.float64]
    scale: float

    @classmethod
    def around(cls, x: _Floats) -> Self:
        mean = x.mean(axis=0, dtype=np.float64)
        squares = sum(float(np.sum((x[rows] - mean) ** 2)) for rows in _chunks(len(x)))
        if squares == 0:
            raise InputError(
                "Expected training features that differ between images, got equal "
                "rows; a probe has nothing to go by."
            )
        return cls(mean, float(np.sqrt(squares / len(x))))

    def of(self, x: _Floats) -> npt.NDArray[np.float64]:
        framed: npt.NDArray[np.float64] = (x - self.mean) / self.scale
        return framed


def _fits(x: _Floats, y: _Labels, frame: _Frame) -> Iterator[Probe]:
    """Yield probes for features in the frame, strictest first."""
    cells = len(y) * len(np.unique(y))
    if len(y) > _MAX_LOGISTIC_IMAGES or cells > _MAX_LOGISTIC_CELLS:
        return _ridge_fits(x, y, frame)
    return _logistic_fits(frame.of(x), y)


def _logistic_fits(x: npt.NDArray[np.float64], y: _Labels) -> Iterator[Probe]:
    turned, axes = _span(x)
    solver = LogisticRegression(
        tol=_TOLERANCE, max_iter=_MAX_ITERATIONS, warm_start=True
    )
    for strength in _STRENGTHS:
        solver.set_params(C=strength)
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always", ConvergenceWarning)
            solver.fit(turned, y)
        stopped = any(issubclass(w.category, ConvergenceWarning) for w in caught)
        weights, bias = axes.T @ solver.coef_.T, solver.intercept_.copy()
        if weights.shape[1] == 1:  # two classes: the sigmoid of one score
            weights = np.hstack([np.zeros_like(weights), weights])
            bias = np.array([0.0, bias[0]])
        yield Probe(
            kind="logistic regression",
            strength=strength,
            converged=not stopped,
            weights=weights,
            bias=bias,
        )


def _span(
    x: npt.NDArray[np.float64],
) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]:
    """Return the rows of `x` along axes that hold them all, and the axes.

    The weights of an L2 fit lie in the span of the images, so with fewer images than
    features n columns serve as well as d.
    """
    if len(x) >= x.shape[1]:
        return x, np.eye(x.shape[1])
    turned, lengths, axes = scipy.linalg.svd(x, full_matrices=False, check_finite=False)
    return turned * lengths, axes


def _ridge_fits(x: _Floats, y: _Labels, frame: _Frame) -> Iterator[Probe]:
    """Solve for every penalty by one decomposition of the covariance."""
    classes, y = np.unique(y, return_inverse=True)
    shares = np.bincount(y) / len(y)
    gram = np.zeros((x.shape[1], x.shape[1]))
    cross = np.zeros((x.shape[1], len(classes)))
    for rows in _chunks(len(x)):
        framed = frame.of(x[rows])
        gram += framed.T @ framed / len(x)
        cross += framed.T @ np.eye(len(classes))[y[rows]] / len(x)
    values, vectors = scipy.linalg.eigh(gram, overwrite_a=True, check_finite=False)
    turned = vectors.T @ cross
    for penalty in reversed(_PENALTIES):
        weights = vectors @ (turned / (np.maximum(values, 0) + penalty)[:, None])
        yield Probe(
            kind="ridge", strength=penalty, converged=True, weights=weights, bias=shares
        )


def _unframe(probe: Probe, frame: _Frame, classes: _Labels, num_classes: int) -> Probe:
    """Undo the frame, and put classes without a training image in."""
    weights = np.zeros((len(frame.mean), num_classes))
    weights[:, classes] = probe.weights / frame.scale
    bias = np.full(num_classes, -np.inf)
    bias[classes] = probe.bias - frame.mean @ weights[:, classes]
    return dataclasses.replace(probe, weights=weights, bias=bias)


def _tempered(probe: Probe, x: _Floats, y: _Labels) -> Probe:
    """Scale the scores so that their softmax has the least validation loss."""
    logits = _logits(probe, x)
    optimum = scipy.optimize.minimize_scalar(
        lambda log: -_score(logits * np.exp(log), y)[1],
        bounds=(0.0, np.log(1000.0)),
        method="bounded",
    )
    factor = float(np.exp(optimum.x))
    return dataclasses.replace(
        probe, weights=probe.weights * factor, bias=probe.bias * factor
    )


def _score(logits: _Floats, y: _Labels) -> tuple[float, float]:
    """Return accuracy and minus the loss in nats, to be made large in that order."""
    own = scipy.special.log_softmax(logits, axis=1)[np.arange(len(y)), y]
    accuracy = float(np.mean(logits.argmax(axis=1) == y))
    return accuracy, float(np.maximum(own, _LEAST_LOG).mean())


def _logits(probe: Probe, x: _Floats) -> npt.NDArray[np.float64]:
    parts = [x[rows] @ probe.weights for rows in _chunks(len(x))]
    return np.concatenate(parts) + probe.bias


def _chunks(n: int) -> Iterator[slice]:
    """Yield slices of bounded length; float64 copies of all rows could fill memory."""
    for start in range(0, n, _CHUNK):
        yield slice(start, start + _CHUNK)


def _sample(name: str, x: npt.ArrayLike, y: npt.ArrayLike) -> tuple[_Floats, _Labels]:
    features = arrays.finite_matrix(f"{name} features", x)
    labels = arrays.class_indices(f"{name} labels", y)
    arrays.same_length(features=features, labels=labels)
    return features, labels


def _check_width(name: str, x: _Floats, width: int) -> None:
    if x.shape[1] != width:
        raise InputError(
            f"Expected {name} with {width:,} columns as in training, got "
            f"{x.shape[1]:,}; do they come from another backbone?"
        )
