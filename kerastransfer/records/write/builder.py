"""The one TFDS builder: writes a plan's images as a dataset that TFDS alone can read.

Train is in the order of (rank, class), so ``train[:k]``, with k the sum over classes of
min(n, size), is the variant with n images per class.
"""

import contextlib
import hashlib
import io
import itertools
from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import tensorflow as tf
import tensorflow_datasets as tfds
from tensorflow_datasets.core.writer import ExampleWriter

from kerastransfer.datasets.dataset import DatasetInfo
from kerastransfer.foundation.progress import OnProgress
from kerastransfer.records.manifest import VERSION
from kerastransfer.records.split.plan import SPLITS, Place, SplitPlan

# With shuffling disabled TFDS sorts keys in 1,000 buckets of this key space; keys
# 0, 1, 2, ... would all fall into one, which it loads whole.
_KEY_SPACE = 2**128

_NO_PAGE = "about:blank"

ImageReader = Callable[[str], bytes]


def write(
    plan: SplitPlan,
    images: ImageReader,
    *,
    info: DatasetInfo,
    metadata: Mapping[str, Any],
    folder: Path,
    shards: int | None = None,
    file_format: str = "tfrecord",
    progress: OnProgress | None = None,
) -> Path:
    """Write a plan's images as a TFDS dataset.

    Parameters
    ----------
    images : callable
        From a path to the encoded image.
    info : DatasetInfo
        Its description, citation, licence and home page are written.
    metadata : mapping
        Goes to ``metadata.json``, with ``bytes_hash``: a SHA-256 over all images.
    folder : Path
        Where ``<name>/<version>`` is made; it appears only once it is whole.
    shards : int, optional
        Files a split; None for TFDS's choice, by size.
    file_format : {'tfrecord', 'array_record'}
        The second one also serves ``tfds.data_source``, in any order.
    progress : callable, optional
        Told how many images are written, and of how many.

    Returns
    -------
    Path
        The folder made.
    """
    builder = RecordsBuilder(
        plan,
        _told(images, plan, progress),
        info=info,
        metadata=metadata,
        folder=folder,
        file_format=file_format,
    )
    config = tfds.download.DownloadConfig(try_download_gcs=False, num_shards=shards)
    # TFDS tells of its work on standard output, which is for results
    tfds.disable_progress_bar()
    try:
        with contextlib.redirect_stdout(io.StringIO()):
            builder.download_and_prepare(download_config=config)
    finally:
        tfds.enable_progress_bar()
    return Path(builder.data_dir)


def _told(
    images: ImageReader, plan: SplitPlan, progress: OnProgress | None
) -> ImageReader:
    """Return the images, each of which is told as it is asked for."""
    if progress is None:
        return images
    total = sum(len(plan.places(split)) for split in SPLITS)
    done = itertools.count(1)

    def read(path: str) -> bytes:
        progress(next(done), total)
        return images(path)

    return read


class RecordsBuilder(
    tfds.core.GeneratorBasedBuilder,
    skip_registration=True,  # type: ignore[call-arg]
):
    """Writes one plan; see `write`."""

    VERSION = tfds.core.Version(VERSION)

    def __init__(
        self,
        plan: SplitPlan,
        images: ImageReader,
        *,
        info: DatasetInfo,
        metadata: Mapping[str, Any],
        folder: Path,
        file_format: str = "tfrecord",
    ) -> None:
        self.name = plan.name
        self._plan, self._images = plan, images
        self._about, self._metadata = info, metadata
        self._digest = hashlib.sha256()
        places = [place for split in SPLITS for place in plan.places(split)]
        self._grouped = any(place.group is not None for place in places)
        self._pointed = any(place.point is not None for place in places)
        super().__init__(data_dir=folder, file_format=file_format)

    def _example_writer(self) -> ExampleWriter:
        return _OrderedWriter(super()._example_writer().file_format)

    def _info(self) -> Any:
        features = {
            "image": tfds.features.Image(),
            "label": tfds.features.ClassLabel(names=list(self._plan.classes)),
            "id": tfds.features.Text(),
        }
        if self._grouped:
            features["group"] = tfds.features.Text()
        if self._pointed:
            features["row"] = features["col"] = np.int64
        return tfds.core.DatasetInfo(
            builder=self,
            description=self._about.description,
            citation=self._about.citation or None,
            # TFDS names a page of its own catalogue where nothing is given.
            homepage=self._about.url or _NO_PAGE,
            license=self._about.licence or None,
            features=tfds.features.FeaturesDict(features),
            supervised_keys=("image", "label"),
            disable_shuffling=True,
            metadata=tfds.core.MetadataDict(self._metadata),
        )

    def _split_generators(self, dl_manager: Any) -> dict[str, Any]:
        return {split: self._generate_examples(split) for split in SPLITS}

    def _generate_examples(self, split: str) -> Iterator[tuple[int, dict[str, Any]]]:
        places = self._plan.places(split)
        step = _KEY_SPACE // len(places)
        for position, place in enumerate(places):
            image = self._images(place.path)
            self._digest.update(hashlib.sha256(image).digest())
            yield position * step, self._example(place, image)
        self.info.metadata["bytes_hash"] = self._digest.hexdigest()

    def _example(self, place: Place, image: bytes) -> dict[str, Any]:
        example = {"image": image, "label": place.label, "id": place.path}
        if self._grouped:
            example["group"] = place.group or ""
        if self._pointed:
            assert place.point is not None
            example["row"], example["col"] = place.point
        return example


class _OrderedWriter(ExampleWriter):
    """Writes an example as the same bytes whoever writes it: its features in order.

    The order of a map is drawn anew by every process.
    """

    def write(self, path: Any, examples: Iterable[tuple[Any, bytes]]) -> Any:
        return super().write(path, ((key, _ordered(data)) for key, data in examples))


def _ordered(serialized: bytes) -> bytes:
    example = tf.train.Example.FromString(serialized)
    return bytes(example.SerializeToString(deterministic=True))
