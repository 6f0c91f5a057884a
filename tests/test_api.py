"""The front door: light, complete, and as strict as the command line."""

import ast
import json
import pathlib
import subprocess
import sys
import time

import keras
import numpy as np
import pytest
from helpers import small_run
from PIL import Image

import kerastransfer as kt
from kerastransfer import cli
from kerastransfer.evaluation.metrics import Metrics

HEAVY = "{'tensorflow', 'keras', 'tensorflow_datasets', 'sklearn', 'scipy'}"


def python(code):
    return subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    ).stdout.strip()


def test_importing_the_package_loads_next_to_nothing():
    code = f"import sys, kerastransfer as kt; print({HEAVY} & set(sys.modules))"
    assert python(code) == "set()"
    loaded = python(
        "import sys, kerastransfer\n"
        "print([m for m in sys.modules if m.startswith('kerastransfer.')])"
    )
    assert loaded == "[]"


def test_importing_takes_less_than_a_tenth_of_tensorflows_time():
    def seconds(module):
        def once():
            start = time.perf_counter()
            python(f"import {module}")
            return time.perf_counter() - start

        return min(once() for _ in range(2))

    nothing = seconds("sys")
    ours, theirs = seconds("kerastransfer"), seconds("tensorflow")
    assert ours - nothing < (theirs - nothing) / 10


def test_every_public_name_is_there_and_has_one_spelling():
    source = pathlib.Path(kt.__file__).read_text(encoding="utf-8")
    typed = {
        alias.name: node.module
        for node in ast.walk(ast.parse(source))
        if isinstance(node, ast.ImportFrom) and node.module.startswith("kerastransfer")
        for alias in node.names
    }
    assert sorted(kt.__all__) == list(kt.__all__)
    assert set(typed) == set(kt.__all__) == set(kt._HOMES)
    for name in kt.__all__:
        assert typed[name] == f"kerastransfer.{kt._HOMES[name]}", name
        assert getattr(kt, name).__doc__, name
    assert set(kt.__all__) <= set(dir(kt))
    with pytest.raises(AttributeError, match="no attribute 'trian'"):
        kt.trian  # noqa: B018


def test_no_public_name_is_taken_by_a_part_of_the_package():
    """Importing kerastransfer.features would make it the package's attribute."""
    code = (
        "import kerastransfer as kt, kerastransfer.features.feature_file\n"
        "from kerastransfer.features import source_statistics\n"
        "print(kt.features.__module__, kt.features.__name__)\n"
        "import kerastransfer.features.cache_inventory\n"
        "print(callable(kt.features))"
    )
    assert python(code) == "kerastransfer.api.measures features\nTrue"


def test_every_error_is_offered():
    from kerastransfer import errors

    for name, value in vars(errors).items():
        if isinstance(value, type) and issubclass(value, errors.KerasTransferError):
            assert getattr(kt, name) is value


@pytest.fixture(scope="module")
def home(tmp_path_factory):
    with pytest.MonkeyPatch.context() as patch:
        place = tmp_path_factory.mktemp("api")
        patch.setenv("KERASTRANSFER_HOME", str(place / "home"))
        yield place


@pytest.fixture(scope="module")
def data(home):
    """Few images of our own; digits are trained on in test_readme."""
    small_run.make_images(home / "images")
    return f"folder:{home / 'images'}"


@pytest.fixture(scope="module")
def run(home, data):
    return kt.train(
        data, "F1-7R8", images_per_class=5, epochs=(10,), runs=home / "runs"
    )


def test_a_run_is_a_value_that_prints(run, data):
    accuracy = run.test.accuracy
    text = str(accuracy)
    assert text.startswith(f"{100 * accuracy.value:.1f} % (")
    assert text.endswith(f"{100 * accuracy.high:.1f}), n = 6")
    assert str(run.to_beat.test.accuracy) in str(run.to_beat)
    first, *lines = str(run).splitlines()
    assert first == (
        f"F1-7R8 on {data} with efficientnet_lite0: test set, 95 % intervals"
    )
    assert lines[0].split(maxsplit=1) == ["accuracy", text]
    assert str(run.folder) in run._repr_html_()


def test_a_run_says_what_its_result_file_says(run):
    result = json.loads((run.folder / "result.json").read_text())
    assert run.test.as_dict() == result["test"]
    assert run.val.as_dict() == result["val"]
    assert run.to_beat.test.as_dict() == result["probe"]["test"]


def test_a_run_is_opened_again_and_trained_once(run, home, data, capfd):
    assert str(kt.open_run(run.folder)) == str(run)
    again = kt.train(
        data, "F1-7R8", images_per_class=5, epochs=(10,), runs=home / "runs"
    )
    assert "--restart trains it again" in capfd.readouterr().err
    assert again.result == run.result


def test_the_command_trains_the_same_run(run, home, data, capsys):
    words = "train --recipe F1-7R8 --images-per-class 5 --epochs 10"
    places = ("--dataset", data, "--runs", str(home / "runs"))
    assert cli.main([*words.split(), *places]) == 0
    assert capsys.readouterr().out.strip() == str(run)


def test_a_run_is_measured_again(run):
    assert isinstance(run.evaluate("val"), Metrics)
    assert run.evaluate("test").accuracy == run.test.accuracy


def test_a_run_gives_a_keras_model_with_the_trained_weights(run):
    network = run.network()
    assert isinstance(network, keras.Model)
    assert network.output_shape == (None, 3)
    saved = keras.saving.load_model(run.folder / "model.keras", compile=False)
    for ours, theirs in zip(network.weights, saved.weights, strict=True):
        np.testing.assert_array_equal(ours, theirs)


def test_a_run_predicts_files_with_and_without_its_export(run, tmp_path):
    path = tmp_path / "a.png"
    Image.new("RGB", (40, 30), (200, 10, 90)).save(path)
    missing = tmp_path / "none.png"
    first, second = run.predict([path, str(missing)], top=3)
    assert len(first.top()) == 3
    (label, probability), *_ = first.top()
    assert label in run.classes
    assert probability == pytest.approx(first.probabilities.max())
    assert second.error and second.probabilities is None
    (run.folder / "saved_model").rename(tmp_path / "elsewhere")
    try:
        (again,) = run.predict(path)
    finally:
        (tmp_path / "elsewhere").rename(run.folder / "saved_model")
    np.testing.assert_allclose(again.probabilities, first.probabilities, atol=1e-6)
    exported = run.export(tmp_path / "exported")
    assert (exported / "saved_model.pb").is_file()
    with pytest.raises(kt.InputError, match="holds other files"):
        run.export(tmp_path)


def test_a_plan_imports_no_tensorflow(tmp_path):
    code = (
        "import sys, kerastransfer as kt\n"
        "print(kt.plan('digits', 'FT1-7R8', images_per_class=5))\n"
        "print({'tensorflow', 'keras'} & set(sys.modules))"
    )
    lines = python(code).splitlines()
    assert lines[0].startswith("digits: 50 training images of 10 classes")
    assert lines[-1] == "set()"


def test_loaded_records_can_be_trained_on(run, home, data):
    records = kt.load(data)
    again = kt.train(
        records, "F1-7R8", images_per_class=5, epochs=(10,), runs=home / "runs"
    )
    assert again.folder == run.folder
    assert "33 train, 3 val, 6 test images of 3 classes" in str(records)


@pytest.mark.parametrize(
    ("data", "recipe", "settings", "error", "message"),
    [
        ("digit", "F1-7R8", {}, kt.UnknownNameError, "Did you mean 'digits'"),
        ("digits", "F1-7", {}, kt.RecipeError, "expected block 8 next"),
        ("digits", "F1-8", {}, kt.RecipeError, "freezes every block"),
        ("digits", "FT1-8", {}, kt.RecipeError, "re-draw it in the first phase"),
        ("digits", "F1-7R8", {"epoch": 3}, kt.UnknownNameError, "mean 'epochs'"),
        ("digits", "F1-7R8", {"epochs": (0,)}, kt.InputError, "each 1 or more"),
        ("digits", "F1-7R8", {"views": 2}, kt.InputError, "mirror images"),
        ("digits", "F1-7R8", {"cache": "yes"}, kt.InputError, "--cache to be one of"),
        ("digits", "F1-7R8", {"time_limit": -1}, kt.InputError, "--time-limit above 0"),
        ("digits", "F1-7R8", {"backbone": "alex"}, kt.UnknownNameError, "'alexnet'"),
        ("digits", "F1-7R8", {"backbone": "alexnet"}, kt.MissingError, "weights fetch"),
        ("digits", "F1-7R8", {"devices": 0}, kt.InputError, "--devices of 1 or more"),
        (
            "digits",
            "F1-7R8",
            {"images_per_class": 10_000},
            kt.InputError,
            "--images-per-class from 1 to",
        ),
    ],
)
def test_a_python_caller_gets_the_same_refusals(
    home, data, recipe, settings, error, message
):
    with pytest.raises(error, match=message) as caught:
        kt.train(data, recipe, runs=home / "runs", **settings)
    assert "\n" not in str(caught.value)
