"""Any dataset of TensorFlow Datasets that has an image and a label.

Its splits ``test`` and ``validation`` are official, also where they have other names of
the same meaning; the others are left out. It must be prepared (``tfds build NAME``, or
``--download``), as TFRecord or ArrayRecord files.
"""

import contextlib
import dataclasses
import hashlib
import re
import sys
from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

from kerastransfer.archives.spans import Held
from kerastransfer.datasets.dataset import Dataset, DatasetInfo, ImageSource
from kerastransfer.datasets.image_file import ImageFile, whole
from kerastransfer.datasets.listing import Listing, SplitName, make_listing
from kerastransfer.datasets.option import OptionValue
from kerastransfer.datasets.own import column_options, grouping, split_choice
from kerastransfer.datasets.own.stored import tfds_examples
from kerastransfer.datasets.own.stored.labels import Labelled, items_of
from kerastransfer.datasets.own.stored.tfds_features import (
    Features,
    FloatRange,
    choose_features,
    float_image,
)
from kerastransfer.datasets.read_options import ReadOptions
from kerastransfer.errors import DataError, InputError, MissingError
from kerastransfer.foundation import report
from kerastransfer.foundation.quoting import quoted

INFO = DatasetInfo(
    description="A dataset of TensorFlow Datasets with an image and a label.",
    auto_convert=True,
)
OPTIONS = (
    column_options.PATH,
    column_options.LABEL,
    column_options.GROUP,
    column_options.SPLITS,
    grouping.GROUP_BY,
)
_REFUSALS = (ValueError, AssertionError, KeyError, TypeError, AttributeError)
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
    options : mapping of str to value
        Those of `OPTIONS`; None where nothing is said.
    """

    name: str
    folder: Path | None
    options: Mapping[str, OptionValue] = dataclasses.field(default_factory=dict)

    def listing(self, watch: ReadOptions | None = None) -> Listing:
        """List ``<split>/<index>``, in TFDS's order; reads labels and groups only.

        Of float images the pixels are read too, for what is white in them.

        Raises
        ------
        MissingError
            If the dataset is not prepared.
        DataError
            If there is no such dataset, it has no image or no label, it is damaged, or
            nothing of an official split has a label.
        """
        builder = self._builder()
        features = self._features(builder)
        splits, ignored = self._splits(builder), Counter[str]()
        for word, split in builder.info.splits.items():
            if word not in splits and split.num_examples:
                ignored[f"images of the split {word}"] += split.num_examples
        labelled = [
            Labelled(
                word,
                splits[word],
                tfds_examples.labels(builder, word, features),
                tfds_examples.groups(builder, word, features),
            )
            for word in splits
        ]
        classes, items = items_of(labelled, features.classes, self._where, ignored)
        if features.is_float:
            ranges = self._range(builder, features)
            report.say(
                f"{self._where} holds float32 images of {ranges.least:g} to "
                f"{ranges.most:g}; {ranges.white} is taken for white."
            )
        return make_listing(
            classes,
            items,
            _fingerprint(builder),
            where=self._where,
            ignored=ignored,
        )

    def image_files(self, paths: Collection[str]) -> Iterator[ImageFile]:
        """Yield encoded images, as they are stored; float ones as 8 bits."""
        wanted = frozenset(paths)
        builder = self._builder()
        features = self._features(builder)
        ranges = self._range(builder, features) if features.is_float else None
        for word in sorted({path.partition("/")[0] for path in wanted}):
            images = tfds_examples.images(builder, word, features)
            for index, data in enumerate(images):
                path = _path(word, index)
                if path not in wanted:
                    continue
                if ranges is None:
                    yield whole(path, Held(data))
                else:
                    yield whole(path, ranges.pixels(float_image(data)))

    def described(self, info: DatasetInfo) -> DatasetInfo:
        """Add what TFDS says of the dataset."""
        about = self._builder().info
        pages = list(about.as_proto.location.urls)
        return dataclasses.replace(
            info,
            description=about.description or info.description,
            citation=about.citation or "",
            licence=about.redistribution_info.license or "",
            url=pages[0] if pages else "",
        )

    @property
    def _where(self) -> str:
        return f"tfds:{self.name}"

    def _features(self, builder: Any) -> Features:
        image, label, group = (
            None if value is None else str(value)
            for role in ("path", "label", "group")
            for value in (self.options.get(f"{role}_column"),)
        )
        return choose_features(
            builder, self.name, image=image, label=label, group=group
        )

    def _splits(self, builder: Any) -> dict[str, SplitName | None]:
        splits = self.options.get("splits")
        choice = split_choice.read_choice(None if splits is None else str(splits))
        return split_choice.understand(list(builder.info.splits), self._where, choice)

    def _range(self, builder: Any, features: Features) -> FloatRange:
        images: Iterable[Any] = (
            float_image(data)
            for word in self._splits(builder)
            for data in tfds_examples.images(builder, word, features)
        )
        return FloatRange(images, self._where)

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
                f"TFDS could not prepare {quoted(self.name)}: {reason}."
            ) from None

    def _builder(self, *, prepared: bool = True) -> Any:
        import tensorflow_datasets as tfds
        from google.protobuf.json_format import ParseError

        try:
            builder = tfds.builder(self.name, data_dir=self.folder)
        except tfds.core.DatasetNotFoundError as error:
            reason = str(error).split("\n", 1)[0]
            raise DataError(
                f"TFDS knows no dataset {quoted(self.name)}: {reason}."
            ) from None
        except (*_REFUSALS, ParseError) as error:
            # A cut dataset_info.json, or features.json, too: its parser's own words.
            reason = str(error).split("\n", 1)[0] or type(error).__name__
            raise DataError(
                f"TFDS refuses {quoted(self.name)}: {reason.rstrip('.')}; where a file "
                "of it is cut short, prepare it again."
            ) from None
        if prepared and not builder.info.splits:
            name = f"tfds:{self.name}"
            raise MissingError(
                f"Dataset {name} is not prepared in {quoted(builder.data_dir)}; run "
                f"'kerastransfer convert --dataset {name} --download', or name TFDS's "
                "folder with --archives DIR."
            )
        return builder


def dataset(
    text: str,
    folder: Path | None = None,
    options: Mapping[str, OptionValue] | None = None,
) -> Dataset:
    """Return the dataset that TFDS calls `text`.

    Parameters
    ----------
    options : mapping of str to value, optional
        See `OPTIONS`.

    Raises
    ------
    InputError
        If `text` is no name, or an option cannot be read.
    """
    if not _NAME.fullmatch(text):
        raise InputError(
            f"Expected a name after 'tfds:', such as tfds:mnist, got {quoted(text)}."
        )
    options = grouping.with_column(options or {}, f"tfds:{text}", has_paths=False)
    if options.get("splits") is not None:
        split_choice.read_choice(str(options["splits"]))
    title = re.sub(r"[^a-z0-9]+", "_", text.lower()).strip("_")
    return Dataset(
        name=f"tfds_{title}",
        spec=f"tfds:{text}",
        info=INFO,
        source=TfdsSet(text, folder and folder.expanduser().absolute(), options),
        options=options,
    )


def _path(split: str, index: int) -> str:
    return f"{split}/{index:07d}"


def _fingerprint(builder: Any) -> str:
    info = builder.info
    sizes = [
        (name, list(split.shard_lengths), split.num_bytes)
        for name, split in sorted(info.splits.items())
    ]
    return hashlib.sha256(f"{info.full_name} {sizes}".encode()).hexdigest()
