"""A study's figures and tables as files."""

import dataclasses
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from kerastransfer.errors import InputError
from kerastransfer.foundation import atomic
from kerastransfer.foundation.formats import figure_file
from kerastransfer.foundation.report import Preformatted
from kerastransfer.study import distances, results
from kerastransfer.study.figures import accuracy, comparisons, gain, style, tables
from kerastransfer.study.figures.tables import StudyTable

if TYPE_CHECKING:
    from matplotlib.figure import Figure

FOLDER = "figures"
_ENDINGS = (".png", ".svg")
_Rows = Sequence[Mapping[str, Any]]


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class StudyFigures(Preformatted):
    """What was drawn of a study; ``str`` gives a path in each line.

    Parameters
    ----------
    paths : tuple of Path
        Files that were written.
    table2, table3 : StudyTable
    left_out : mapping of str to str
        Why a figure was not drawn, by its name.
    """

    paths: tuple[Path, ...]
    table2: StudyTable
    table3: StudyTable
    left_out: Mapping[str, str]

    def __str__(self) -> str:
        missing = [f"no {name}: {reason}" for name, reason in self.left_out.items()]
        return "\n".join([*map(str, self.paths), *missing])

    def as_dict(self) -> dict[str, Any]:
        """Return the paths and reasons as JSON can hold them."""
        return {
            "paths": [str(path) for path in self.paths],
            "left_out": dict(self.left_out),
        }


def check() -> None:
    """Refuse figures where nothing can draw them.

    Raises
    ------
    InputError
        If matplotlib is not installed.
    """
    try:
        import matplotlib.figure  # noqa: F401
    except ImportError:
        raise InputError(
            "'study figures' needs matplotlib; run: pip install 'kerastransfer[plot]'"
        ) from None


def save(
    study: Path, out: Path | None = None, margin: float | None = None
) -> StudyFigures:
    """Draw what a study's folder holds so far.

    Parameters
    ----------
    study : Path
        The study's folder.
    out : Path, optional
        Gets the files, each whole or not at all; by default ``figures`` in `study`.
    margin : float, optional
        A difference of accuracy that does not matter, such as 0.01.

    Raises
    ------
    MissingError, DataError
        If the study has no table, or one that is damaged.
    InputError
        If matplotlib is not installed.
    """
    rows, entries = results.read(study), distances.read(study)
    check()
    import matplotlib as mpl

    folder = out or study / FOLDER
    points = comparisons.gain_points(rows, entries, margin=margin)
    paths, left_out = list[Path](), dict[str, str]()
    with mpl.rc_context(style.SETTINGS):
        for name, draw in _FIGURES.items():
            figure = draw(rows, points)
            if isinstance(figure, str):
                left_out[name] = figure
            else:
                paths += _write_figure(folder / name, figure)
    table2 = tables.distances_table(rows, entries)
    table3 = tables.advice_table(points)
    for name, table in (("table2", table2), ("table3", table3)):
        paths += _write_table(folder / name, table)
    return StudyFigures(
        paths=tuple(paths), table2=table2, table3=table3, left_out=left_out
    )


def _frozen(rows: _Rows, _: object) -> "Figure | str":
    """Draw frozen recipes, and training from scratch."""
    return _panels(rows, "frozen", lambda recipe: not accuracy.is_tuned(recipe))


def _tuned(rows: _Rows, _: object) -> "Figure | str":
    """Draw tuned recipes, with the frozen one that they are compared with."""
    return _panels(rows, "tuned", accuracy.is_tuned)


def _panels(rows: _Rows, kind: str, belongs: Callable[[str], bool]) -> "Figure | str":
    from matplotlib.figure import Figure

    reference = comparisons.contenders(rows)[1]
    chosen = {
        dataset: [c for c in curves if belongs(c.recipe) or c.recipe == reference]
        for dataset, curves in accuracy.curves_by_dataset(rows).items()
        if any(belongs(curve.recipe) for curve in curves)
    }
    if not chosen:
        return f"no {kind} recipe has a finished run"
    figure = Figure(figsize=accuracy.size(len(chosen)), layout="constrained")
    accuracy.draw_panels(figure, chosen, reference=reference)
    return figure


def _gains(rows: _Rows, points: Sequence[comparisons.GainPoint]) -> "Figure | str":
    from matplotlib.figure import Figure

    if not points:
        return (
            "no dataset has a distance and runs of a tuned and a frozen recipe; "
            "'kerastransfer study run' measures distances"
        )
    tuned, frozen = comparisons.contenders(rows)
    backbones = list(dict.fromkeys(point.backbone for point in points))
    width, height = gain.SIZE
    figure = Figure(figsize=(width * len(backbones), height), layout="constrained")
    for number, backbone in enumerate(backbones, start=1):
        gain.plot_gain(
            figure.add_subplot(1, len(backbones), number),
            [point for point in points if point.backbone == backbone],
            f"{tuned} minus {frozen}, {backbone}",
        )
    return figure


_FIGURES: dict[str, Callable[[Any, Any], "Figure | str"]] = {
    "figure1": _tuned,
    "figure2": _frozen,
    "figure3": _gains,
}


def _write_figure(stem: Path, figure: "Figure") -> Iterator[Path]:
    for ending in _ENDINGS:
        path = stem.with_suffix(ending)
        figure_file.write(path, figure)
        yield path


def _write_table(stem: Path, table: StudyTable) -> Iterable[Path]:
    texts = {".md": table.markdown(), ".csv": table.csv()}
    for ending, text in texts.items():
        atomic.write_text(stem.with_suffix(ending), text)
        yield stem.with_suffix(ending)
