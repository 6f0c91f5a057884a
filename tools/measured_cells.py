"""Sum a study up as the cells that advice names beside its own pilot.

    python tools/measured_cells.py STUDY

writes ``kerastransfer/advice/cells.csv``: of each dataset and number of images, every
tuned recipe minus F1-7R8 at the rate that validates best, over draws, or over the test
images where there is one draw.
"""

import csv
import io
import math
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from kerastransfer.advice import measured
from kerastransfer.foundation import atomic
from kerastransfer.study import distances, results
from kerastransfer.study.summary import summarise

OUT = Path(measured.__file__).with_name(measured.CELLS)


def main() -> int:
    """Read the command line, and write the table."""
    (study,) = map(Path, sys.argv[1:])
    text = io.StringIO()
    writer = csv.DictWriter(text, measured.COLUMNS, lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows(study))
    atomic.write_text(OUT, text.getvalue())
    return 0


def rows(study: Path) -> Iterator[dict[str, Any]]:
    """Yield a row for each comparison of a study, as `measured.MeasuredCell` has it."""
    table = results.read(study)
    summary = summarise(table, study)
    cosines = {
        (each.dataset, each.backbone): each.metrics["cosine"].value
        for each in distances.read(study)
        if "cosine" in each.metrics
    }
    for each in summary.comparisons:
        dataset, backbone, images = each.cell
        difference = each.result.difference
        low, high = difference.low, difference.high
        if math.isnan(low):  # one draw
            ends = [
                pair.result.difference
                for pair in summary.by_image
                if (pair.cell, pair.first) == (each.cell, each.first)
            ]
            if not ends:
                continue
            low, high = ends[0].low, ends[0].high
        own = [
            row
            for row in table
            if (row["dataset"], row["images_per_class"]) == (dataset, images)
            and row["status"] == "finished"
        ]
        cosine = cosines.get((dataset, backbone))
        if cosine is None or images is None:
            continue
        yield {
            "dataset": dataset,
            "backbone": backbone,
            "recipe": each.first[0],
            "images_per_class": images,
            "classes": own[0]["classes"],
            "draws": difference.draws,
            "cosine": round(cosine, 4),
            "probe": round(float(np.mean([row["probe_accuracy"] for row in own])), 4),
            "gain": round(difference.value, 4),
            "low": round(low, 4),
            "high": round(high, 4),
        }


if __name__ == "__main__":
    sys.exit(main())
