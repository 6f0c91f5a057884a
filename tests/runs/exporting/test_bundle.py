"""Every format answers as the trained network; broken ones are refused."""

import dataclasses
import io
import json
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import onnx
import pytest
from helpers.small_home import small_home, train
from PIL import Image

from kerastransfer import cli
from kerastransfer.errors import DataError, InputError, MissingError
from kerastransfer.evaluation.intervals import wilson
from kerastransfer.export import record_ops, saved_model
from kerastransfer.export.formats import certificate, trials
from kerastransfer.export.formats.certificate import Certificate
from kerastransfer.export.formats.trials import FormatTrial
from kerastransfer.runs.exporting import bundle
from kerastransfer.runs.exporting import options as exporting_options
from kerastransfer.runs.exporting.options import FORMATS


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    with small_home(tmp_path_factory.mktemp("bundle")) as place:
        yield place


@pytest.fixture(scope="module")
def run(place):
    return train(place)


@pytest.fixture(scope="module")
def exported(run, tmp_path_factory):
    return run.export(tmp_path_factory.mktemp("out") / "bundle", formats=FORMATS)


def test_a_bundle_holds_every_format_and_what_stands_beside_them(exported, run):
    names = {path.name for path in exported.iterdir()}
    assert names == {
        *("saved_model", "model.tflite", "model.onnx", "labels.txt"),
        *("preprocessing.json", "certificate.json", "SHA256SUMS"),
        *("calibration.json", "images.json", "README.md"),
    }
    assert (exported / "saved_model" / "1" / "saved_model.pb").is_file()
    labels = (exported / "labels.txt").read_text()
    assert tuple(labels.splitlines()) == run.classes
    subprocess.run(["sha256sum", "--check", "--quiet", "SHA256SUMS"], cwd=exported)
    with zipfile.ZipFile(exported / "model.tflite") as archive:
        assert archive.read("labels.txt").decode() == labels
        takes = json.loads(archive.read("preprocessing.json"))
    assert takes["input"]["channels"] == "RGB"
    proto = onnx.load(exported / "model.onnx")
    metadata = {each.key: each.value for each in proto.metadata_props}
    assert metadata["labels.txt"] == labels
    assert [each.name for each in proto.graph.input] == ["image"]
    assert {each.name for each in proto.graph.output} == {"probabilities", "features"}


def test_a_certificate_says_how_alike_formats_are(exported, run):
    told = json.loads((exported / "certificate.json").read_text())
    assert told["images"] == run.test.accuracy.n
    assert told["accuracy"]["value"] == pytest.approx(run.test.accuracy.value)
    files = told["files"]
    assert files["unreadable"] == 0 and files["agreement"]["value"] == 1
    assert 0 <= files["greatest"] < 1e-3
    for each in told["formats"]:
        assert each["agreement"]["value"] == 1
        assert 0 <= each["mean"] <= each["greatest"] < 1e-3
        assert each["accuracy"]["value"] == told["accuracy"]["value"]
        median, high = each["milliseconds"]["1"]
        assert 0 < median <= high
        assert each["megabytes"] > 0
        assert each["names_agree"] and each["feature_difference"] < 1e-3
        assert each["peak_megabytes"]["32"] >= each["peak_megabytes"]["1"] > 0
    by_name = {each["name"]: each["peak_megabytes"]["1"] for each in told["formats"]}
    # Its own, and not that of the process with TensorFlow in it that began it.
    assert by_name["litert"] < by_name["saved_model"] / 2
    assert [each["name"] for each in told["formats"]] == list(FORMATS)
    assert told["versions"]["onnxruntime"]


def test_formats_answer_without_our_package(exported, run, tmp_path):
    """A process that could not import it, with images of its own."""
    side = run.backbone.preprocessing.crop
    images = np.random.default_rng(0).uniform(0, 255, (3, side, side, 3))
    np.save(tmp_path / "images.npy", images.astype(np.float32))
    code = (
        "import sys, numpy as np\n"
        "sys.modules['kerastransfer'] = None\n"
        "import onnxruntime\n"
        "from ai_edge_litert.interpreter import Interpreter\n"
        "x = np.load('images.npy')\n"
        "s = onnxruntime.InferenceSession(sys.argv[1] + '/model.onnx')\n"
        "a = s.run(['probabilities'], {'image': x})[0]\n"
        "lite = Interpreter(sys.argv[1] + '/model.tflite')\n"
        "r = lite.get_signature_runner('images')\n"
        "b = r(image=x)['probabilities']\n"
        "np.save('answers.npy', [a, b])\n"
    )
    subprocess.run(
        [sys.executable, "-c", code, str(exported)], cwd=tmp_path, check=True
    )
    onnx_answers, litert_answers = np.load(tmp_path / "answers.npy")
    normalised = run.backbone.preprocessing
    mean, scale = np.array(normalised.mean), np.array(normalised.scale)
    order = slice(None, None, -1 if normalised.channels == "BGR" else 1)
    logits = np.asarray(run.network()((images[..., order] - mean) / scale))
    expected = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
    np.testing.assert_allclose(onnx_answers, expected, atol=1e-5)
    np.testing.assert_allclose(litert_answers, expected, atol=1e-5)


@pytest.mark.parametrize("quantize", ["float16", "int8"])
def test_litert_may_be_rounded(run, tmp_path, quantize):
    folder = run.export(
        tmp_path / "small", formats=("litert",), quantize=quantize, samples=6
    )
    (told,) = json.loads((folder / "certificate.json").read_text())["formats"]
    assert told["quantize"] == quantize and told["agreement"]["n"] == 6
    assert 0 < told["greatest"] < 0.2


def wrong_mean(preprocessing, classes):
    mean = tuple(value + 60 for value in preprocessing.mean)
    return dataclasses.replace(preprocessing, mean=mean), classes


def swapped_channels(preprocessing, classes):
    other = {"RGB": "BGR", "BGR": "RGB"}[preprocessing.channels]
    scale = tuple(value * 0.3 for value in preprocessing.scale)
    changed = dataclasses.replace(preprocessing, channels=other, scale=scale)
    return changed, classes


def permuted_names(preprocessing, classes):
    return preprocessing, (*classes[1:], classes[0])


@pytest.mark.parametrize("spoil", [wrong_mean, swapped_channels, permuted_names])
def test_a_broken_export_is_refused_and_leaves_nothing(
    run, tmp_path, monkeypatch, spoil
):
    save = saved_model.save

    def spoilt(network, preprocessing, classes, *more):
        save(network, *spoil(preprocessing, classes), *more)

    monkeypatch.setattr(saved_model, "save", spoilt)
    with pytest.raises(DataError, match="to answer as the trained network"):
        run.export(tmp_path / "out", formats=("saved_model", "litert"))
    assert not list(tmp_path.iterdir())


def test_files_that_are_answered_otherwise_are_refused(
    run, place, tmp_path, monkeypatch
):
    """The records are right, and the files were changed since."""
    read = bundle.datasets.resolve(run.config.dataset).source.__class__.image_files

    def dark(self, paths):
        for file in read(self, paths):
            with Image.open(io.BytesIO(file.content.read())) as image:
                out = io.BytesIO()
                image.point(lambda value: value // 3).save(out, "PNG")
            content = SimpleNamespace(read=out.getvalue)
            yield dataclasses.replace(file, content=content)

    kind = type(bundle.datasets.resolve(run.config.dataset).source)
    monkeypatch.setattr(kind, "image_files", dark)
    with pytest.raises(DataError, match="to be answered as the records of them"):
        run.export(tmp_path / "out", formats=("saved_model",))
    monkeypatch.setattr(kind, "image_files", gone)
    folder = run.export(tmp_path / "out", formats=("saved_model",), samples=3)
    assert json.loads((folder / "certificate.json").read_text())["files"] is None


def test_another_decoder_in_the_graph_is_refused(run, tmp_path, monkeypatch):
    """Blue and red change places for files alone: crops are answered as ever."""
    read = record_ops.record_pixels
    monkeypatch.setattr(
        record_ops, "record_pixels", lambda *given: 255 - read(*given)[..., ::-1]
    )
    with pytest.raises(DataError, match="to be answered as the records of them"):
        run.export(tmp_path / "out", formats=("saved_model",))
    assert not list(tmp_path.iterdir())


def gone(self, paths):
    raise MissingError("Expected them, and they are not there.")
    yield


def test_permuted_outputs_are_refused(run, tmp_path, monkeypatch):
    blocks = type(run).blocks

    def permuted(self):
        network = blocks(self)
        for layer in network.blocks[-1].layers:
            if layer.weights:
                layer.set_weights([np.roll(w, 1, axis=-1) for w in layer.get_weights()])
        return network

    save = saved_model.save
    monkeypatch.setattr(
        saved_model, "save", lambda _, *more: save(permuted(run), *more)
    )
    with pytest.raises(DataError, match="to answer as the trained network"):
        run.export(tmp_path / "out", formats=("saved_model",))


def test_an_accuracy_that_is_not_certain_is_refused(run, tmp_path, capsys):
    words = ["export", str(run.folder), "--out", str(tmp_path / "out")]
    words += ["--format", "saved_model", "--require", "accuracy>=0.99"]
    assert cli.main(words) == 1
    told = capsys.readouterr().err
    assert "Expected an accuracy of at least 99 % for certain" in told
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    ("options", "error", "words"),
    [
        ({"formats": ("h5",)}, InputError, "--format of saved_model, litert, onnx"),
        ({"formats": ("onnx",), "quantize": "int8"}, InputError, "--format litert"),
        ({"formats": ("litert",), "quantize": "int4"}, InputError, "float16 or int8"),
        ({"formats": ("litert",), "samples": 0}, InputError, "--samples of 1 or more"),
        ({"formats": ("litert",), "require": 90.0}, InputError, "--require accuracy"),
        ({"formats": ()}, InputError, "got none"),
        ({"samples": 5}, InputError, "got none"),
        ({"format": "onnx"}, InputError, "options of an export among formats"),
    ],
)
def test_what_makes_no_sense_is_refused_first(run, tmp_path, options, error, words):
    with pytest.raises(error, match=words):
        run.export(tmp_path / "out", **options)


def test_a_format_that_is_not_installed_says_what_brings_it(run, tmp_path, monkeypatch):
    monkeypatch.setattr(
        exporting_options.importlib.util, "find_spec", lambda name: None
    )
    with pytest.raises(MissingError, match=r"kerastransfer\[export\]"):
        run.export(tmp_path / "out", formats=("onnx",))


def test_the_command_prints_the_certificate_and_no_noise(run, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    words = ["export", str(run.folder), "--out", "out", "--samples", "4"]
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM, *words, "--format", "litert,onnx"],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.strip() == "out"
    lines = done.stderr.splitlines()
    assert [line.split()[0] for line in lines[-3:]] == ["format", "litert", "onnx"]
    assert not [line for line in lines if line.startswith(("I0000", "W0000"))]
    names = {path.name for path in Path("out").iterdir()}
    assert {"model.tflite", "model.onnx"} <= names and "saved_model" not in names


# The miniature backbone is ours alone: a process has to be told of it.
PROGRAM = f"""
import sys
sys.path.insert(0, {str(Path(__file__).parents[2])!r})
from kerastransfer.foundation.tensorflow_import import import_quietly
import_quietly()
from helpers import miniature
from kerastransfer.backbones import table
table.BACKBONES["miniature"] = miniature.BACKBONE
from kerastransfer import cli
sys.exit(cli.main(sys.argv[1:]))
"""


def test_an_older_bundle_is_replaced_and_other_files_are_not(
    run, exported, tmp_path, capsys
):
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "thesis.txt").write_text("mine")
    with pytest.raises(InputError, match="holds other files"):
        run.export(tmp_path / "mine", formats=("saved_model",))
    folder = run.export(tmp_path / "out", formats=("saved_model",), samples=3)
    assert run.export(folder, formats=("saved_model",), samples=4) == folder
    told = json.loads((folder / "certificate.json").read_text())
    assert told["images"] == 4


def test_predict_takes_a_bundle(exported, place, capsys):
    file = next((place / "images").rglob("*.png"))
    for folder in (exported, exported / "saved_model"):
        assert cli.main(["predict", str(folder), str(file)]) == 0
    first, second = capsys.readouterr().out.splitlines()
    assert first == second


def test_other_records_are_refused(run, place, tmp_path, monkeypatch):
    moved = tmp_path / "moved"
    (place / "images").rename(moved)
    try:
        shutil.copytree(moved, place / "images")
        extra = next((place / "images").rglob("*.png"))
        Image.new("RGB", (20, 24), (1, 2, 3)).save(extra.with_name("new.png"))
        with pytest.raises(DataError, match="the records that the run was trained on"):
            run.export(tmp_path / "out", formats=("saved_model",))
    finally:
        shutil.rmtree(place / "images")
        moved.rename(place / "images")


def test_a_folder_with_a_certificate_of_its_own_is_not_replaced(run, tmp_path):
    mine = tmp_path / "mine"
    mine.mkdir()
    (mine / "certificate.json").write_text("{}")
    (mine / "thesis.txt").write_text("mine")
    with pytest.raises(InputError, match="holds other files"):
        run.export(mine, formats=("saved_model",))


def test_files_are_judged_by_most_of_them():
    expected = np.tile([0.8, 0.1, 0.1], (40, 1))
    answers = expected.copy()
    answers[0] = [0.1, 0.8, 0.1]  # one of a kind that is read otherwise
    answers[1] = np.nan
    files = trials.try_files(answers, expected)
    assert files.unreadable == 1 and files.greatest == pytest.approx(0.7)
    assert files.agrees and files.agreement.n == 39
    answers[:20] = [0.1, 0.8, 0.1]
    assert not trials.try_files(answers, expected).agrees
    none = trials.try_files(np.full((3, 3), np.nan), expected[:3])
    assert none.agreement is None and none.unreadable == 3


def made(greatest, agreeing, quantize=""):
    return FormatTrial(
        name="litert",
        path="model.tflite",
        quantize=quantize,
        greatest=greatest,
        mean=greatest / 2,
        names_agree=True,
        feature_difference=0.0,
        greatest_logit=greatest,
        mean_logit=greatest,
        agreement=wilson(agreeing, 100),
        accuracy=wilson(90, 100),
        megabytes=1.0,
        milliseconds={"1": (1.0, 2.0), "32": (3.0, 4.0)},
        peak_megabytes={"1": 1.0, "32": 2.0},
    )


@pytest.mark.parametrize(
    ("trial", "agrees"),
    [
        (made(1e-4, 100), True),
        (made(1e-2, 100), False),
        (made(1e-4, 99), False),
        (made(1e-2, 99, "float16"), True),
        (made(0.3, 95, "int8"), True),
        (made(0.3, 80, "int8"), False),
    ],
)
def test_tolerances_follow_the_rounding(trial, agrees):
    stated = Certificate(
        images=100,
        records="",
        temperature=1.0,
        threshold=0.0,
        accuracy=wilson(90, 100),
        files=None,
        formats=(trial,),
        versions={},
    )
    assert trial.agrees is agrees
    assert "litert" in str(stated)
    if agrees:
        certificate.refuse_disagreement(stated)
    else:
        with pytest.raises(DataError, match="nothing was exported"):
            certificate.refuse_disagreement(stated)
