"""Sum a study up as the cells from which advice argues.

    python tools/measured_cells.py STUDY

writes ``kerastransfer/advice/measured/cells.csv``: of each dataset, number of images
and learning rate, every tuned recipe minus F1-7R8, over draws, or over the test images
where there is one draw. A cell whose runs are gone stays in the table as it was, as
long as its gain is the same.
"""

import csv
import dataclasses
import io
import json
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from scipy.stats import norm, t

from kerastransfer.advice.contenders import FROZEN
from kerastransfer.advice.measured import cells
from kerastransfer.foundation import atomic
from kerastransfer.study import distances, results
from kerastransfer.study.summary import CellComparison, Summary, summarise

_SAME = 1e-4  # a gain is written with four digits
OUT = Path(cells.__file__).with_name(cells.CELLS)


def main() -> int:
    """Read the command line, and write the table."""
    (study,) = map(Path, sys.argv[1:])
    text = io.StringIO()
    writer = csv.DictWriter(text, cells.COLUMNS, lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows(study))
    atomic.write_text(OUT, text.getvalue())
    return 0


def rows(study: Path) -> Iterator[dict[str, Any]]:
    """Yield a row for each comparison of a study, as `cells.MeasuredCell` has it."""
    table = [row for row in results.read(study) if row["status"] == "finished"]
    cosines = {
        (each.dataset, each.backbone): each.metrics["cosine"].value
        for each in distances.read(study)
        if "cosine" in each.metrics
    }
    frozen = [row for row in table if row["recipe"] == FROZEN.recipe]
    rates = sorted({row["rate"] for row in table if row["recipe"] != FROZEN.recipe})
    for rate in rates:
        tuned = [
            row
            for row in table
            if row["recipe"] != FROZEN.recipe and row["rate"] == rate
        ]
        summary = summarise([*frozen, *tuned], study)
        for each in summary.comparisons:
            dataset, backbone, images = each.cell
            cosine = cosines.get((dataset, backbone))
            own = [
                row
                for row in frozen
                if (row["dataset"], row["backbone"], row["images_per_class"])
                == each.cell
            ]
            if cosine is None or images is None:
                continue
            gain = _gain(each, summary)
            if gain is None:  # its runs are gone
                yield _kept(each, rate)
                continue
            probe = float(np.mean([row["probe_accuracy"] for row in own]))
            yield {
                "dataset": dataset,
                "backbone": backbone,
                "weights": _weights_of(study, own),
                "recipe": each.first[0],
                "rate": rate,
                "images_per_class": images,
                "classes": own[0]["classes"],
                "draws": each.result.difference.draws,
                "cosine": round(cosine, 4),
                "probe": round(probe, 4),
                **{name: round(value, 4) for name, value in gain.items()},
            }


def _kept(each: CellComparison, rate: float) -> dict[str, Any]:
    """Return the row that the table has of a comparison whose runs are gone."""
    dataset, backbone, images = each.cell
    key = (dataset, backbone, each.first[0], rate, images)
    for cell in cells.read():
        of_cell = (cell.dataset, cell.backbone, cell.recipe, cell.rate)
        same = abs(cell.gain - each.result.difference.value) < _SAME
        if same and (*of_cell, cell.images_per_class) == key:
            return dataclasses.asdict(cell)
    sys.exit(
        f"Expected the study's runs of {dataset}, {images} images a class, or a row of "
        f"{each.first[0]} at {rate:g} with the same gain in {OUT}, and got neither."
    )


def _weights_of(study: Path, rows: Sequence[dict[str, Any]]) -> str:
    """Read the hash of a cell's pretrained weights from one of its runs."""
    config = json.loads((study / rows[0]["run"] / "config.json").read_text("utf-8"))
    return str(config["weights"])[:12]


def _gain(each: CellComparison, summary: Summary) -> dict[str, float] | None:
    """Return a gain, its interval, and the larger of its standard errors.

    None where the runs and so the answers to single images are gone.
    """
    over_draws = each.result.difference
    over_images = [
        pair.result.difference
        for pair in summary.by_image
        if (pair.cell, pair.first) == (each.cell, each.first)
    ]
    low, high = over_draws.low, over_draws.high
    if len(over_images) < over_draws.draws:
        return None
    # Not less for several draws, which are judged on the same images.
    errors = [
        float(np.mean([(e.high - e.low) / 2 / norm.ppf(0.975) for e in over_images]))
    ]
    if over_draws.draws > 1:
        errors.append((high - low) / 2 / t.ppf(0.975, over_draws.draws - 1))
    else:
        low, high = over_images[0].low, over_images[0].high
    return {"gain": over_draws.value, "low": low, "high": high, "sd": max(errors)}


if __name__ == "__main__":
    sys.exit(main())
