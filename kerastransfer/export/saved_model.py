"""A SavedModel that takes image files and runs wherever TensorFlow does."""

from collections.abc import Callable, Sequence
from pathlib import Path

import tensorflow as tf

from kerastransfer import pipeline, views
from kerastransfer.backbones import image_ops
from kerastransfer.backbones.network import Network
from kerastransfer.backbones.preprocessing import Preprocessing
from kerastransfer.export import record_ops, seals
from kerastransfer.export.confidence import FILE as CONFIDENCE_FILE
from kerastransfer.export.confidence import Confidence
from kerastransfer.foundation import atomic, locks, system
from kerastransfer.foundation.formats import seal
from kerastransfer.recipe import NUM_BLOCKS
from kerastransfer.records.images import rules
from kerastransfer.records.images.rules import ImageRules

LABELS_FILE = "labels.txt"
CARD_FILE = "README.md"
_FEATURE_BLOCK = NUM_BLOCKS - 1
_CENTRE = views.CENTRE


class _Classifier(tf.Module):
    """The saved graph: preprocessing, network and class names."""

    def __init__(
        self,
        network: Network,
        preprocessing: Preprocessing,
        classes: Sequence[str],
        labels: Path,
        image_rules: ImageRules,
        rules_file: Path,
        confidence: Confidence,
        confidence_file: Path,
    ) -> None:
        super().__init__()
        self._preprocessing = preprocessing
        self._rules = image_rules
        self._network = network
        # Tracked, so that the weights are saved. Not Keras' own variables: for each it
        # saves a second one without a value, over which converters stumble.
        self._weights = [
            variable.value for block in network.blocks for variable in block.variables
        ]
        self._classes = tf.constant(list(classes))
        size = preprocessing.crop
        self.crops = tf.TensorSpec((None, size, size, 3), tf.float32, name="image")
        self._temperature = confidence.temperature
        self.labels = tf.saved_model.Asset(str(labels))
        self.image_rules = tf.saved_model.Asset(str(rules_file))
        self.calibration = tf.saved_model.Asset(str(confidence_file))
        # Traced and saved once, however many signatures there are.
        answers = tf.function(self._answers, [self.crops], autograph=False)
        self._classify = answers.get_concrete_function()

    def classify_images(self, images: tf.Tensor) -> dict[str, tf.Tensor]:
        """Classify centre crops, RGB in 0 to 255."""
        return self._classify(image_ops.centre_crops(images, self._preprocessing))

    def _answers(self, images: tf.Tensor) -> dict[str, tf.Tensor]:
        inputs = image_ops.normalise(images, self._preprocessing)
        features = self._network.forward(inputs, last=_FEATURE_BLOCK)
        logits = self._network.forward(features, first=NUM_BLOCKS)
        return {
            "label": tf.gather(self._classes, tf.argmax(logits, axis=-1)),
            "probabilities": tf.nn.softmax(logits / self._temperature),
            "features": features,
        }

    def classify_files(self, encoded: tf.Tensor) -> dict[str, tf.Tensor]:
        """Classify the bytes of image files, and say which could be read."""
        return self._classify_each(encoded, self._centre)

    def classify_records(self, encoded: tf.Tensor) -> dict[str, tf.Tensor]:
        """Classify images' bytes as records hold them."""
        return self._classify_each(encoded, self._centre_of_record)

    def _centre(self, encoded: tf.Tensor) -> tf.Tensor:
        pixels = record_ops.record_pixels(encoded, self._rules)
        return image_ops.take_view(pixels, self._preprocessing, _CENTRE)

    def _centre_of_record(self, encoded: tf.Tensor) -> tf.Tensor:
        return pipeline.view_of_file(encoded, self._preprocessing, _CENTRE)

    def _classify_each(
        self, encoded: tf.Tensor, centre: Callable[[tf.Tensor], tf.Tensor]
    ) -> dict[str, tf.Tensor]:
        """Classify those that can be decoded; mark the others."""
        count = tf.size(encoded)
        numbers, images = _decode_each(encoded, centre, self._preprocessing.crop)
        # A network takes no empty batch.
        lacking = tf.cast(tf.size(numbers) == 0, tf.int32)
        images = tf.pad(images, [(0, lacking), (0, 0), (0, 0), (0, 0)])
        answers = self._classify(images)
        readable = tf.scatter_nd(numbers[:, tf.newaxis], tf.ones_like(numbers), [count])
        answers = {
            name: _in_place(values[: tf.size(numbers)], numbers, count)
            for name, values in answers.items()
        }
        return {**answers, "readable": readable > 0}


def _decode_each(
    encoded: tf.Tensor, centre: Callable[[tf.Tensor], tf.Tensor], size: int
) -> tuple[tf.Tensor, tf.Tensor]:
    """Return the numbers of the files that can be decoded, and their centre crops."""

    def numbered(number: tf.Tensor, data: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        return tf.cast(number, tf.int32), centre(data)

    images = (
        tf.data.Dataset.from_tensor_slices(encoded)
        .enumerate()
        .map(tf.autograph.experimental.do_not_convert(numbered), tf.data.AUTOTUNE)
        .ignore_errors()
    )
    # One that is always there, for a batch of none cannot be taken.
    nothing = (tf.constant(-1), tf.zeros((size, size, 3)))
    images = tf.data.Dataset.from_tensors(nothing).concatenate(images)
    images = images.batch(tf.size(encoded, tf.int64) + 1)
    batch = pipeline.as_written(images).get_single_element()
    numbers, crops = (part[1:] for part in batch)
    return numbers, tf.ensure_shape(crops, (None, size, size, 3))


def _in_place(values: tf.Tensor, numbers: tf.Tensor, count: tf.Tensor) -> tf.Tensor:
    """Put rows where their files stood; others are NaN, or empty text."""
    shape = tf.concat([[count], tf.shape(values)[1:]], axis=0)
    nothing = "" if values.dtype == tf.string else float("nan")
    return tf.tensor_scatter_nd_update(
        tf.fill(shape, nothing), numbers[:, tf.newaxis], values
    )


def save(
    network: Network,
    preprocessing: Preprocessing,
    classes: Sequence[str],
    folder: Path,
    image_rules: ImageRules | None = None,
    confidence: Confidence | None = None,
    card: str = "",
) -> None:
    """Write a SavedModel with three signatures.

    ``serving_default`` takes ``image``, a vector of image files' bytes (JPEG, PNG, GIF,
    BMP or WebP), and makes of each what records would hold; ``records`` takes the bytes
    that records do hold. ``images`` takes ``image``, float32 crops of the backbone's
    input size, RGB in 0 to 255; where there is a mean image they are taken for centre
    crops. All return ``label`` (the class's name), ``probabilities`` (n, classes) and
    ``features`` (n, d), block 7's output; those of files also ``readable`` (n,): of a
    file that cannot be decoded the label is empty and the numbers are NaN, and the
    others are answered. Class names in order are in ``assets/labels.txt``, how images
    were read in ``assets/images.json``, how sure answers are in
    ``assets/calibration.json``; the folder is sealed by ``SHA256SUMS``.

    Parameters
    ----------
    preprocessing : Preprocessing
        The backbone's.
    folder : Path
        Replaced as a whole once the new one is complete.
    image_rules : ImageRules, optional
        How the images were read that the network was trained on.
    confidence : Confidence, optional
        A temperature by which logits are divided; by default 1.
    card : str
        Text of its ``README.md``; none where it is empty.
    """
    folder.parent.mkdir(parents=True, exist_ok=True)
    lock = locks.held(locks.beside(folder), keep=False)
    full = system.telling_of_full_disk(folder, "and export again.")
    with full, lock, atomic.staging(folder) as scratch:
        labels = scratch / LABELS_FILE
        labels.write_text("".join(f"{name}\n" for name in classes), encoding="utf-8")
        rules_file = scratch / rules.FILE
        image_rules = image_rules or ImageRules()
        atomic.write_json(rules_file, image_rules.as_dict())
        confidence = confidence or Confidence()
        confidence_file = scratch / CONFIDENCE_FILE
        atomic.write_json(confidence_file, confidence.as_dict())
        module = _Classifier(
            network,
            preprocessing,
            classes,
            labels,
            image_rules,
            rules_file,
            confidence,
            confidence_file,
        )
        files = tf.TensorSpec((None,), tf.string, name="image")
        signatures = {
            name: tf.function(function, autograph=False).get_concrete_function(spec)
            for name, function, spec in (
                ("serving_default", module.classify_files, files),
                ("records", module.classify_records, files),
                ("images", module.classify_images, module.crops),
            )
        }
        complete = scratch / "saved_model"
        tf.saved_model.save(module, str(complete), signatures)
        if card:
            atomic.write_text(complete / CARD_FILE, card)
        seal.write(complete, seals.saved_model_files(complete))
        atomic.replace_folder(complete, folder)
