"""Calibrated exports: fitted on validation, in the graph, honoured by predict."""

import json

import numpy as np
import pytest
import tensorflow as tf
from helpers.small_home import small_home, train
from PIL import Image
from scipy.special import softmax

from kerastransfer import cli
from kerastransfer.errors import DataError, InputError
from kerastransfer.export.confidence import FILE, Confidence
from kerastransfer.export.predictor import Predictor


def made(n=400, sureness=3.0):
    rng = np.random.default_rng(0)
    logits = rng.normal(0, 2, (n, 3))
    labels = np.array([rng.choice(3, p=p) for p in softmax(logits, axis=1)])
    return softmax(logits * sureness, axis=1), labels


def test_a_temperature_brings_probabilities_nearer_to_what_comes_true():
    confidence = Confidence.fitted(*made())
    assert confidence.temperature == pytest.approx(3.0, rel=0.2)
    assert confidence.after.error.value < confidence.before.error.value / 2
    assert confidence.threshold == 0 and confidence.chosen is None
    assert "temperature" in str(confidence)


def test_a_temperature_that_does_not_help_is_left_at_one():
    probabilities = np.full((40, 2), 0.3)
    probabilities[:, 0] = 0.7
    confidence = Confidence.fitted(probabilities, np.zeros(40, int))
    assert confidence.temperature == 1.0
    assert "none is better" in str(confidence)
    assert confidence.before == confidence.after


def test_a_threshold_brings_the_wanted_precision_or_is_refused():
    probabilities, labels = made()
    confidence = Confidence.fitted(probabilities, labels, precision=0.8)
    assert 0 < confidence.chosen.coverage.value < 1 and confidence.threshold > 1 / 3
    assert confidence.chosen.precision.low >= 0.8
    assert "does not know" in str(confidence)
    with pytest.raises(InputError, match="the validation images show none"):
        Confidence.fitted(np.full((20, 2), 0.5), [0, 1] * 10, precision=0.99)


def test_a_damaged_file_is_told(tmp_path):
    assert Confidence.read(tmp_path) == Confidence()
    odd = ["{}", "[", '{"temperature": "x", "threshold": 0}']
    odd += ['{"temperature": 0, "threshold": 0}', '{"temperature": 1, "threshold": 2}']
    for text in odd:
        (tmp_path / FILE).write_text(text)
        with pytest.raises(DataError, match="Expected a temperature"):
            Confidence.read(tmp_path)


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    with small_home(tmp_path_factory.mktemp("confidence")) as place:
        yield place


@pytest.fixture(scope="module")
def run(place):
    return train(place)


@pytest.fixture
def answered(run):
    """A run with more validation images than the small one has, made up."""
    path = run.folder / "predictions" / "val.csv"
    before = path.read_bytes()
    probabilities, labels = made(60)
    header = before.decode().splitlines()[0]
    rows = [
        ",".join(["x", "", run.classes[t], run.classes[p.argmax()], "1", *map(str, p)])
        for p, t in zip(probabilities, labels, strict=True)
    ]
    path.write_text("\n".join([header, *rows]) + "\n")
    yield run
    path.write_bytes(before)


def test_an_export_divides_logits_by_the_temperature(answered, tmp_path):
    plain = answered.export(tmp_path / "plain")
    calibrated = answered.export(tmp_path / "calibrated", calibrate=True)
    assets = json.loads((calibrated / "assets" / FILE).read_text())
    assert assets["temperature"] == pytest.approx(3.0, rel=0.4)
    assert assets["after"]["error"]["n"] == 60
    images = np.random.default_rng(0).uniform(0, 255, (5, 24, 24, 3)).astype(np.float32)
    side = tf.saved_model.load(str(plain)).signatures["images"]
    shape = side.structured_input_signature[1]["image"].shape
    images = tf.image.resize(images, shape[1:3])
    first, second = (
        tf.saved_model.load(str(f)).signatures["images"](image=images)
        for f in (plain, calibrated)
    )
    np.testing.assert_array_equal(first["label"], second["label"])
    expected = softmax(np.log(first["probabilities"]) / assets["temperature"], axis=1)
    np.testing.assert_allclose(second["probabilities"], expected, atol=1e-5)
    np.testing.assert_allclose(first["features"], second["features"])


def test_a_reliability_diagram_is_drawn_on_request(answered, tmp_path, capsys):
    figure = tmp_path / "reliability.svg"
    words = ["export", str(answered.folder), "--out", str(tmp_path / "e")]
    words.append("--ignore-seal")  # its answers are made up
    assert cli.main([*words, "--reliability", str(figure)]) == 1
    assert "Expected --reliability with --calibrate" in capsys.readouterr().err
    inside = ["--calibrate", "--reliability", str(tmp_path / "e" / "r.png")]
    assert cli.main([*words, *inside]) == 1
    assert "outside the export" in capsys.readouterr().err
    assert not (tmp_path / "e").exists()
    assert cli.main([*words, "--calibrate", "--reliability", str(figure)]) == 0
    assert "<svg" in figure.read_text(encoding="utf-8")


def test_predict_does_not_know_below_the_threshold(answered, tmp_path, capsys):
    folder = answered.export(tmp_path / "sure", calibrate=True, precision=0.3)
    asset = folder / "assets" / FILE
    fields = json.loads(asset.read_text())
    assert 0 < fields["threshold"] < 1
    assert 0 < fields["chosen"]["coverage"]["value"] <= 1
    file = tmp_path / "a.png"
    Image.new("RGB", (20, 20), (90, 90, 90)).save(file)
    for threshold, knows in ((0.0, True), (0.9999, False)):
        asset.write_text(json.dumps({**fields, "threshold": threshold}))
        predictor = Predictor.load(folder, ignore_seal=True)
        (prediction,) = predictor.predict([file])
        assert prediction.knows is knows
        assert ("don't know" in str(prediction)) is not knows
        words = ["predict", str(folder), str(file), "--ignore-seal"]
        assert cli.main([*words, "--json"]) == 0
        row = json.loads(capsys.readouterr().out)
        assert ("dont_know" in row) is not knows
        out = tmp_path / "table.jsonl"
        assert cli.main([*words, "--out", str(out)]) == 0
        capsys.readouterr()
        assert json.loads(out.read_text())["dont_know"] == int(not knows)


def test_what_cannot_be_calibrated_is_refused(run, tmp_path, capsys):
    with pytest.raises(InputError, match="--precision with --calibrate"):
        run.export(tmp_path / "a", precision=0.9)
    with pytest.raises(InputError, match="--precision between 0 and 1, got 2"):
        run.export(tmp_path / "a", calibrate=True, precision=2)
    with pytest.raises(InputError, match="at least 10 validation images"):
        run.export(tmp_path / "a", calibrate=True)
    words = ["export", str(run.folder), "--out", str(tmp_path / "a"), "--calibrate"]
    assert cli.main(words) == 1
    assert "add images, or leave calibration out" in capsys.readouterr().err
    assert not (tmp_path / "a").exists()
