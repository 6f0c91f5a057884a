"""How good advice is on sets that it never saw: leave each set of a study out in turn.

    python tools/leave_one_out.py STUDY OUT --datasets D,D,... [--minutes M]

asks for advice at every number of images that the study measured of the sets named,
with the measured cells of all other sets, and compares what it says with what the study
found for every contender. OUT gets ``cells.csv``, a row a cell, and ``summary.csv``, a
row a way to choose. What was tried before is not tried again.

An accuracy is a mean over the draws that all contenders have; the regret of a choice is
the best contender's minus its own. A contender costs the median of its runs' seconds in
the study, in the pilot as in full.
"""

import argparse
import csv
import dataclasses
import io
import statistics
import sys
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from measured_cells import rows as cell_rows

from kerastransfer.advice.contenders import CONTENDERS, FROZEN, Contender
from kerastransfer.advice.matrix import Advice
from kerastransfer.advice.measured.cells import MeasuredCell
from kerastransfer.advice.question import MARGIN
from kerastransfer.api import given
from kerastransfer.foundation import atomic, keras_settings
from kerastransfer.foundation.tensorflow_import import import_quietly
from kerastransfer.runs import sources
from kerastransfer.study import rates, results

if TYPE_CHECKING:
    from kerastransfer.advice.decision import Decision, TunedGain
    from kerastransfer.advice.recommendation import Recommendation

DEEP = "FT1-7R8"
Row = Mapping[str, Any]


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Cell:
    """What the study found at a number of images of a dataset.

    Parameters
    ----------
    accuracies : mapping
        Of each contender, mean over draws.
    deep : float
        Of FT1-7R8 at the rate that validates best.
    tried_both : float
        Of F1-7R8 and that, what validates better.
    """

    dataset: str
    images_per_class: int
    accuracies: Mapping[Contender, float]
    deep: float
    tried_both: float


def study_cells(table: Sequence[Row], dataset: str) -> Iterator[Cell]:
    """Yield the cells of a dataset in which F1-7R8 and FT1-7R8 are finished."""
    own = [r for r in table if r["dataset"] == dataset and r["status"] == "finished"]
    numbers = {row["images_per_class"] for row in own} - {None}
    for number in sorted(numbers):
        runs: dict[Contender, dict[int, Row]] = {}
        for row in own:
            for contender in CONTENDERS:
                if row["images_per_class"] == number and _is_of(row, contender):
                    runs.setdefault(contender, {})[row["draw"]] = row
        deep = [c for c in runs if c.recipe == DEEP]
        if FROZEN not in runs or not deep:
            continue
        draws = set.intersection(*(set(of_draw) for of_draw in runs.values()))
        if not draws:
            continue
        chosen = [max((runs[c][d] for c in deep), key=rates.quality) for d in draws]
        both = [
            max(one, runs[FROZEN][draw], key=lambda row: row["val_accuracy"] or 0.0)
            for draw, one in zip(draws, chosen, strict=True)
        ]
        yield Cell(
            dataset=dataset,
            images_per_class=number,
            accuracies={
                contender: statistics.mean(of_draw[d]["accuracy"] for d in draws)
                for contender, of_draw in runs.items()
            },
            deep=statistics.mean(row["accuracy"] for row in chosen),
            tried_both=statistics.mean(row["accuracy"] for row in both),
        )


def _is_of(row: Row, contender: Contender) -> bool:
    if row["recipe"] != contender.recipe:
        return False
    return not contender.rates or row["rate"] == contender.rates[-1]


def prices(table: Sequence[Row]) -> dict[Contender, float]:
    """Return what a run of each contender costs, in seconds."""
    return {
        contender: statistics.median(seconds)
        for contender in CONTENDERS
        if (
            seconds := [
                row["training_seconds"]
                for row in table
                if row["status"] == "finished" and _is_of(row, contender)
            ]
        )
    }


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """Advice about a cell, by each kind of evidence.

    Parameters
    ----------
    advice : Recommendation
        By the pilot and the cells of other sets.
    pilot, prior : Decision
        By one of them alone.
    gains : list of TunedGain
        Of each tuned contender.
    """

    advice: "Recommendation"
    pilot: "Decision"
    prior: "Decision"
    gains: "list[TunedGain]"


def ask(
    cell: Cell, spec: str, cells: Sequence[MeasuredCell], out: Path, minutes: float
) -> Asked:
    """Ask for advice about a cell of the dataset `spec`."""
    from kerastransfer.advice import advise, decision
    from kerastransfer.advice.gains import flat
    from kerastransfer.advice.measured import prior
    from kerastransfer.advice.pilot.training import untried
    from kerastransfer.advice.question import Question

    run_sources = sources.find(
        {"backbone": cells[0].backbone, "images_per_class": cell.images_per_class},
        recipes=[contender.recipe for contender in CONTENDERS],
        dataset=given.dataset_of(spec, None, None, None),
    )
    question = Question(images_per_class=cell.images_per_class, minutes=minutes)
    contenders = [each for each in CONTENDERS if each in cell.accuracies]
    advice = advise.advise(
        run_sources, question, out=out, cells=cells, contenders=contenders
    )
    here = advise.position_of(advice.curve, advice.distance)
    tuned = [each for each in contenders if each != FROZEN]
    expected = prior.expected_gains(cells, tuned, here)
    nothing = dataclasses.replace(advice.pilot, tried=tuple(map(untried, contenders)))
    margin, probe = question.margin, advice.curve.accuracy
    return Asked(
        advice=advice,
        pilot=decision.decide(advice.pilot, margin, flat(tuned), probe),
        prior=decision.decide(nothing, margin, expected, probe),
        gains=decision.gains_of(advice.pilot, expected),
    )


def judge(
    cell: Cell, asked: Asked, seconds: Mapping[Contender, float]
) -> dict[str, Any]:
    """Compare what was chosen in each way with the best contender."""
    accuracies, decided = cell.accuracies, asked.advice.decision
    chosen = {
        "freeze": accuracies[FROZEN],
        "tune": cell.deep,
        "table 3": _by_table(asked.advice.distance.table, cell),
        "prior": accuracies[asked.prior.contender],
        "pilot": accuracies[asked.pilot.contender],
        "advice": accuracies[decided.contender],
        "certainty": accuracies[by_certainty(asked.gains)],
    }
    best = max(accuracies.values())
    rounds = {each.contender: each.rounds for each in asked.advice.pilot.tried}
    spent = sum(number * seconds[each] for each, number in rounds.items())
    gain_held = [
        each.both.low
        <= accuracies[each.contender] - accuracies[FROZEN]
        <= each.both.high
        for each in asked.gains
    ]
    expected = decided.accuracy
    return {
        "dataset": cell.dataset,
        "images_per_class": cell.images_per_class,
        **{str(each): round(value, 4) for each, value in accuracies.items()},
        "table 3 said": " or ".join(asked.advice.distance.table),
        "prior said": str(asked.prior.contender),
        "pilot said": str(asked.pilot.contender),
        "advice said": str(decided.contender),
        **{f"regret of {way}": round(best - a, 4) for way, a in chosen.items()},
        "gains": len(gain_held),
        "gains held": sum(gain_held),
        "accuracy held": expected
        and int(expected.low <= accuracies[decided.contender] <= expected.high),
        "cost": round(spent / sum(seconds[each] for each in accuracies), 3),
    }


def by_certainty(gains: "Sequence[TunedGain]") -> Contender:
    """Return what is best for certain, and the frozen recipe where nothing is.

    Advice does not choose so: it takes what is expected to be best. It stands beside,
    to show what certainty costs.
    """
    certain = {g.contender: g.both.value for g in gains if g.both.low > 0}
    most = max(certain.values(), default=0.0)
    return next((c for c, gain in certain.items() if gain >= most - MARGIN), FROZEN)


def _by_table(said: Sequence[str], cell: Cell) -> float:
    """Return the accuracy of what Table 3 says; to try means to take the better."""
    if set(said) == {Advice.FREEZE.value}:
        return cell.accuracies[FROZEN]
    return cell.deep if set(said) == {Advice.TUNE.value} else cell.tried_both


def summary(rows: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """Return the mean regret of each way to choose, and how often intervals held."""
    ways = [name for name in rows[0] if name.startswith("regret of ")]
    lines: list[dict[str, Any]] = [
        {"what": way, "value": round(statistics.mean(float(r[way]) for r in rows), 4)}
        for way in ways
    ]
    held, gains = (sum(int(row[n]) for row in rows) for n in ("gains held", "gains"))
    known = [
        int(r["accuracy held"]) for r in rows if r["accuracy held"] not in ("", None)
    ]
    lines += [
        {"what": "intervals of gains that held", "value": f"{held} of {gains}"},
        {
            "what": "intervals of accuracies that held",
            "value": f"{sum(known)} of {len(known)}",
        },
        {
            "what": "cost against training all contenders",
            "value": round(statistics.mean(float(row["cost"]) for row in rows), 3),
        },
    ]
    return lines


def write(path: Path, rows: Sequence[Mapping[str, Any]]) -> None:
    """Write a table with every column that a row has."""
    columns = dict.fromkeys(name for row in rows for name in row)
    text = io.StringIO()
    writer = csv.DictWriter(text, columns, restval="", lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    atomic.write_text(path, text.getvalue())


@keras_settings.ours
def main() -> int:
    """Read the command line, ask, and write the tables."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("study", type=Path)
    parser.add_argument("out", type=Path)
    parser.add_argument("--datasets", required=True, metavar="D,D,...")
    parser.add_argument("--minutes", type=float, default=1.5, metavar="M")
    args = parser.parse_args()
    import_quietly()
    table = results.read(args.study)
    measured = [MeasuredCell(**row) for row in cell_rows(args.study)]
    seconds, rows = prices(table), list[dict[str, Any]]()
    for spec in args.datasets.split(","):
        name = spec if ":" not in spec else f"folder:{Path(spec).name}"
        others = [each for each in measured if each.dataset != name]
        for cell in study_cells(table, name):
            folder = args.out / name.replace(":", "_") / str(cell.images_per_class)
            asked = ask(cell, spec, others, folder, args.minutes)
            rows.append(judge(cell, asked, seconds))
            write(args.out / "cells.csv", rows)
            write(args.out / "summary.csv", summary(rows))
    return 0


if __name__ == "__main__":
    sys.exit(main())
