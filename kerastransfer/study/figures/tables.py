"""Tables 2 and 3 of the published study, with a study's own numbers beside them."""

import collections
import csv
import dataclasses
import io
import itertools
import math
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from kerastransfer.advice import matrix
from kerastransfer.advice.matrix import Advice
from kerastransfer.distances import published
from kerastransfer.foundation.report import Preformatted
from kerastransfer.study.distances import DatasetDistance
from kerastransfer.study.figures.comparisons import GainPoint

OPEN = "open"
_METRICS = {"cosine": "cosine", "mmd": "MMD", "svm": "linear SVM", "cnn": "CNN"}
_PERCENT = ("svm", "cnn")


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class StudyTable(Preformatted):
    """A table; ``str`` gives it as text.

    Parameters
    ----------
    title : str
    head : tuple of str
        A name for each column.
    rows : tuple of tuple of str
        As they are shown.
    notes : tuple of str
        Sentences that stand below.
    records : tuple of mapping
        The same as numbers, for the CSV file: all have the same keys.
    """

    title: str
    head: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    notes: tuple[str, ...]
    records: tuple[Mapping[str, Any], ...]

    def __str__(self) -> str:
        widths = [max(map(len, column)) for column in zip(*self._lines, strict=True)]
        lines = [
            "  ".join(map(str.ljust, line, widths)).rstrip() for line in self._lines
        ]
        return "\n".join([self.title, "", *lines, "", *self.notes])

    @property
    def _lines(self) -> tuple[tuple[str, ...], ...]:
        return (self.head, *self.rows)

    def markdown(self) -> str:
        """Return it as a Markdown table below its title."""
        head, *rows = ([_escaped(cell) for cell in line] for line in self._lines)
        lines = [_joined(head), _joined(["---"] * len(head)), *map(_joined, rows)]
        notes = [text for note in self.notes for text in ("", note)]
        return "\n".join([f"**{self.title}**", "", *lines, *notes]) + "\n"

    def csv(self) -> str:
        """Return its numbers as comma-separated values."""
        text = io.StringIO()
        names = list(self.records[0])
        writer = csv.DictWriter(text, names, lineterminator="\n")
        writer.writeheader()
        writer.writerows(self.records)
        return text.getvalue()


def _escaped(cell: str) -> str:
    return cell.replace("|", "\\|")


def _joined(cells: Iterable[str]) -> str:
    return f"| {' | '.join(cells)} |"


def distances_table(
    rows: Iterable[Mapping[str, Any]], distances: Iterable[DatasetDistance]
) -> StudyTable:
    """Return Table 2: the published distances, then the study's own.

    Parameters
    ----------
    rows : iterable of mapping
        Of the study's table, which names its datasets.
    distances : iterable of DatasetDistance
    """
    entries = {(each.dataset, each.backbone): each for each in distances}
    own = dict.fromkeys((row["dataset"], row["backbone"]) for row in rows)
    lines, records, notes = [], [], []
    for row in published.TABLE:
        values = {name: getattr(row, name) for name in _METRICS}
        shown = [_number(name, value) for name, value in values.items()]
        lines.append((row.dataset, "alexnet, published", *shown))
        records.append(_record(row.dataset, "alexnet", True, values))
    for dataset, backbone in own:
        entry = entries.get((dataset, backbone))
        reason = "not measured" if entry is None else entry.error
        if reason:
            notes.append(f"{dataset}: {reason}")
        metrics = {} if entry is None else entry.metrics
        estimates = {name: dataclasses.asdict(e) for name, e in metrics.items()}
        shown = [_with_interval(name, estimates.get(name)) for name in _METRICS]
        lines.append((dataset, backbone, *shown))
        values = {n: e["value"] for n, e in estimates.items()}
        records.append(_record(dataset, backbone, False, values, estimates))
    if any(backbone not in matrix.MEASURED_ON for _, backbone in own):
        notes.append(
            "Distances of another backbone than AlexNet are on scales of their own; "
            "MMD is in the unit of its features."
        )
    return StudyTable(
        title="Distance from the source, with 95 % intervals",
        head=("dataset", "backbone", *_METRICS.values()),
        rows=tuple(lines),
        notes=tuple(notes),
        records=tuple(records),
    )


def _record(
    dataset: str,
    backbone: str,
    is_published: bool,
    values: Mapping[str, float],
    estimates: Mapping[str, Mapping[str, Any]] | None = None,
) -> dict[str, Any]:
    record: dict[str, Any] = {
        "dataset": dataset,
        "backbone": backbone,
        "published": is_published,
    }
    for name in _METRICS:
        estimate = (estimates or {}).get(name, {})
        record[name] = values.get(name)
        for field in ("low", "high", "n"):
            record[f"{name}_{field}"] = _unless_nan(estimate.get(field))
    return record


def _unless_nan(value: float | None) -> float | None:
    return None if value is None or math.isnan(value) else value


def _number(name: str, value: float) -> str:
    if name in _PERCENT:
        return f"{100 * value:.1f} %"
    return f"{value:.3f}" if name == "cosine" else f"{value:.1f}"


def _with_interval(name: str, estimate: Mapping[str, Any] | None) -> str:
    if estimate is None:
        return "-"
    value = _number(name, estimate["value"])
    if math.isnan(estimate["low"] + estimate["high"]):
        return value
    low, high = (_number(name, estimate[end]) for end in ("low", "high"))
    return f"{value} ({low.removesuffix(' %')} to {high.removesuffix(' %')})"


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class AdviceCell:
    """A cell of Table 3, as it was published and as a study finds it.

    Parameters
    ----------
    published : Advice
    derived : Advice or None
        None where the study's comparisons leave it open.
    for_tuning, for_freezing, comparisons : int
        How many of the cell's comparisons were decided for each, of how many.
    """

    published: Advice
    derived: Advice | None
    for_tuning: int
    for_freezing: int
    comparisons: int

    def __str__(self) -> str:
        derived = OPEN if self.derived is None else self.derived.value
        if not self.comparisons:
            return f"{self.published.value} / {derived}: no data"
        counts = [
            f"{number} {kind}"
            for number, kind in (
                (self.for_tuning, "for tuning"),
                (self.for_freezing, "for freezing"),
                (self.comparisons - self.for_tuning - self.for_freezing, "undecided"),
            )
            if number
        ]
        return f"{self.published.value} / {derived}: {', '.join(counts)}"


def derive(verdicts: Iterable[str], published_advice: Advice) -> AdviceCell:
    """Derive a cell's advice from the verdicts of its comparisons.

    Tuning for certain better speaks for tuning; freezing for certain better, or both
    equivalent, speaks for freezing, which takes less time. Both in one cell make it
    "Try Freeze or Tune". Where less than half is decided it stays open.

    Parameters
    ----------
    verdicts : iterable of str
        As `statistics.verdict` gives them, tuning first.
    published_advice : Advice

    Examples
    --------
    >>> cell = derive(["first is better", "not decided"], Advice.TRY)
    >>> print(cell)
    Try Freeze or Tune / Tune: 1 for tuning, 1 undecided
    >>> print(derive(["first is better", "equivalent", "one draw"], Advice.TUNE))
    Tune / Try Freeze or Tune: 1 for tuning, 1 for freezing, 1 undecided
    >>> print(derive([], Advice.TUNE))
    Tune / open: no data
    """
    counts = collections.Counter(verdicts)
    tuning = counts["first is better"]
    freezing = counts["second is better"] + counts["equivalent"]
    derived = None
    if counts and 2 * (tuning + freezing) >= counts.total():
        derived = Advice.TUNE if tuning else Advice.FREEZE
        if tuning and freezing:
            derived = Advice.TRY
    return AdviceCell(
        published=published_advice,
        derived=derived,
        for_tuning=tuning,
        for_freezing=freezing,
        comparisons=counts.total(),
    )


def advice_cells(points: Sequence[GainPoint]) -> tuple[tuple[AdviceCell, ...], ...]:
    """Derive every cell of Table 3, near rows and few images first."""
    inside: dict[tuple[int, int], list[str]] = {}
    for point in points:
        row = sum(point.distance.value >= edge for edge in matrix.ROW_EDGES)
        column = sum(point.images > end for end in matrix.COLUMN_ENDS)
        inside.setdefault((row, column), []).append(point.verdict)
    return tuple(
        tuple(
            derive(inside.get((row, column), ()), advice)
            for column, advice in enumerate(several)
        )
        for row, several in enumerate(matrix.MATRIX)
    )


def advice_table(points: Sequence[GainPoint]) -> StudyTable:
    """Return Table 3: the published advice, and the study's own after a stroke."""
    cells = advice_cells(points)
    edges = (0.0, *matrix.ROW_EDGES, 1.0)
    rows = [f"{low} to {high}" for low, high in itertools.pairwise(edges)]
    starts = (1, *(end + 1 for end in matrix.COLUMN_ENDS))
    columns = [
        f"{start} to {end}"
        for start, end in zip(starts, matrix.COLUMN_ENDS, strict=False)
    ]
    columns.append(f"{starts[-1]} and more")
    notes = [
        "Published / derived here. A comparison counts once p-values are adjusted for "
        "their number (Holm); equivalent within the margin counts for freezing, which "
        "takes less time. Open: less than half is decided."
    ]
    if any(point.backbone not in matrix.MEASURED_ON for point in points):
        notes.append(f"Of the published advice: {matrix.LIMITS}.")
    return StudyTable(
        title="Freeze or tune, by cosine distance and images per class",
        head=("distance", *columns),
        rows=tuple(
            (name, *map(str, several))
            for name, several in zip(rows, cells, strict=True)
        ),
        notes=tuple(notes),
        records=tuple(
            {
                "distance": row,
                "images_per_class": column,
                "published": cell.published.value,
                "derived": OPEN if cell.derived is None else cell.derived.value,
                "for_tuning": cell.for_tuning,
                "for_freezing": cell.for_freezing,
                "comparisons": cell.comparisons,
            }
            for row, several in zip(rows, cells, strict=True)
            for column, cell in zip(columns, several, strict=True)
        ),
    )
