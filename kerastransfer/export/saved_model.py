"""A SavedModel that takes image files and runs wherever TensorFlow does."""

import tempfile
from collections.abc import Sequence
from pathlib import Path

import tensorflow as tf

from kerastransfer import pipeline, views
from kerastransfer.backbones import image_ops
from kerastransfer.backbones.network import Network
from kerastransfer.backbones.preprocessing import Preprocessing
from kerastransfer.foundation import atomic
from kerastransfer.recipe import NUM_BLOCKS
from kerastransfer.records.images import rules
from kerastransfer.records.images.rules import ImageRules

LABELS_FILE = "labels.txt"
_FEATURE_BLOCK = NUM_BLOCKS - 1


class _Classifier(tf.Module):
    """The saved graph: preprocessing, network and class names."""

    def __init__(
        self,
        network: Network,
        preprocessing: Preprocessing,
        classes: Sequence[str],
        labels: Path,
        image_rules: Path,
    ) -> None:
        super().__init__()
        self._preprocessing = preprocessing
        self._network = network
        # Tracked, so that the weights are saved; tuples inside dataclasses are not.
        self._blocks = list(network.blocks)
        self._classes = tf.constant(list(classes))
        self.labels = tf.saved_model.Asset(str(labels))
        self.image_rules = tf.saved_model.Asset(str(image_rules))

    def classify_images(self, images: tf.Tensor) -> dict[str, tf.Tensor]:
        """Classify centre crops, RGB in 0 to 255."""
        return self._classify(image_ops.centre_crops(images, self._preprocessing))

    def _classify(self, images: tf.Tensor) -> dict[str, tf.Tensor]:
        inputs = image_ops.normalise(images, self._preprocessing)
        features = self._network.forward(inputs, last=_FEATURE_BLOCK)
        logits = self._network.forward(features, first=NUM_BLOCKS)
        return {
            "label": tf.gather(self._classes, tf.argmax(logits, axis=-1)),
            "probabilities": tf.nn.softmax(logits),
            "features": features,
        }

    def classify_files(self, encoded: tf.Tensor) -> dict[str, tf.Tensor]:
        """Classify the bytes of image files."""
        size = self._preprocessing.crop
        images = tf.map_fn(
            self._centre,
            encoded,
            fn_output_signature=tf.TensorSpec((size, size, 3), tf.float32),
        )
        return self._classify(images)

    def _centre(self, encoded: tf.Tensor) -> tf.Tensor:
        view = tf.constant(views.CENTRE)
        return pipeline.view_of_file(encoded, self._preprocessing, view)


def save(
    network: Network,
    preprocessing: Preprocessing,
    classes: Sequence[str],
    folder: Path,
    image_rules: ImageRules | None = None,
) -> None:
    """Write a SavedModel with two signatures.

    ``serving_default`` takes ``image``, a vector of image files' bytes (JPEG, PNG, GIF
    or BMP; TensorFlow's decoders ignore EXIF rotation, drop transparency, and take
    65,535 for white in a PNG of 16 bits: `Predictor` reads files as the records did,
    by ``assets/images.json``). ``images`` takes ``image``,
    float32 crops of the backbone's input size, RGB in 0 to 255; where there is a mean
    image they are taken for centre crops. Both return ``label``
    (the class's name), ``probabilities`` (n, classes) and ``features`` (n, d), block
    7's output. Class names in order are in ``assets/labels.txt``.

    Parameters
    ----------
    preprocessing : Preprocessing
        The backbone's.
    folder : Path
        Replaced as a whole once the new one is complete.
    image_rules : ImageRules, optional
        How the images were read that the network was trained on.
    """
    folder.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(
        dir=folder.parent, prefix=f".{folder.name}."
    ) as scratch:
        labels = Path(scratch, LABELS_FILE)
        labels.write_text("".join(f"{name}\n" for name in classes), encoding="utf-8")
        rules_file = Path(scratch, rules.FILE)
        atomic.write_json(rules_file, (image_rules or ImageRules()).as_dict())
        module = _Classifier(network, preprocessing, classes, labels, rules_file)
        size = preprocessing.crop
        signatures = {
            "serving_default": tf.function(module.classify_files).get_concrete_function(
                tf.TensorSpec((None,), tf.string, name="image")
            ),
            "images": tf.function(module.classify_images).get_concrete_function(
                tf.TensorSpec((None, size, size, 3), tf.float32, name="image")
            ),
        }
        complete = Path(scratch, "saved_model")
        tf.saved_model.save(module, str(complete), signatures)
        atomic.replace_folder(complete, folder)
