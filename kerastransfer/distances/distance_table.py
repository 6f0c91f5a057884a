"""How distances are shown: the study's table with the new row, then each in full."""

from collections.abc import Callable, Mapping
from typing import Any

from kerastransfer.advice import matrix
from kerastransfer.distances import published

_NAMES = {
    "cosine": "cosine",
    "mmd": "MMD",
    "kernel_mmd": "kernel MMD",
    "svm": "linear SVM",
    "cnn": "CNN",
}
_COLUMNS = ("cosine", "mmd", "svm", "cnn")
_WIDTH = 12


def show(told: Mapping[str, Any]) -> str:
    """Return the whole answer as lines of text.

    Parameters
    ----------
    told : mapping
        As ``--json`` prints it.

    Returns
    -------
    str
    """
    metrics = told["metrics"]
    lines = [
        f"source   {told['source']}",
        f"target   {told['target']}, {told['target_images']:,} images",
        f"backbone {told['backbone']}",
        "",
        *_table(told["target"], metrics),
        "",
        *(_line(name, measured) for name, measured in metrics.items()),
    ]
    if "verdict" in told:
        lines += ["", *_verdict(told["verdict"])]
    if told["backbone"] not in matrix.MEASURED_ON:
        lines.append(f"limits    {matrix.LIMITS}; MMD is in other units")
    if "plot" in told:
        lines.append(f"plot      {told['plot']}")
    return "\n".join(lines)


def _table(target: str, metrics: Mapping[str, Any]) -> list[str]:
    """List the study's seven rows and the target's."""
    width = max(len(target), *(len(row.dataset) for row in published.TABLE)) + 1
    head = "".join(f"{_NAMES[name]:>{_WIDTH}}" for name in _COLUMNS)
    lines = [f"{'':<{width}}{head}"]
    for row in published.TABLE:
        cells = "".join(
            f"{_cell(name, getattr(row, name)):>{_WIDTH}}" for name in _COLUMNS
        )
        lines.append(f"{row.dataset:<{width}}{cells}")
    own = [
        _cell(name, _headline(name, metrics[name]["value"]))
        if name in metrics and metrics[name]["value"]
        else "-"
        for name in _COLUMNS
    ]
    return [*lines, f"{target:<{width}}" + "".join(f"{c:>{_WIDTH}}" for c in own)]


def _headline(name: str, value: Mapping[str, Any]) -> float:
    key = "corrected" if name in ("cosine", "mmd") else "accuracy"
    return float(value[key]["value"])


def _cell(name: str, value: float) -> str:
    if name == "cosine":
        return f"{value:.3f}"
    return f"{value:.1f}" if name == "mmd" else f"{100 * value:.1f} %"


def _line(name: str, measured: Mapping[str, Any]) -> str:
    title = f"{_NAMES[name]:<11}"
    if measured["value"] is None:
        return f"{title}{measured['missing']}"
    spell = _SPELLINGS[name]
    baseline = measured["baseline_of"]
    if measured["baseline"] is not None:
        baseline = f"{spell(measured['baseline'])} ({baseline})"
    seconds = f"{measured['seconds']:.1f} s"
    return f"{title}{spell(measured['value'])}; baseline {baseline}; {seconds}"


def _interval(estimate: Mapping[str, Any], times: float, digits: int) -> str:
    value, low, high = (times * estimate[k] for k in ("value", "low", "high"))
    return f"{value:.{digits}f} [{low:.{digits}f}, {high:.{digits}f}]"


def _mean(value: Mapping[str, Any]) -> str:
    return f"{_interval(value['corrected'], 1, 3)} (plug-in {value['plug_in']:.3f})"


def _kernel(value: Mapping[str, Any]) -> str:
    return (
        f"{value['squared']:.4f} squared, p = {value['p_value']:.3f}, "
        f"bandwidth {value['bandwidth']:.3g}"
    )


def _accuracy(value: Mapping[str, Any]) -> str:
    text = f"{_interval(value['accuracy'], 100, 1)} %"
    if "a_distance" in value:
        text += f", A-distance {_interval(value['a_distance'], 1, 2)}"
    return text


def _verdict(verdict: Mapping[str, Any]) -> list[str]:
    if verdict["abstained"]:
        return [f"verdict   {verdict['abstained']}"]
    lines = [f"verdict   {verdict['place']} by cosine distance"]
    if verdict["images_per_class"] is not None:
        advice = " or ".join(f"'{each}'" for each in verdict["advice"])
        lines.append(
            f"study     {advice} with {verdict['images_per_class']:,} images per class"
        )
    return lines


_SPELLINGS: dict[str, Callable[[Mapping[str, Any]], str]] = {
    "cosine": _mean,
    "mmd": _mean,
    "kernel_mmd": _kernel,
    "svm": _accuracy,
    "cnn": _accuracy,
}
