"""CaffeNet's reference prediction, held against OpenCV's on a network of noise."""

import argparse
import dataclasses
import hashlib

import cv2
import numpy as np
import pytest
import sklearn.datasets
from helpers import caffe_encoder

from kerastransfer.backbones import table as backbones
from kerastransfer.backbones.published import ReferencePrediction
from kerastransfer.cli.commands import weights as command
from kerastransfer.errors import InputError, MissingError, WeightsError
from kerastransfer.foundation.checksums import Checksum
from kerastransfer.weights import port_file, reference_prediction, table

CAFFENET_CAT = table.get("caffenet").prediction


@dataclasses.dataclass(frozen=True)
class Setting:
    mapping: dict
    model: bytes
    image: bytes
    expected: ReferencePrediction


def opencv_answers(model, pixels, mean):
    """Warp without antialias, subtract the mean pixel, run OpenCV's Caffe importer."""
    prototxt = caffe_encoder.prototxt(("pool", "norm")).encode()
    net = cv2.dnn.readNetFromCaffe(
        np.frombuffer(prototxt, np.uint8), np.frombuffer(model, np.uint8)
    )
    warped = cv2.resize(pixels.astype(np.float32), (227, 227), interpolation=1)
    net.setInput((warped - np.array(mean, np.float32)).transpose(2, 0, 1)[None])
    logits = net.forward("fc8")[0].astype(float)
    powers = np.exp(logits - logits.max())
    return powers / powers.sum()


@pytest.fixture(scope="module")
def setting(tmp_path_factory):
    rng = np.random.default_rng(0)
    layers = {}
    for name, shape in caffe_encoder.SHAPES.items():
        # fc8 small, so that no class takes all of the probability
        scale = (0.02 if name == "fc8" else 1) * (2 / np.prod(shape[1:])) ** 0.5
        kernel = rng.standard_normal(shape, np.float32) * np.float32(scale)
        layers[name] = kernel, np.zeros(shape[0], np.float32)
    model = caffe_encoder.network(layers, version=2)
    file = tmp_path_factory.mktemp("golden") / "noise.caffemodel"
    file.write_bytes(model)
    mapping = port_file.port("caffenet", file)
    file.unlink()
    rgb = sklearn.datasets.load_sample_image("china.jpg")
    image = cv2.imencode(".png", rgb[..., ::-1])[1].tobytes()
    answers = opencv_answers(model, rgb[..., ::-1], CAFFENET_CAT.mean)
    best = np.argsort(-answers)[:5]
    assert answers[best[0]] - answers[best[1]] > 1e-4
    expected = dataclasses.replace(
        CAFFENET_CAT,
        image_sha256=hashlib.sha256(image).hexdigest()[:8],
        top5=tuple((int(n), f"class {n}", float(answers[n])) for n in best),
        tolerance=1e-3 * float(answers[best[0]]),
    )
    return Setting(mapping, model, image, expected)


def predict(setting, mapping):
    return reference_prediction.predict(
        backbones.get("caffenet"), mapping, setting.expected, setting.image
    )


def test_the_answers_are_opencvs(setting):
    predicted = predict(setting, setting.mapping)
    assert list(predicted.indices) == [number for number, _, _ in setting.expected.top5]
    lines = reference_prediction.compare(setting.expected, predicted)
    number, name, published = setting.expected.top5[0]
    assert lines[0] == f"class {number}: {published:.4f}, published {published:.4f}"
    assert len(lines) == 5 and name


def test_channels_the_wrong_way_round_are_seen(setting):
    kernel = setting.mapping["conv1/kernel"][:, :, ::-1]
    wrong = {**setting.mapping, "conv1/kernel": kernel}
    predicted = predict(setting, wrong)
    with pytest.raises(WeightsError, match="the weights or their port are wrong"):
        reference_prediction.compare(setting.expected, predicted)


def test_a_probability_beyond_the_tolerance_is_refused():
    predicted = reference_prediction.TopClasses(
        (281, 282, 285, 277, 287), (0.29, 0.24, 0.12, 0.10, 0.07)
    )
    with pytest.raises(WeightsError, match=r"'tabby' with 0\.3124 .* got class 281"):
        reference_prediction.compare(CAFFENET_CAT, predicted)
    near = dataclasses.replace(predicted, probabilities=(0.31, 0.24, 0.12, 0.10, 0.07))
    assert len(reference_prediction.compare(CAFFENET_CAT, near)) == 5
    other = dataclasses.replace(near, indices=(5, 282, 285, 277, 287))
    with pytest.raises(WeightsError, match="got class 5"):
        reference_prediction.compare(CAFFENET_CAT, other)


def test_another_photograph_is_refused(setting, tmp_path):
    file = tmp_path / "other.jpg"
    file.write_bytes(b"other")
    with pytest.raises(InputError, match=r"sha256 of .* is at https://"):
        reference_prediction.read_photograph(setting.expected, file)
    with pytest.raises(MissingError, match="is not there"):
        reference_prediction.read_photograph(setting.expected, tmp_path / "none.jpg")


def run(*arguments):
    parser = argparse.ArgumentParser()
    command.add_arguments(parser)
    return command.execute(parser.parse_args([str(a) for a in arguments]))


def test_verify_asks_where_file_and_photograph_are_at_hand(
    setting, tmp_path, monkeypatch, capsys
):
    monkeypatch.setenv("KERASTRANSFER_HOME", str(tmp_path))
    digest = hashlib.sha256(setting.model).hexdigest()
    row = dataclasses.replace(
        table.get("caffenet"),
        size=len(setting.model),
        checksums=(Checksum("sha256", digest),),
        prediction=setting.expected,
    )
    monkeypatch.setitem(table.WEIGHTS, "caffenet", row)
    folder = tmp_path / "weights"
    folder.mkdir()
    (folder / row.file).write_bytes(setting.model)
    assert run("verify", "caffenet") == 0
    printed = capsys.readouterr()
    assert "were not asked for: get https://" in printed.err
    assert printed.out.count("\n") == 1
    (folder / "cat.jpg").write_bytes(setting.image)
    assert run("verify", "caffenet") == 0
    assert capsys.readouterr().out.count("published 0.") == 5
    wrong = dataclasses.replace(setting.expected, tolerance=0.0, image_sha256="")
    row = dataclasses.replace(row, prediction=wrong)
    monkeypatch.setitem(table.WEIGHTS, "caffenet", row)
    other = tmp_path / "other.png"
    noise = np.random.default_rng(1).integers(0, 256, (300, 300, 3), np.uint8)
    other.write_bytes(cv2.imencode(".png", noise)[1].tobytes())
    with pytest.raises(WeightsError, match="Expected the published answer"):
        run("verify", "caffenet", "--image", other)


def test_weights_without_reference_prediction_take_no_image(tmp_path):
    with pytest.raises(InputError, match="No answers of 'efficientnet_lite0'"):
        run("verify", "efficientnet_lite0", "--image", tmp_path / "x.jpg")
