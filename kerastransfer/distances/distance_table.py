"""Distances as a value, and how they are shown: in the study's table, then in full."""

import dataclasses
import html
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from kerastransfer.advice import matrix
from kerastransfer.distances import published

if TYPE_CHECKING:
    from kerastransfer.distances.measure import MeasuredDistance
    from kerastransfer.distances.verdict import Verdict

_NAMES = {
    "cosine": "cosine",
    "mmd": "MMD",
    "kernel_mmd": "kernel MMD",
    "svm": "linear SVM",
    "cnn": "CNN",
}
_COLUMNS = ("cosine", "mmd", "svm", "cnn")
_WIDTH = 12


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Distances:
    """Distances between a source and a target; prints as the study's table with them.

    Parameters
    ----------
    target_images : int
        How many of the target's images they rest on.
    metrics : mapping of str to MeasuredDistance
        By name.
    verdict : Verdict or None
        What the cosine distance says beside the study's; None where it has no value.
    images_per_class : int or None
        Labelled training images for which the study's advice was looked up.
    plot : Path or None
        Where the features of both are drawn.
    """

    backbone: str
    source: str
    target: str
    target_images: int
    metrics: "Mapping[str, MeasuredDistance]"
    verdict: "Verdict | None" = None
    images_per_class: int | None = None
    plot: Path | None = None

    @property
    def rows(self) -> list[tuple[str, ...]]:
        """The table's rows: a head, the study's seven datasets, and the target.

        The study's are of AlexNet, and another backbone's MMD is in other units: it
        stands below the table alone.
        """
        head = ("of AlexNet, published", *(_NAMES[name] for name in _COLUMNS))
        study = [
            (row.dataset, *(_cell(name, getattr(row, name)) for name in _COLUMNS))
            for row in published.TABLE
        ]
        own = f"{self.target}, {self.backbone}"
        return [head, *study, (own, *map(self._own_cell, _COLUMNS))]

    def as_dict(self) -> dict[str, Any]:
        """Return everything in plain Python, ready for JSON."""
        fields: dict[str, Any] = {
            "backbone": self.backbone,
            "source": self.source,
            "target": self.target,
            "target_images": self.target_images,
            "metrics": {
                name: distance.as_dict() for name, distance in self.metrics.items()
            },
        }
        if self.verdict is not None:
            fields["verdict"] = {
                "place": self.verdict.place,
                "advice": [advice.value for advice in self.verdict.advice],
                "abstained": self.verdict.abstained,
                "images_per_class": self.images_per_class,
                "limits": matrix.LIMITS,
            }
        if self.plot is not None:
            fields["plot"] = str(self.plot)
        return fields

    def __str__(self) -> str:
        return "\n".join((*self._opening(), "", *self._table(), "", *self._details()))

    def _repr_html_(self) -> str:
        opening, details = (
            html.escape("\n".join(lines))
            for lines in (self._opening(), self._details())
        )
        rows = "".join(
            f"<tr>{''.join(f'<td>{html.escape(cell)}</td>' for cell in row)}</tr>"
            for row in self.rows
        )
        return f"<pre>{opening}</pre><table>{rows}</table><pre>{details}</pre>"

    def _own_cell(self, name: str) -> str:
        distance = self.metrics.get(name)
        if distance is None or not distance.value:
            return "-"
        if name == "mmd" and self.backbone not in matrix.MEASURED_ON:
            return "-"
        return _cell(name, _headline(name, distance.value))

    def _opening(self) -> list[str]:
        return [
            f"source   {self.source}",
            f"target   {self.target}, {self.target_images:,} images",
            f"backbone {self.backbone}",
        ]

    def _table(self) -> list[str]:
        width = max(len(row[0]) for row in self.rows) + 1
        return [
            f"{name:<{width}}" + "".join(f"{cell:>{_WIDTH}}" for cell in cells)
            for name, *cells in self.rows
        ]

    def _details(self) -> list[str]:
        fields = self.as_dict()
        lines = [_line(name, fields["metrics"][name]) for name in self.metrics]
        if self.verdict is not None:
            lines += ["", *_verdict(fields["verdict"])]
        if self.backbone not in matrix.MEASURED_ON:
            lines.append(f"limits    {matrix.LIMITS}; MMD is in units of its own")
        if self.plot is not None:
            lines.append(f"plot      {self.plot}")
        return lines


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
        advice = " or ".join(f"'{advice}'" for advice in verdict["advice"])
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
