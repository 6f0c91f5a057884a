"""An exported model in plain TensorFlow: what it answers, and what it marks."""

import io
import shutil

import numpy as np
import pytest
import tensorflow as tf
from helpers import miniature
from helpers.disks import small_disk
from PIL import Image

from kerastransfer import views
from kerastransfer.backbones import image_ops
from kerastransfer.errors import DataError
from kerastransfer.export import saved_model
from kerastransfer.foundation.formats import seal
from kerastransfer.records.write.stored_image import encode

PREPROCESSING = miniature.BACKBONE.preprocessing


@pytest.fixture(scope="module")
def network():
    network = miniature.build(3, 1)
    weights = miniature.source_weights()
    for number in range(1, 8):
        names = network.snapshot(number)
        network.assign(number, {name: weights[name] for name in names})
    return network


@pytest.fixture(scope="module")
def folder(network, tmp_path_factory):
    folder = tmp_path_factory.mktemp("exported") / "saved_model"
    saved_model.save(network, PREPROCESSING, miniature.CLASSES, folder)
    return folder


@pytest.fixture(scope="module")
def signatures(folder):
    model = tf.saved_model.load(str(folder))
    yield model.signatures
    del model


def picture(seed, size=(30, 26), kind="JPEG", **options):
    rng = np.random.default_rng(seed)
    small = rng.integers(0, 256, (6, 6, 3), np.uint8)
    image = Image.fromarray(small).resize(size, Image.Resampling.BICUBIC)
    out = io.BytesIO()
    image.save(out, kind, **options)
    return out.getvalue()


def expected(network, files):
    """Each file's answer: put into records, decoded by Pillow, through the network."""
    crops = []
    for data in files:
        with Image.open(io.BytesIO(encode(data).data)) as image:
            pixels = np.asarray(image.convert("RGB"))
        crops.append(image_ops.take_view(pixels, PREPROCESSING, views.CENTRE))
    inputs = image_ops.normalise(tf.stack(crops), PREPROCESSING)
    return tf.nn.softmax(network.forward(inputs)).numpy()


# Orientation 6: a quarter turn to the right sets it upright.
TURNED = b"Exif\0\0MM\0*\0\0\0\x08" + b"\0\x01\x01\x12\0\3\0\0\0\1\0\6\0\0"
FILES = [
    picture(0),
    picture(1, (300, 500)),
    picture(2, (90, 70), "PNG"),
    picture(3, (400, 20), "PNG"),
    picture(4, (700, 600), exif=TURNED),
]


def test_a_file_is_answered_as_its_record_is(signatures, network):
    answer = signatures["serving_default"](image=tf.constant(FILES))
    probabilities = answer["probabilities"].numpy()
    np.testing.assert_allclose(probabilities, expected(network, FILES), atol=1e-3)
    likeliest = [miniature.CLASSES[i] for i in probabilities.argmax(axis=-1)]
    assert [label.decode() for label in answer["label"].numpy()] == likeliest
    assert answer["readable"].numpy().all()


def test_records_are_answered_to_the_last_digits(signatures, network):
    stored = [encode(data).data for data in FILES]
    answer = signatures["records"](image=tf.constant(stored))
    np.testing.assert_allclose(
        answer["probabilities"], expected(network, FILES), atol=1e-6
    )


@pytest.mark.parametrize("signature", ["serving_default", "records"])
@pytest.mark.parametrize(
    "batch",
    [
        [FILES[0], b"no image", FILES[2]],
        [FILES[1][:-400], FILES[0]],
        [b""],
        [b"", b"\xff\xd8\xff", b"\x89PNG\r\n\x1a\n"],
        [],
    ],
)
def test_what_cannot_be_read_is_marked_and_the_rest_answered(
    signatures, network, signature, batch
):
    answer = signatures[signature](image=tf.constant(batch, tf.string, (len(batch),)))
    readable = [data in FILES for data in batch]
    assert answer["readable"].numpy().tolist() == readable
    kept = [data for data in batch if data in FILES]
    labels = answer["label"].numpy()
    probabilities = answer["probabilities"].numpy()
    assert answer["features"].shape == (len(batch), 12)
    for here, label, row in zip(readable, labels, probabilities, strict=True):
        assert np.isnan(row).all() != here and (label != b"") == here
    if kept and signature == "serving_default":
        rows = probabilities[np.array(readable)]
        np.testing.assert_allclose(rows, expected(network, kept), atol=1e-3)


def test_litert_takes_its_weights_along(folder, signatures):
    """Of Keras' own variables the converter kept none, and the answers were NaN."""
    converter = tf.lite.TFLiteConverter.from_saved_model(
        str(folder), signature_keys=["images"]
    )
    interpreter = tf.lite.Interpreter(model_content=converter.convert())
    crops = np.random.default_rng(0).uniform(0, 255, (1, 16, 16, 3)).astype("f4")
    theirs = interpreter.get_signature_runner("images")(image=crops)
    ours = signatures["images"](image=tf.constant(crops))
    for name in ("probabilities", "features"):
        np.testing.assert_allclose(theirs[name], ours[name], atol=1e-5)


def test_it_needs_no_operation_outside_tensorflow(folder):
    """And asks for no compiler: an earlier one could then not serve it."""
    proto = (folder / "saved_model.pb").read_bytes()
    assert b"_XlaMustCompile" not in proto and b"PyFunc" not in proto


def test_a_full_disk_is_a_line_and_leaves_the_older_export(network, folder, tmp_path):
    size = sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())
    (tmp_path / "disk").mkdir()
    with small_disk(tmp_path / "disk", size * 3 // 2):
        older = shutil.copytree(folder, tmp_path / "disk" / "model")
        message = "No space is left where .*model' is; free some, and export again"
        with pytest.raises(DataError, match=message):
            saved_model.save(network, PREPROCESSING, miniature.CLASSES, older)
        assert seal.differences(older) == []
        assert [path.name for path in (tmp_path / "disk").iterdir()] == ["model"]
