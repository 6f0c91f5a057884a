"""The published answers of CaffeNet, held against OpenCV's on a network of noise."""

import argparse
import dataclasses
import hashlib

import cv2
import numpy as np
import pytest
import sklearn.datasets
from helpers import caffe_encoder

from kerastransfer.cli.commands import weights as command
from kerastransfer.errors import InputError, MissingError, WeightsError
from kerastransfer.foundation.checksums import Checksum
from kerastransfer.weights import port_file, published_answers, table


@dataclasses.dataclass(frozen=True)
class Setting:
    mapping: dict
    model: bytes
    image: bytes
    expected: table.PublishedAnswer


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
    answers = opencv_answers(model, rgb[..., ::-1], table.CAFFENET_CAT.mean)
    best = np.argsort(-answers)[:5]
    assert answers[best[0]] - answers[best[1]] > 1e-4
    expected = dataclasses.replace(
        table.CAFFENET_CAT,
        image_sha256=hashlib.sha256(image).hexdigest()[:8],
        top5=tuple((int(n), f"class {n}", float(answers[n])) for n in best),
        tolerance=1e-3 * float(answers[best[0]]),
    )
    return Setting(mapping, model, image, expected)


def test_the_answers_are_opencvs(setting):
    found = published_answers.ask(setting.mapping, setting.expected, setting.image)
    assert list(found.numbers) == [number for number, _, _ in setting.expected.top5]
    lines = published_answers.compare(setting.expected, found)
    number, name, published = setting.expected.top5[0]
    assert lines[0] == f"class {number}: {published:.4f}, published {published:.4f}"
    assert len(lines) == 5 and name


def test_channels_the_wrong_way_round_are_seen(setting):
    kernel = setting.mapping["conv1/kernel"][:, :, ::-1]
    wrong = {**setting.mapping, "conv1/kernel": kernel}
    found = published_answers.ask(wrong, setting.expected, setting.image)
    with pytest.raises(WeightsError, match="the weights or their port are wrong"):
        published_answers.compare(setting.expected, found)


def test_a_probability_beyond_the_tolerance_is_refused():
    found = published_answers.Answers(
        (281, 282, 285, 277, 287), (0.29, 0.24, 0.12, 0.10, 0.07)
    )
    with pytest.raises(WeightsError, match=r"'tabby' with 0\.3124 .* got class 281"):
        published_answers.compare(table.CAFFENET_CAT, found)
    near = dataclasses.replace(found, probabilities=(0.31, 0.24, 0.12, 0.10, 0.07))
    assert len(published_answers.compare(table.CAFFENET_CAT, near)) == 5
    other = dataclasses.replace(near, numbers=(5, 282, 285, 277, 287))
    with pytest.raises(WeightsError, match="got class 5"):
        published_answers.compare(table.CAFFENET_CAT, other)


def test_another_photograph_is_refused(setting, tmp_path):
    file = tmp_path / "other.jpg"
    file.write_bytes(b"other")
    with pytest.raises(InputError, match=r"sha256 of .* is at https://"):
        published_answers.photograph(setting.expected, file)
    with pytest.raises(MissingError, match="is not there"):
        published_answers.photograph(setting.expected, tmp_path / "none.jpg")


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
    )
    monkeypatch.setitem(table.WEIGHTS, "caffenet", row)
    monkeypatch.setattr(table, "_ROWS", (row,))
    monkeypatch.setattr(table, "PREDICTIONS", (setting.expected,))
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
    monkeypatch.setattr(table, "PREDICTIONS", (wrong,))
    other = tmp_path / "other.png"
    noise = np.random.default_rng(1).integers(0, 256, (300, 300, 3), np.uint8)
    other.write_bytes(cv2.imencode(".png", noise)[1].tobytes())
    with pytest.raises(WeightsError, match="Expected the published answer"):
        run("verify", "caffenet", "--image", other)


def test_weights_without_published_answers_take_no_image(tmp_path):
    with pytest.raises(InputError, match="No answers of 'efficientnet_lite0'"):
        run("verify", "efficientnet_lite0", "--image", tmp_path / "x.jpg")
