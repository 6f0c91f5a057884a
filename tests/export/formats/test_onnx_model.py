"""ONNX files of networks with what ONNX has not, in onnxruntime."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from kerastransfer.errors import InputError
from kerastransfer.export.formats import onnx_model

pytest.importorskip("tf2onnx", reason="the export extra is not installed")
onnxruntime = pytest.importorskip("onnxruntime")


def save(folder, between):
    """Write a small network, with a layer between, as a SavedModel; return both."""
    image = keras.Input((8, 8, 3), name="image")
    inner = between(keras.layers.Conv2D(4, 3)(image))
    inner = keras.layers.LayerNormalization()(keras.layers.Dense(8)(inner))
    features = keras.layers.GlobalAveragePooling2D()(between(inner))
    probabilities = keras.layers.Dense(3, activation="softmax")(features)
    model = keras.Model(image, [probabilities, features])

    def answer(image):
        return dict(zip(("probabilities", "features"), model(image), strict=True))

    module, spec = tf.Module(), tf.TensorSpec((None, 8, 8, 3), name="image")
    module.model = model
    signature = tf.function(answer, input_signature=[spec])
    tf.saved_model.save(module, folder, signatures={"images": signature})
    return model


def test_the_exact_gelu_of_transformers_answers_alike(tmp_path):
    model = save(tmp_path / "saved", keras.layers.Activation("gelu"))
    onnx_model.convert(tmp_path / "saved", tmp_path / "a.onnx", files={"labels": "x"})
    images = np.random.default_rng(0).normal(size=(5, 8, 8, 3)).astype(np.float32)
    session = onnxruntime.InferenceSession(tmp_path / "a.onnx")
    names = ["probabilities", "features"]
    answers = session.run(names, {"image": images})
    for ours, theirs in zip(answers, model(images), strict=True):
        assert ours == pytest.approx(theirs.numpy(), abs=1e-6)
    assert session.get_modelmeta().custom_metadata_map == {"labels": "x"}


def test_what_onnx_has_not_is_refused_in_one_line(tmp_path):
    save(tmp_path / "saved", keras.layers.Lambda(tf.math.bessel_i0e))
    with pytest.raises(InputError, match=r"no counterpart .* Leave onnx out") as caught:
        onnx_model.convert(tmp_path / "saved", tmp_path / "a.onnx", files={})
    assert "\n" not in str(caught.value)
    assert not (tmp_path / "a.onnx").exists()
