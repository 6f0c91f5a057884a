import io
import pickle
import warnings

import numpy as np
import pytest
from PIL import Image

from kerastransfer.datasets.table import resolve
from kerastransfer.errors import InputError, MissingError
from kerastransfer.foundation.report import KerasTransferWarning
from kerastransfer.records.find import find_or_convert
from kerastransfer.records.split.plan import SPLITS
from kerastransfer.records.write.convert import records_path


def noise(*shape, seed=0):
    return np.random.default_rng(seed).integers(0, 256, shape, np.uint8)


def stored_pixels(records):
    """Every image by its path, decoded as TensorFlow does."""
    import tensorflow as tf

    pixels = {}
    for split in SPLITS:
        for position in range(records.size(split)):
            text = records.serialized(split, position)
            feature = tf.train.Example.FromString(text).features.feature
            data = feature["image"].bytes_list.value[0]
            path = feature["id"].bytes_list.value[0].decode()
            label = feature["label"].int64_list.value[0]
            pixels[path] = (tf.io.decode_image(data).numpy(), label)
    return pixels


@pytest.mark.parametrize("shape", [(24, 90, 70, 3), (24, 9, 12, 3), (24, 80, 70)])
def test_pixels_and_labels_come_back_to_the_bit(shape, tmp_path):
    images = noise(*shape)
    labels = np.arange(24) % 2 * 7 + 3  # 3 and 10, which text would sort otherwise
    with pytest.warns(KerasTransferWarning, match="Converting arrays:"):
        records = find_or_convert(resolve((images, labels)), tmp_path, workers=1)
    assert records.classes == ("3", "10")
    stored = stored_pixels(records)
    assert len(stored) == 24
    for index, (image, label) in enumerate(zip(images, labels, strict=True)):
        pixels, number = stored[f"{index:07d}.png"]
        colour = image if image.ndim == 3 else np.repeat(image[..., None], 3, axis=2)
        np.testing.assert_array_equal(pixels, colour)
        assert records.classes[number] == str(label)


def test_the_same_arrays_are_converted_once_and_found_by_name(tmp_path):
    images, labels = noise(20, 6, 6, 3), ["ant", "bee"] * 10
    with pytest.warns(KerasTransferWarning, match="Converting arrays:"):
        first = find_or_convert(resolve((images, labels)), tmp_path, workers=1)
    made = (first.path / "metadata.json").stat().st_mtime_ns
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        again = resolve((images.copy(), np.array(labels)))
        assert find_or_convert(again, tmp_path).content_hash == first.content_hash
        named = resolve(again.spec)
        assert find_or_convert(named, tmp_path).content_hash == first.content_hash
    assert (first.path / "metadata.json").stat().st_mtime_ns == made
    assert named.name == again.name and records_path(named, tmp_path) == first.path
    changed = images.copy()
    changed[3, 2, 2, 0] ^= 1
    assert resolve((changed, labels)).name != again.name
    assert resolve((images, labels[::-1])).name != again.name


def test_images_that_are_not_kept_must_be_given_again(tmp_path):
    named = resolve("arrays:1a2b3c4d")
    told = "given in Python and must be given again"
    with pytest.raises(MissingError, match=f"No records of 'arrays_1a2b3c4d'.*{told}"):
        find_or_convert(named, tmp_path)
    with pytest.raises(MissingError, match=f"images of 'arrays:1a2b3c4d' .*{told}"):
        named.listing()
    with pytest.raises(InputError, match="eight hexadecimal digits after 'arrays:'"):
        resolve("arrays:x.npy")


def test_an_image_travels_alone_to_a_worker():
    images = noise(20, 6, 6, 3)
    source = resolve((images, [0, 1] * 10)).source
    [file] = source.image_files(["0000007.png"])
    text = pickle.dumps(file)
    assert len(text) < 1_000 and file.content.held_bytes == 6 * 6 * 3
    with Image.open(io.BytesIO(pickle.loads(text).content.read())) as image:
        np.testing.assert_array_equal(np.asarray(image), images[7])


@pytest.mark.parametrize(
    ("images", "labels", "message"),
    [
        (noise(4, 5, 5, 3) / 255, [0, 1, 0, 1], r"got float64 of shape \(4, 5, 5, 3\)"),
        (noise(4, 5, 5, 4), [0, 1, 0, 1], r"got uint8 of shape \(4, 5, 5, 4\)"),
        (noise(4, 25), [0, 1, 0, 1], r"got uint8 of shape \(4, 25\)"),
        (noise(0, 5, 5, 3), [], "got uint8 of shape"),
        (noise(4, 5, 5, 3), [0, 1, 0], r"each of 4 images, got labels of shape \(3,\)"),
        (noise(4, 5, 5, 3), np.eye(4), r"got labels of shape \(4, 4\)"),
        (noise(4, 5, 5, 3), [0.0, 1.0, 0.0, 1.0], "all texts, got float"),
        (noise(4, 5, 5, 3), [True, False] * 2, "all texts, got bool"),
        (noise(4, 5, 5, 3), np.array(["a", 1, "a", 1], object), "got int, str"),
    ],
)
def test_arrays_that_are_no_images_and_labels_are_refused(images, labels, message):
    with pytest.raises(InputError, match=message) as error:
        resolve((images, labels))
    assert "\n" not in str(error.value)


def test_what_else_is_given_is_refused(tmp_path):
    for data in (None, 7, noise(3, 3), (1, 2, 3), {}):
        with pytest.raises(InputError, match=r"or a pair \(images, labels\), got"):
            resolve(data)
    arrays = (noise(4, 5, 5, 3), [0, 1, 0, 1])
    with pytest.raises(InputError, match="--archives does not go with arrays: sets"):
        resolve(arrays, tmp_path)
    with pytest.raises(InputError, match="--partition does not go with 'arrays:"):
        resolve(arrays, None, {"partition": 1})
