"""Plans of networks that only Keras can describe: no TensorFlow in the process."""

import json
import os
import re
import socket
import subprocess
import sys

import keras
import numpy as np
import pytest

from kerastransfer.backbones import table
from kerastransfer.backbones.keras_models import apart
from kerastransfer.backbones.spec import with_options
from kerastransfer.errors import InputError, MissingError
from kerastransfer.foundation.home import home
from kerastransfer.weights import port_file, store

LAYERS = keras.layers
PLAN = ["train", "--dataset", "digits", "--recipe", "F1-7R8", "--dry-run"]
CODE = """
import sys
from kerastransfer import cli
try:
    code = cli.main(sys.argv[1:])
except SystemExit as stop:
    code = stop.code
print("heavy:", sorted({"tensorflow", "keras"} & set(sys.modules)), file=sys.stderr)
raise SystemExit(code)
"""


@pytest.fixture(autouse=True)
def own_home(tmp_path, monkeypatch):
    monkeypatch.setenv("KERASTRANSFER_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("KERAS_HOME", str(tmp_path / "keras"))
    table._described.cache_clear()


def saved(place, classes=7, before=None):
    keras.utils.set_random_seed(3)
    inputs = x = keras.Input((32, 32, 3))
    for layer in [LAYERS.Rescaling(1 / 255)] if before is None else before:
        x = layer(x)
    for number in range(8):
        x = LAYERS.Conv2D(4, 3, padding="same", name=f"conv{number}")(x)
        x = LAYERS.BatchNormalization(name=f"bn{number}")(x)
        x = LAYERS.ReLU(name=f"relu{number}")(x)
    x = LAYERS.Dropout(0.25)(LAYERS.GlobalAveragePooling2D()(x))
    model = keras.Model(inputs, LAYERS.Dense(classes, "softmax", name="answer")(x))
    model.save(place / "lab.keras")
    return f"keras:{place / 'lab.keras'}"


def run(*arguments):
    """In a fresh interpreter that says at the end whether TensorFlow came in."""
    return subprocess.run(
        [sys.executable, "-c", CODE, *arguments],
        capture_output=True,
        text=True,
        check=False,
        env=os.environ | {"PYTHONPATH": os.pathsep.join(sys.path)},
    )


def planned(*arguments):
    done = run(*PLAN, *arguments)
    assert done.returncode == 0, done.stderr
    assert "heavy: []" in done.stderr
    return done.stdout, "Keras looks at" in done.stderr


def kept():
    return sorted((home() / apart.FOLDER).glob("*.json"))


def answer_of(path):
    return json.loads(path.read_text("utf-8"))["answer"]


def sealed(answer):
    """A file whose hash fits, though its answer may be none."""
    return json.dumps({"sha256": apart._digest(answer), "answer": answer})


def with_pixels(kept, **pixels):
    return {**kept, "preprocessing": {**kept["preprocessing"], **pixels}}


def test_a_plan_of_an_own_model_and_of_what_it_is_changed_to(tmp_path):
    name = saved(tmp_path)
    text, looked = planned("--backbone", name)
    assert looked and len(kept()) == 1
    assert "1  F            0 trained  batch norm: frozen  (to relu" in text
    assert re.search(r"  8  R           50 trained  dropout: rate 0\.25", text)
    assert planned("--backbone", name) == (text, False)
    # Another name of the same bytes is known; other cuts and other bytes are not.
    (tmp_path / "copy.keras").write_bytes((tmp_path / "lab.keras").read_bytes())
    assert not planned("--backbone", f"keras:{tmp_path / 'copy.keras'}")[1]
    cuts = "conv0,relu1,relu2,relu3,relu5,relu6"
    other, looked = planned("--backbone", name, "--cuts", cuts)
    assert looked and "(to conv0)" in other
    saved(tmp_path, before=(LAYERS.Rescaling(1 / 127.5, -1),))
    changed, looked = planned("--backbone", name)
    assert looked and len(kept()) == 3
    assert changed == text  # the records are not made: the run has no name yet
    assert len(answer_of(kept()[0])["blocks"]) == 8


def test_a_child_describes_as_this_process_does(tmp_path):
    name = saved(tmp_path)
    planned("--backbone", name)
    (path,) = kept()
    by_child = table.get(name)
    path.unlink()
    table._described.cache_clear()
    here = table.get(name)
    assert kept() == [path]
    for field in ("blocks", "outputs", "preprocessing", "source_classes", "title"):
        assert getattr(here, field) == getattr(by_child, field)
    assert here.port.shapes() == by_child.port.shapes()
    weights = store.load(name).mapping
    assert {n: w.shape for n, w in weights.items()} == by_child.port.shapes()
    assert [*weights][-2:] == ["classifier/kernel", "classifier/bias"]


@pytest.mark.parametrize(
    "damage",
    [
        lambda kept: "no JSON",
        lambda kept: "[]",
        lambda kept: json.dumps(kept),
        lambda kept: sealed(kept).replace('"num_classes": 7', '"num_classes": 8'),
        lambda kept: sealed({**kept, "sha256": 64 * "0"}),  # of another file
        lambda kept: sealed({**kept, "blocks": kept["blocks"][:7]}),
        lambda kept: sealed({**kept, "outputs": [["a"]] * 7}),
        lambda kept: sealed({**kept, "outputs": [[]] * 7}),
        lambda kept: sealed({**kept, "outputs": [[0]] * 7}),
        lambda kept: sealed({**kept, "num_classes": -1}),
        lambda kept: sealed({**kept, "sha256": 5}),
        lambda kept: sealed({**kept, "layout": {}}),
        lambda kept: sealed({**kept, "preprocessing": {"mean": 5}}),
        lambda kept: sealed(with_pixels(kept, scale=[1.0, 0.0, 1.0])),
        lambda kept: sealed(with_pixels(kept, crop=0)),
        lambda kept: sealed(with_pixels(kept, channels="RBG")),
        lambda kept: sealed({k: v for k, v in kept.items() if k != "remarks"}),
    ],
)
def test_what_is_kept_and_damaged_is_asked_anew(damage, tmp_path):
    name = saved(tmp_path)
    sound = table.get(name)
    (path,) = kept()
    text = path.read_text(encoding="utf-8")
    path.write_text(damage(answer_of(path)), encoding="utf-8")
    table._described.cache_clear()
    again = table.get(name)
    assert (again.blocks, again.source_classes) == (sound.blocks, 7)
    assert path.read_text(encoding="utf-8") == text


def test_another_version_is_asked_anew(tmp_path, monkeypatch):
    name = saved(tmp_path)
    table.get(name)
    monkeypatch.setattr(apart, "__version__", "99")
    table._described.cache_clear()
    table.get(name)
    assert len(kept()) == 2


def test_old_descriptions_are_forgotten(tmp_path, monkeypatch):
    monkeypatch.setattr(apart, "_MOST_KEPT", 2)
    for classes in (3, 4, 5):
        table.get(saved(tmp_path, classes))
    assert len(kept()) == 2
    counts = [answer_of(path)["num_classes"] for path in kept()]
    assert sorted(counts) == [4, 5]


def test_a_child_refuses_in_a_line_and_keeps_nothing(tmp_path):
    done = run(*PLAN, "--backbone", saved(tmp_path, before=()))
    assert done.returncode == 1 and "heavy: []" in done.stderr
    (line,) = (each for each in done.stderr.splitlines() if "error" in each)
    assert "does not say what it makes of pixels; say --preprocessing" in line
    assert kept() == []


@keras.saving.register_keras_serializable("lab_of_another")
class Twice(LAYERS.Layer):
    def call(self, x):
        return 2 * x


def test_code_that_no_program_has_registered(tmp_path):
    name = saved(tmp_path, before=(LAYERS.Rescaling(1 / 255), Twice(name="twice")))
    assert table.get(name).source_classes == 7  # here it is, and is described
    assert table.get(name, download=False).source_classes == 7
    (path,) = kept()
    path.unlink()
    table._described.cache_clear()
    assert table.get(name, download=False).source_classes == 7  # asked anew, and here
    path.unlink()
    done = run(*PLAN, "--backbone", name)
    assert done.returncode == 1 and "heavy: []" in done.stderr
    assert "'twice' is of the class 'lab_of_another>Twice', whose code" in done.stderr


def test_a_model_that_was_changed_since_is_not_built(tmp_path):
    backbone = table.get(saved(tmp_path))
    mapping = backbone.held().mapping
    saved(tmp_path, classes=5)
    for use in (lambda: backbone.build(3, 0), lambda: dict(mapping)):
        with pytest.raises(InputError, match=r"lab.keras' was changed since it was"):
            use()


def test_a_row_with_weights_of_a_file(tmp_path):
    """Which names it has is asked once; without TensorFlow the file is read."""
    built = table.get("mobilenetv3small").build(4, 0)
    weights = {k: v for n in range(1, 9) for k, v in built.snapshot(n).items()}
    path = tmp_path / "own.npz"
    port_file.save_npz(weights, path, {})
    words = ["--backbone", "mobilenetv3small", "--weights", str(path)]
    text, looked = planned(*words)
    assert looked and "8  R       10,250 trained" in text
    assert planned(*words) == (text, False)


def test_a_row_for_images_of_another_size():
    words = ["--backbone", "mobilenetv3small@96", "--recipe", "R1-8"]
    text, looked = planned(*words)
    assert looked and planned(*words) == (text, False)


@pytest.mark.parametrize("folds", [[], ["--folds", "3"]])
def test_weights_that_a_run_would_download(folds, tmp_path):
    text, looked = planned("--backbone", "resnet50", *folds)
    assert not looked
    file = "resnet50_weights_tf_dim_ordering_tf_kernels.h5"
    assert f"downloaded first: {file}, about 102 MB, from https://storage" in text
    assert f"to {tmp_path / 'keras' / 'models' / file}; without a network" in text
    assert not (tmp_path / "keras").exists()
    done = run(*PLAN, "--backbone", "resnet50", "--measure")
    assert done.returncode == 1
    assert "run 'kerastransfer weights fetch resnet50', or leave --m" in done.stderr
    assert not (tmp_path / "keras").exists()


def test_a_preset_that_is_not_here(tmp_path, monkeypatch):
    pytest.importorskip("keras_hub", reason="needs the extra hub")
    monkeypatch.setenv("KAGGLEHUB_CACHE", str(tmp_path / "kaggle"))
    done = run(*PLAN, "--backbone", "hub:vit_base_patch16_224_imagenet")
    assert done.returncode == 1 and "heavy: []" in done.stderr
    assert "is not on this machine, and a dry run downloads nothing" in done.stderr


def test_a_child_that_may_not_download_reaches_nobody():
    code = (
        "import sys, socket\n"
        "from kerastransfer.backbones.keras_models import apart\n"
        "if sys.argv[2] == 'alone': apart._leave_network()\n"
        "socket.create_connection(('127.0.0.1', int(sys.argv[1])), 5)\n"
    )
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = str(server.getsockname()[1])
        reached, alone = (
            subprocess.run([sys.executable, "-c", code, port, how], check=False)
            for how in ("free", "alone")
        )
    assert (reached.returncode, alone.returncode) == (0, 1)


def test_errors_of_a_child_are_those_of_this_process(tmp_path):
    error = apart._error("MissingError", "Expected a thing.")
    assert type(error) is MissingError and str(error) == "Expected a thing."
    name = with_options(saved(tmp_path), cuts=("conv0",))
    with pytest.raises(InputError, match="--cuts with 6 layers"):
        table.get(name)
    assert np.size(kept()) == 0
