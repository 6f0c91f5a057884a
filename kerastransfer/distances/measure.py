"""All distances between two domains, with same-domain baselines and times."""

import dataclasses
import time
from collections.abc import Callable, Sequence
from typing import Any, Literal

from kerastransfer.distances import kernel, means, samples, svm
from kerastransfer.distances.domain import Domain
from kerastransfer.errors import DataError, UnknownNameError

# Pairs of images grow with the square of this; images of each domain.
_MOST_KERNEL = 5_000
_Need = Literal["responses", "features", "images"]


@dataclasses.dataclass(frozen=True, slots=True)
class Metric:
    """A distance: what it needs of both domains, and how it is measured."""

    needs: _Need
    measure: Callable[[Domain, Domain], Any]


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class MeasuredDistance:
    """A distance, or why there is none.

    Parameters
    ----------
    value : dict or None
        As the distance's own type gives it.
    missing : str
        Why `value` is None; else empty.
    baseline : dict or None
        The same between the two halves of one domain.
    baseline_of : str
        That domain, or why there is no baseline.
    seconds : float
        Of both together.
    """

    value: dict[str, Any] | None
    missing: str
    baseline: dict[str, Any] | None
    baseline_of: str
    seconds: float

    def as_dict(self) -> dict[str, Any]:
        """Return the fields in plain Python, ready for JSON."""
        return dataclasses.asdict(self)


def _kernel(first: Domain, second: Domain) -> kernel.KernelDistance:
    pair = _features(first), _features(second)
    return kernel.gaussian_mmd(*samples.balanced(*pair, _MOST_KERNEL, first.seed))


def _svm(first: Domain, second: Domain) -> svm.SvmDistance:
    return svm.svm_distance(_features(first), _features(second))


def _cnn(first: Domain, second: Domain) -> Any:
    from kerastransfer.distances import cnn

    return cnn.cnn_distance(first.pixels, second.pixels)


def _features(domain: Domain) -> samples.Matrix:
    assert domain.features is not None
    return domain.features


METRICS: dict[str, Metric] = {
    "cosine": Metric("responses", lambda a, b: means.cosine(a.response, b.response)),
    "mmd": Metric("responses", lambda a, b: means.mmd(a.response, b.response)),
    "kernel_mmd": Metric("features", _kernel),
    "svm": Metric("features", _svm),
    "cnn": Metric("images", _cnn),
}


def check_names(names: Sequence[str]) -> None:
    """Refuse a metric that there is not.

    Raises
    ------
    UnknownNameError
    """
    for name in names:
        if name not in METRICS:
            raise UnknownNameError("metric", name, METRICS)


def measure(
    source: Domain,
    target: Domain,
    names: Sequence[str] = tuple(METRICS),
    progress: Callable[[str], None] | None = None,
) -> dict[str, MeasuredDistance]:
    """Measure distances between a source and a target.

    Parameters
    ----------
    names : sequence of str
        Keys of `METRICS`.
    progress : callable, optional
        Told each name before it is measured.

    Returns
    -------
    dict of str to MeasuredDistance
        A metric that needs what a domain does not have is there without a value.

    Raises
    ------
    UnknownNameError
        If there is no such metric.
    DataError
        If the features are too few, do not match, are not finite or do not vary.
    """
    check_names(names)
    measured = {}
    for name in names:
        if progress is not None:
            progress(name)
        measured[name] = _measure(METRICS[name], source, target)
    return measured


def _measure(metric: Metric, source: Domain, target: Domain) -> MeasuredDistance:
    start = time.perf_counter()
    missing = _missing(metric.needs, source, target)
    value = None if missing else metric.measure(source, target).as_dict()
    baseline, of = (None, "") if missing else _baseline(metric, source, target)
    return MeasuredDistance(
        value=value,
        missing=missing,
        baseline=baseline,
        baseline_of=of,
        seconds=round(time.perf_counter() - start, 3),
    )


def _missing(needs: _Need, source: Domain, target: Domain) -> str:
    """Say what a domain lacks, if it does."""
    for role, domain in (("source", source), ("target", target)):
        if needs == "features" and domain.features is None:
            return f"needs {role} images"
        if needs == "images" and domain.images is None:
            return f"needs {role} images"
    return ""


def _baseline(
    metric: Metric, source: Domain, target: Domain
) -> tuple[dict[str, Any] | None, str]:
    """Measure between two halves of the source, or of the target without one."""
    domain = source if source.count else target
    try:
        first, second = domain.halves()
        return metric.measure(first, second).as_dict(), f"{domain.name}, halved"
    except DataError as error:
        return None, f"none: {error}"
