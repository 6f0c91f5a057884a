"""The examples in the docstrings of the light modules are run, without TensorFlow."""

import doctest
import importlib
import subprocess
import sys

import pytest

MODULES = [
    f"kerastransfer.{name}"
    for name in (
        "advice.matrix",
        "backbones.backbone",
        "backbones.heads",
        "backbones.mean_image",
        "backbones.porting",
        "backbones.preprocessing",
        "backbones.table",
        "config.settings",
        "datasets.own.grouping",
        "errors",
        "evaluation.arrays",
        "evaluation.intervals",
        "evaluation.metrics",
        "evaluation.paired",
        "evaluation.probe",
        "evaluation.unseen_groups",
        "evaluation.wording",
        "foundation.checksums",
        "foundation.quoting",
        "recipe",
        "surgery",
        "views",
        "weights.readers.pickles.nested",
        "weights.readers.pickles.skipping",
        "weights.table",
    )
]


@pytest.mark.parametrize("name", MODULES)
def test_the_examples_give_what_they_show(name):
    module = importlib.import_module(name)
    result = doctest.testmod(module, optionflags=doctest.ELLIPSIS)
    assert result.attempted > 0, "a module without an example"
    assert result.failed == 0


def test_there_are_many_examples():
    finder = doctest.DocTestFinder()
    modules = [importlib.import_module(name) for name in MODULES]
    documented = [t for m in modules for t in finder.find(m) if t.examples]
    assert len(documented) >= 25


def test_the_examples_need_no_tensorflow():
    code = (
        "import doctest, importlib, sys\n"
        f"for name in {MODULES}:\n"
        "    module = importlib.import_module(name)\n"
        "    doctest.testmod(module, optionflags=doctest.ELLIPSIS)\n"
        "print(sorted({'tensorflow', 'keras'} & sys.modules.keys()))"
    )
    run = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    )
    assert run.stdout.strip() == "[]"
