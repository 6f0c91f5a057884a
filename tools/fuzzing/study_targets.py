"""Studies: the distances that a folder holds."""

from pathlib import Path

from fuzzing import structures
from fuzzing.target import Target


def _distances(folder: Path) -> list[Path]:
    from kerastransfer.evaluation.intervals import Estimate
    from kerastransfer.study import distances

    cosine = Estimate(value=0.3, low=0.25, high=0.35, n=300, method="bootstrap")
    measured = distances.DatasetDistance(
        dataset="digits",
        backbone="efficientnet_lite0",
        metrics={"cosine": cosine},
        missing={"svm": "needs source images"},
    )
    failed = distances.DatasetDistance(
        dataset="coral", backbone="alexnet", error="no archives"
    )
    distances.write(folder, [measured, failed])
    return [folder / distances.DISTANCES]


def _read_distances(path: Path) -> object:
    """Read, and put what was read into the published table."""
    from kerastransfer.study import distances
    from kerastransfer.study.figures import tables

    entries = distances.read(path.parent)
    rows = [{"dataset": each.dataset, "backbone": each.backbone} for each in entries]
    table = tables.distances_table(rows, entries)
    return [table.markdown(), table.csv()]


TARGETS = (
    Target(
        name="distances",
        prepare=_distances,
        read=_read_distances,
        mutators=(structures.JSON,),
        modules=("kerastransfer.study.distances",),
    ),
)
