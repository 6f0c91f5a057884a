"""The sections of a model card: what was trained on what, and how good it is."""

from typing import TYPE_CHECKING, Any

from kerastransfer.evaluation import wording
from kerastransfer.evaluation.metrics import Metrics
from kerastransfer.records.place import without_place
from kerastransfer.records.split.plan import SPLITS
from kerastransfer.runs.card import distance
from kerastransfer.runs.card.markdown import code, plain, table
from kerastransfer.runs.card.origins import Origins
from kerastransfer.weights.table import WEIGHTS

if TYPE_CHECKING:
    from kerastransfer.runs.card.exported import Exported
    from kerastransfer.runs.finished import Run

_MOST_CLASSES = 100  # that are named
# Of a config: what is said elsewhere, or is a hash of it.
_ELSEWHERE = ("dataset", "records", "weights", "backbone", "recipe", "images_per_class")
_ACTIONS = (
    "In a recipe `F` keeps blocks as they were pretrained, `FT` fine-tunes them, `R` "
    "draws them anew; the eighth block is the classifier."
)


def title(run: "Run") -> str:
    """Say what the model is, in a paragraph."""
    config, backbone = run.config, run.backbone
    number = f"{len(run.classes):,} classes of the dataset {_dataset(run)}"
    adapted = f"pretrained on {plain(backbone.source)}, adapted to {number}"
    if not config.weights:
        adapted = f"trained from random weights on {number}"
    return (
        f"# {plain(config.run_name)}\n\nAn image classifier: {plain(backbone.title)}, "
        f"{adapted}, by the recipe {code(str(config.recipe))} with "
        "kerastransfer."
    )


def _dataset(run: "Run") -> str:
    return code(without_place(run.config.dataset))


def classes(run: "Run") -> str:
    """Name the classes, in the order of the outputs."""
    named = ", ".join(map(code, run.classes[:_MOST_CLASSES]))
    more = len(run.classes) - _MOST_CLASSES
    others = f", and {more:,} more in `labels.txt`" if more > 0 else ""
    number = f"{len(run.classes):,}"
    return f"## Classes\n\n{number}, in the order of outputs: {named}{others}."


def data(run: "Run", origins: Origins) -> str:
    """Say which images the model saw, how they were split, and by which groups."""
    config, records = run.config, origins.records
    asked = (
        "all training images"
        if config.images_per_class is None
        else f"up to {config.images_per_class:,} training images of each class "
        f"(draw {config.draw})"
    )
    lines = [f"## Data\n\nDataset: {_dataset(run)}, of which {asked} were used."]
    if origins.info is not None and origins.info.url:
        lines.append(f"Home page: {code(origins.info.url)}.")
    lines.append(_splits(run, records))
    lines.append(f"SHA-256 of the records: `{config.records}`.")
    return "\n\n".join(lines)


def _splits(run: "Run", records: Any) -> str:
    counts = run.result.get("train_counts")  # runs of earlier versions have none
    used = {
        "train": "not known" if counts is None else f"{sum(counts.values()):,}",
        "val": "0" if run.val is None else f"{run.val.accuracy.n:,}",
        "test": f"{run.test.accuracy.n:,}",
    }
    if records is None:
        rows = [[name, used[name]] for name in SPLITS]
        return (
            table(["split", "images used"], rows) + "\n\nThe records were not at hand "
            "when this card was written: how the splits were drawn, their seed and "
            "their groups are not known here."
        )
    metadata = records.metadata
    groups = metadata["groups"]
    words = {"train": "the rest", **metadata["origins"]}
    head = ["split", "images used", "images there", "origin"]
    rows = [
        [
            name,
            used[name],
            f"{records.size(name):,}",
            plain(words.get(name, "not known")),
        ]
        for name in SPLITS
    ]
    if groups is not None:
        head.append("groups there")
        rows = [
            [*row, f"{groups['totals'][name]:,}"]
            for row, name in zip(rows, SPLITS, strict=True)
        ]
    apart = (
        "Images of one group are in one split."
        if groups is not None
        else "The images have no groups: nothing kept photographs of one thing out of "
        "two splits."
    )
    seed = f"Seed of the splits: {metadata['split_seed']}."
    return f"{table(head, rows)}\n\n{seed} {apart}"


def training(run: "Run") -> str:
    """Say by which recipe and settings the model was trained."""
    fields = run.config.as_dict()
    rows = [
        [name.replace("_", " "), _setting(value)]
        for name, value in fields.items()
        if name not in _ELSEWHERE and value not in ("", None)
    ]
    return (
        f"## Training\n\nRecipe: {code(str(run.config.recipe))} on "
        f"{plain(run.backbone.title)} ({_backbone(run)}). {_ACTIONS}\n\n"
        f"{table(['setting', 'value'], rows)}"
    )


def _setting(value: Any) -> str:
    several = value if isinstance(value, list | tuple) else [value]
    return ", ".join(code(str(each)) for each in several)


def results(run: "Run") -> str:
    """Give the metrics with their intervals, beside the number to beat."""
    columns: dict[str, Metrics] = {"test": run.test}
    if run.val is not None:
        columns["validation"] = run.val
    baseline = run.to_beat
    if baseline is not None:
        columns[f"{baseline.kind} on frozen features, test"] = baseline.test
    rows = [
        [name, *(_figure(metrics, key) for metrics in columns.values())]
        for name, key in _FIGURES.items()
    ]
    rows = [row for row in rows if any(row[1:])]
    lines = [
        "## Results\n\nWith 95 % intervals, which say what the number of images leaves "
        "open, not what other training images would give. The validation images chose "
        "the epoch.",
        table(["", *map(plain, columns)], rows),
    ]
    if baseline is None:
        lines.append("No plain classifier was measured beside it.")
    elif baseline.against:
        lines.append(f"Against the {baseline.kind}: {plain(baseline.against)}.")
    return "\n\n".join(lines)


_FIGURES = {
    "images": "images",
    "accuracy": "accuracy",
    "accuracy at groups that training did not see": "unseen_groups",
    "mean accuracy of the classes": "mean_per_class_accuracy",
    "top-5 accuracy": "top5_accuracy",
    "negative log-likelihood": "nll",
}


def _figure(metrics: Metrics, key: str) -> str:
    if key == "images":
        return f"{metrics.accuracy.n:,}"
    value = getattr(metrics, key)
    if value is None:
        return ""
    if key == "unseen_groups":
        return plain(str(value))
    write = wording.nats if key == "nll" else wording.percent
    return write(value.as_dict())


def distance_from_source(run: "Run") -> str:
    """Give the distance from the pretraining images; where there is none say so."""
    there = distance.measured(run)
    if there is None:
        return (
            "## Distance from the source\n\nNot measured for this run. `kerastransfer "
            f"distance --target DATASET` measures it, with {_backbone(run)} as "
            "`--backbone`."
        )
    source = there.source or f"what the weights tell of {run.backbone.source}"
    return (
        "## Distance from the source\n\nCosine distance of the mean responses of block "
        f"7 from {plain(source)}: {there.value:.3f} (95 % interval {there.low:.3f} to "
        f"{there.high:.3f}), corrected for the noise of means. 0 is alike; the "
        "study behind the recipes called 0.2 near and 0.4 far, of AlexNet."
    )


def limits(run: "Run", origins: Origins, export: "Exported | None") -> str:
    """Say what the model and its figures do not know."""
    records = origins.records
    lines = [
        "Every image gets one of these classes, also one that shows none of them"
        + (
            ", but for those below the probability from which it answers."
            if export is not None and export.confidence.threshold
            else "."
        ),
        "The figures are of test images from the same source as the training images; "
        "other cameras, places and times may bring less.",
        "One run on one draw of training images: another draw gives other figures.",
    ]
    if export is None or export.confidence.before is None:
        lines.append(
            "Probabilities are as training left them: nobody checked that they are as "
            "often right as they say."
        )
    if run.val is None:
        lines.append("There were no validation images: nothing chose the epoch.")
    if records is not None and records.metadata["groups"] is None:
        lines.append(
            "If several images show one animal, patient or place, accuracy is lower on "
            "others than it says here."
        )
    lines.append("It was not examined for bias against people or groups of people.")
    return "## Limits\n\n" + "\n".join(f"- {line}" for line in lines)


def licences(run: "Run", origins: Origins) -> str:
    """Give the licences of weights and data as they are published."""
    unknown = "unknown"
    info = origins.info
    of_data = plain(info.licence) if info is not None and info.licence else unknown
    if not run.config.weights:
        of_weights = "none were used"
    elif origins.weights:
        of_weights = f"{plain(origins.weights_licence)} (`{origins.weights}`)"
    else:
        of_weights = unknown + _published(run.backbone.name)
    return (
        "## Licences\n\n"
        f"- Pretrained weights: {of_weights}; SHA-256 "
        f"`{run.config.weights or 'none'}`.\n"
        f"- Images: {of_data}.\n"
        "- This model: not stated. Whoever publishes it has to choose one that both "
        "allow, and to write it into the header."
    )


def _backbone(run: "Run") -> str:
    """Name the network; of a model of one's own the file, not where it is."""
    return code(without_place(run.backbone.name))


def _published(backbone: str) -> str:
    """Say what a file may be of which another kind of hash is published, or none."""
    rows = [row for row in WEIGHTS.values() if row.backbone == backbone]
    files = "; ".join(f"`{row.name}` {plain(row.licence)}" for row in rows)
    return ", for no published file is known to have that hash" + (
        f" (published for this network: {files})" if files else ""
    )


def versions(run: "Run") -> str:
    """Say with what it was trained."""
    used = ", ".join(f"{k} {v}" for k, v in run.result.get("versions", {}).items())
    return f"## Versions\n\nTrained with {plain(used) if used else 'unknown versions'}."
