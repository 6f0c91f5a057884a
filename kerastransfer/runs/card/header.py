"""The header of a card, by which the Hugging Face Hub and others list a model."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from kerastransfer.evaluation.intervals import Estimate
from kerastransfer.records.place import without_place
from kerastransfer.runs.card import markdown

if TYPE_CHECKING:
    from kerastransfer.runs.finished import Run

TASK = "image-classification"
_METRICS = {
    "accuracy": "Accuracy",
    "mean_per_class_accuracy": "Mean accuracy of the classes",
    "top5_accuracy": "Top-5 accuracy",
}


def header(run: "Run", formats: Sequence[str]) -> str:
    """Return the YAML header, with the test metrics as a model index.

    The licence is unknown: it has to go with that of the weights and that of the
    images, and only who publishes the model can say it.
    """
    fields: dict[str, Any] = {
        "license": "unknown",
        "library_name": "keras",
        "pipeline_tag": TASK,
        "tags": [TASK, "transfer-learning", "kerastransfer", *_tags(formats)],
        "metrics": ["accuracy"],
        "model-index": [{"name": run.config.run_name, "results": [_result(run)]}],
    }
    return markdown.header(fields)


def _tags(formats: Sequence[str]) -> list[str]:
    known = {"saved_model": "tensorflow", "litert": "tflite", "onnx": "onnx"}
    return [known[name] for name in formats]


def _result(run: "Run") -> dict[str, Any]:
    spec = without_place(run.config.dataset)
    test = run.test
    values = {name: getattr(test, name) for name in _METRICS}
    return {
        "task": {"type": TASK, "name": "Image classification"},
        "dataset": {
            "type": spec,
            "name": spec,
            "split": "test",
            "revision": run.config.records,
        },
        "metrics": [
            {
                "type": name,
                "name": _METRICS[name],
                "value": value.value,
                "args": _interval(value),
            }
            for name, value in values.items()
            if value is not None
        ],
    }


def _interval(value: Estimate) -> dict[str, Any]:
    return {
        "interval": 0.95,
        "low": value.low,
        "high": value.high,
        "n": value.n,
        "method": value.method,
    }
