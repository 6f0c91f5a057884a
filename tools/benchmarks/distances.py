"""Distances on 2 x 10,000 x 4,096 features: ours against NumPy and scikit-learn.

The plain ways hold whole matrices: float64 copies for the means and their bootstrap,
three kernel matrices, standardised copies for the SVM. Beside each rate stands the peak
of memory above the features themselves, as `tracemalloc` counts it (liblinear's own
copy is not in it).
"""

import time
import tracemalloc
from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from benchmarks.row import Row

_COUNT, _WIDTH = 10_000, 4_096
_REPLICATES = 20  # of the plain bootstrap, which draws rows; ours makes 400

_Pair = tuple[NDArray[np.float32], NDArray[np.float32]]
_Work = Callable[[_Pair], object]


def rows() -> list[Row]:
    """List the comparisons: time and peak memory of each.

    Returns
    -------
    list of Row
    """
    pair = _features(0), _features(1)
    works: tuple[tuple[str, _Work, _Work], ...] = (
        ("cosine and MMD with bootstrap", _our_means, _plain_means),
        ("Gaussian MMD", _our_kernel, _plain_kernel),
        ("linear SVM, held out", _our_svm, _plain_svm),
    )
    rows = []
    for name, ours, theirs in works:
        rows.append(
            Row(
                name=f"distances, {name}: time",
                aim=1.0,
                unit="1/s",
                ours=_timed(ours, pair),
                theirs=_timed(theirs, pair),
            )
        )
        rows.append(
            Row(
                name=f"distances, {name}: memory",
                aim=10.0,
                unit="1/GB",
                ours=_weighed(ours, pair),
                theirs=_weighed(theirs, pair),
            )
        )
    return rows


def _features(seed: int) -> NDArray[np.float32]:
    rng = np.random.default_rng(seed)
    made = rng.standard_normal((_COUNT, _WIDTH), np.float32)
    return np.maximum(made + np.float32(0.02 * seed), 0)


def _timed(work: _Work, pair: _Pair) -> Callable[[], float]:
    def run() -> float:
        start = time.perf_counter()
        work(pair)
        return 1 / (time.perf_counter() - start)

    return run


def _weighed(work: _Work, pair: _Pair) -> Callable[[], float]:
    def run() -> float:
        tracemalloc.start()
        work(pair)
        peak = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        return 1e9 / peak

    return run


def _our_means(pair: _Pair) -> object:
    from kerastransfer.distances import means

    responses = [means.respond(features, seed) for seed, features in enumerate(pair)]
    return means.cosine(*responses), means.mmd(*responses)


def _plain_means(pair: _Pair) -> object:
    import scipy.spatial.distance

    wide = [features.astype(np.float64) for features in pair]
    rng = np.random.default_rng(0)
    replicates = []
    for _ in range(_REPLICATES):
        a, b = (w[rng.integers(_COUNT, size=_COUNT)].mean(axis=0) for w in wide)
        cosine = scipy.spatial.distance.cosine(a, b)
        replicates.append((cosine, np.linalg.norm(a - b)))
    return np.quantile(replicates, [0.025, 0.975], axis=0)


def _our_kernel(pair: _Pair) -> object:
    from kerastransfer.distances import kernel

    return kernel.gaussian_mmd(*pair, bandwidth=60.0, permutations=100)


def _plain_kernel(pair: _Pair) -> object:
    """Without the permutation test, which ours includes."""
    from sklearn.metrics.pairwise import rbf_kernel

    gamma = 1 / (2 * 60.0**2)
    own = [rbf_kernel(features, features, gamma) for features in pair]
    within = sum((k.sum() - _COUNT) / (_COUNT * (_COUNT - 1)) for k in own)
    return within - 2 * rbf_kernel(*pair, gamma).mean()


def _our_svm(pair: _Pair) -> object:
    from kerastransfer.distances import svm

    return svm.svm_distance(*pair)


def _plain_svm(pair: _Pair) -> object:
    """One split, where ours makes ten."""
    from sklearn.model_selection import train_test_split
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler
    from sklearn.svm import LinearSVC

    truth = np.repeat([0, 1], _COUNT)
    data = train_test_split(np.concatenate(pair), truth, test_size=0.2, random_state=0)
    machine = make_pipeline(StandardScaler(), LinearSVC(C=1 / _WIDTH))
    return machine.fit(data[0], data[2]).score(data[1], data[3])
