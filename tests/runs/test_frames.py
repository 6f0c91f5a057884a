"""From a run down to its gradient there are few functions, in few files."""

import sys

import pytest
import tensorflow as tf
from helpers import miniature, small_run

from kerastransfer.backbones import table
from kerastransfer.config.defaults import resolve
from kerastransfer.runs import execution
from kerastransfer.training.caching import Caching
from kerastransfer.training.optimizer import PerWeightAdamW


def our_functions():
    """List (module, function) of the package on the stack, from the run down.

    A graph is traced through code that TensorFlow writes from ours: it keeps our
    module's globals, its functions are named tf__..., and the bodies of branches and
    loops are functions of it, which are no functions of ours.
    """
    functions, frame = [], sys._getframe(1)
    while frame is not None:
        module, name = frame.f_globals.get("__name__", ""), frame.f_code.co_name
        written = "__autograph_generated_file" in frame.f_code.co_filename
        if module.startswith("kerastransfer.") and (
            name.startswith("tf__") or not written
        ):
            functions.append((module, name.removeprefix("tf__")))
        frame = frame.f_back
    functions.reverse()
    return functions[functions.index(("kerastransfer.runs.execution", "train")) :]


@pytest.fixture
def stacks(monkeypatch):
    """What is on the stack where gradients are computed, and where they are used."""
    seen = {"gradient": [], "update": []}

    def note(owner, name, key):
        plain = getattr(owner, name)

        @tf.autograph.experimental.do_not_convert
        def noted(*arguments, **options):
            seen[key].append(our_functions())
            return plain(*arguments, **options)

        monkeypatch.setattr(owner, name, noted)

    note(tf.GradientTape, "gradient", "gradient")
    note(PerWeightAdamW, "update_step", "update")
    return seen


@pytest.mark.parametrize(("recipe", "cache"), [("FT1-7R8", "off"), ("F1-5R6-8", "on")])
def test_few_functions_lie_between_a_run_and_its_gradient(
    stacks, recipe, cache, tmp_path, monkeypatch
):
    monkeypatch.setitem(table.BACKBONES, "miniature", miniature.BACKBONE)
    small_run.make_images(tmp_path / "images")
    dataset, records = small_run.open_records(tmp_path)
    settings = {"dataset": dataset, "backbone": "miniature", "recipe": recipe}
    config = resolve({**settings, "epochs": (1,)}, small_run.summary_of(records))
    inputs = execution.RunInputs(
        records=records,
        source_weights=miniature.source_weights(),
        caching=Caching(mode=cache, home=tmp_path / "features"),
        with_probe=False,
    )
    _, result = execution.train(config, inputs, tmp_path / "run")
    assert result["phases"][0]["cached"] == (cache == "on")
    for place, most_functions, most_files in (("gradient", 6, 3), ("update", 8, 4)):
        assert stacks[place], "nothing was trained"
        for functions in stacks[place]:
            # The compiled step is among them, or the tape would have been lost.
            assert ("kerastransfer.training.engine", "_step") in functions
            files = {module for module, _ in functions}
            assert len(functions) <= most_functions, functions
            assert len(files) <= most_files, files
