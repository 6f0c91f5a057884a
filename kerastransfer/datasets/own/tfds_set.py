"""Any dataset of TensorFlow Datasets that has an image and a label.

Its splits ``test`` and ``validation`` are official; what it calls otherwise is left
out. It must be prepared (``tfds build NAME``, or ``--download``).
"""

import contextlib
import dataclasses
import hashlib
import re
import sys
from collections import Counter
from collections.abc import Collection, Iterator
from pathlib import Path
from typing import Any

from kerastransfer.archives.spans import Held
from kerastransfer.datasets.dataset import Dataset, DatasetInfo, ImageSource
from kerastransfer.datasets.image_file import ImageFile, whole
from kerastransfer.datasets.listing import Item, Listing, make_listing
from kerastransfer.datasets.own.folder import SPLITS
from kerastransfer.datasets.read_options import ReadOptions
from kerastransfer.errors import DataError, InputError, MissingError

INFO = DatasetInfo(
    description="A dataset of TensorFlow Datasets with an image and a label.",
    auto_convert=True,
)
_NAME = re.compile(r"[A-Za-z_][\w/:.\-]*")


@dataclasses.dataclass(frozen=True, slots=True)
class TfdsSet(ImageSource):
    """Reads a prepared dataset of TensorFlow Datasets.

    Parameters
    ----------
    name : str
        As ``tfds.builder`` takes it, such as ``mnist`` or ``cifar10:3.0.2``.
    folder : Path or None
        TFDS's data folder; None for its own choice.
    """

    name: str
    folder: Path | None

    def listing(self, watch: ReadOptions | None = None) -> Listing:
        """List ``<split>/<index>``, in TFDS's order; reads labels only.

        Raises
        ------
        MissingError
            If the dataset is not prepared.
        DataError
            If there is no such dataset, or it has no image or no label.
        """
        builder = self._builder()
        _, label, names = _keys(builder, self.name)
        items, ignored = [], Counter[str]()
        for split in sorted(builder.info.splits):
            kind = SPLITS.get(split)
            size = builder.info.splits[split].num_examples
            if kind is None:
                ignored[f"images of the split {split}"] += size
                continue
            for index, number in enumerate(_labels(builder, split, label)):
                if number >= 0:
                    items.append(Item(_path(split, index), number, kind))
                else:
                    ignored["images without a label"] += 1
        return make_listing(
            names,
            items,
            _fingerprint(builder),
            where=f"tfds:{self.name}",
            ignored=ignored,
        )

    def image_files(self, paths: Collection[str]) -> Iterator[ImageFile]:
        """Yield encoded images, as they are stored."""
        wanted = frozenset(paths)
        builder = self._builder()
        image, _, _ = _keys(builder, self.name)
        for split in sorted({path.partition("/")[0] for path in wanted}):
            for index, data in enumerate(_encoded(builder, split, image)):
                path = _path(split, index)
                if path in wanted:
                    yield whole(path, Held(data))

    def prepare(self) -> None:
        """Download and prepare the dataset, as TFDS does it.

        Raises
        ------
        MissingError
            If TFDS cannot get it; the message says what TFDS said.
        """
        import tensorflow_datasets as tfds
        from tensorflow_datasets.core.download import download_manager

        builder = self._builder(prepared=False)
        failures = (
            *(tfds.download.DownloadError, download_manager.NonMatchingChecksumError),
            OSError,
            AssertionError,  # files that a user must get by hand
            ImportError,  # a package that this dataset alone needs
        )
        try:
            # It tells of its work on standard output, which is for results.
            with contextlib.redirect_stdout(sys.stderr):
                builder.download_and_prepare()
        except failures as error:
            reason = " ".join(str(error).split()).rstrip(".") or type(error).__name__
            raise MissingError(
                f"TFDS could not prepare {self.name!r}: {reason}."
            ) from None

    def _builder(self, *, prepared: bool = True) -> Any:
        import tensorflow_datasets as tfds

        try:
            builder = tfds.builder(self.name, data_dir=self.folder)
        except tfds.core.DatasetNotFoundError as error:
            reason = str(error).split("\n", 1)[0]
            raise DataError(f"TFDS knows no dataset {self.name!r}: {reason}.") from None
        except (ValueError, AssertionError) as error:
            reason = str(error).split("\n", 1)[0]
            raise DataError(f"TFDS refuses {self.name!r}: {reason}") from None
        if prepared and not builder.info.splits:
            name = f"tfds:{self.name}"
            raise MissingError(
                f"Dataset {name} is not prepared in {str(builder.data_dir)!r}; run "
                f"'kerastransfer convert --dataset {name} --download', or name TFDS's "
                "folder with --archives DIR."
            )
        return builder


def dataset(text: str, folder: Path | None = None) -> Dataset:
    """Return the dataset that TFDS calls `text`.

    Raises
    ------
    InputError
        If `text` is no name.
    """
    if not _NAME.fullmatch(text):
        raise InputError(
            f"Expected a name after 'tfds:', such as tfds:mnist, got {text!r}."
        )
    title = re.sub(r"[^a-z0-9]+", "_", text.lower()).strip("_")
    return Dataset(
        name=f"tfds_{title}",
        spec=f"tfds:{text}",
        info=INFO,
        source=TfdsSet(text, folder and folder.expanduser().absolute()),
    )


def _path(split: str, index: int) -> str:
    return f"{split}/{index:07d}"


def _keys(builder: Any, name: str) -> tuple[str, str, tuple[str, ...]]:
    """Return the names of the image and the label, and the classes' names."""
    import tensorflow_datasets as tfds

    declared = builder.info.features
    features = (
        dict(declared) if isinstance(declared, tfds.features.FeaturesDict) else {}
    )
    image, label = builder.info.supervised_keys or ("image", "label")
    fits = isinstance(features.get(image), tfds.features.Image) and isinstance(
        features.get(label), tfds.features.ClassLabel
    )
    if not fits:
        raise DataError(
            f"Expected tfds:{name} to hold an image and a class label, got {declared}."
        )
    return image, label, tuple(features[label].names)


def _read(builder: Any, split: str, **options: Any) -> Iterator[Any]:
    """Yield examples in the order in which they are stored."""
    import tensorflow_datasets as tfds

    config = tfds.ReadConfig(interleave_cycle_length=1, try_autocache=False)
    examples = builder.as_dataset(
        split=split, shuffle_files=False, read_config=config, **options
    )
    return iter(examples.as_numpy_iterator())


def _labels(builder: Any, split: str, key: str) -> Iterator[int]:
    import tensorflow_datasets as tfds

    partial = tfds.decode.PartialDecoding({key: builder.info.features[key]})
    return (int(each[key]) for each in _read(builder, split, decoders=partial))


def _encoded(builder: Any, split: str, key: str) -> Iterator[bytes]:
    import tensorflow_datasets as tfds

    skip = {key: tfds.decode.SkipDecoding()}
    return (bytes(each[key]) for each in _read(builder, split, decoders=skip))


def _fingerprint(builder: Any) -> str:
    info = builder.info
    sizes = [
        (name, list(split.shard_lengths), split.num_bytes)
        for name, split in sorted(info.splits.items())
    ]
    return hashlib.sha256(f"{info.full_name} {sizes}".encode()).hexdigest()
