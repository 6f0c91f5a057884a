"""Sum a study up as the cells from which advice argues.

    python tools/measured_cells.py STUDY

writes ``kerastransfer/advice/measured/cells.csv``: of each dataset, number of images
and learning rate, every tuned recipe minus F1-7R8, over draws, or over the test images
where there is one draw.
"""

import csv
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
            gain = _gain(each, summary)
            cosine = cosines.get((dataset, backbone))
            if gain is None or cosine is None or images is None:
                continue
            own = [
                row
                for row in frozen
                if (row["dataset"], row["backbone"], row["images_per_class"])
                == each.cell
            ]
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


def _weights_of(study: Path, rows: Sequence[dict[str, Any]]) -> str:
    """Read the hash of a cell's pretrained weights from one of its runs."""
    paths = (study / row["run"] / "config.json" for row in rows)
    there = [path for path in paths if path.exists()]
    if not there:
        sys.exit(f"Expected a study with its runs in {study}, and they are not there.")
    config = json.loads(there[0].read_text("utf-8"))
    return str(config["weights"])[:12]


def _gain(each: CellComparison, summary: Summary) -> dict[str, float] | None:
    """Return a gain, its interval, and the larger of its standard errors."""
    over_draws = each.result.difference
    over_images = [
        pair.result.difference
        for pair in summary.by_image
        if (pair.cell, pair.first) == (each.cell, each.first)
    ]
    low, high = over_draws.low, over_draws.high
    errors = [
        # Not less for several draws, which are judged on the same images.
        float(np.mean([(e.high - e.low) / 2 / norm.ppf(0.975) for e in over_images]))
        for _ in over_images[:1]
    ]
    if over_draws.draws > 1:
        errors.append((high - low) / 2 / t.ppf(0.975, over_draws.draws - 1))
    elif over_images:
        low, high = over_images[0].low, over_images[0].high
    if not errors:
        return None
    return {"gain": over_draws.value, "low": low, "high": high, "sd": max(errors)}


if __name__ == "__main__":
    sys.exit(main())
