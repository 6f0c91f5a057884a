"""Examples of a prepared TFDS dataset in the order in which they are stored."""

import contextlib
import re
from collections.abc import Iterator
from typing import Any

import numpy as np

from kerastransfer.datasets.own.stored.tfds_features import Features, Path, at, nested
from kerastransfer.errors import DataError
from kerastransfer.foundation.quoting import quoted

# What TensorFlow puts around a reason: where in its own graph it arose.
_NOISE = re.compile(r"\{\{.*?\}\}\s*|\s*\[Op:.*?\](?:\s*name:)?\s*")


def labels(builder: Any, split: str, features: Features) -> Iterator[int | str]:
    """Yield a split's labels; nothing else is decoded.

    Raises
    ------
    DataError
        If the files are damaged, or do not hold as many examples as they should.
    """
    return _scalars(builder, split, features.label)


def groups(builder: Any, split: str, features: Features) -> list[str | None]:
    """Return each image's group, None for a text that is empty; see `labels`.

    Returns
    -------
    list of str or None
        Empty where the dataset has no groups.
    """
    if features.group is None:
        return []
    return [str(value) or None for value in _scalars(builder, split, features.group)]


def _scalars(builder: Any, split: str, path: Path) -> Iterator[int | str]:
    """Yield one feature of a split's examples: texts or whole numbers."""
    import tensorflow_datasets as tfds

    if _is_random_access(builder):
        read = _raw(builder, split, path)
    else:
        feature = at(path, builder.info.features)
        partial = tfds.decode.PartialDecoding(nested(path, feature))
        read = _read(builder, split, path, partial)
    return (_plain(value) for value in _counted(builder, split, read))


def images(builder: Any, split: str, features: Features) -> Iterator[bytes]:
    """Yield a split's images as they are stored, encoded; see `labels`."""
    import tensorflow_datasets as tfds

    if _is_random_access(builder):
        read = _raw(builder, split, features.image)
    else:
        feature = at(features.image, builder.info.features)
        partial = tfds.decode.PartialDecoding(
            nested(features.image, feature),
            decoders=nested(features.image, tfds.decode.SkipDecoding()),
        )
        read = _read(builder, split, features.image, partial)
    return (bytes(value) for value in _counted(builder, split, read))


def _is_random_access(builder: Any) -> bool:
    file_format = builder.info.file_format.value
    if file_format not in ("tfrecord", "array_record"):
        raise DataError(
            f"Expected TFRecord or ArrayRecord files in {quoted(builder.data_dir)}, "
            f"got {file_format}; write them anew with 'tfds convert_format "
            "--out_file_format array_record'."
        )
    return bool(file_format == "array_record")


def _read(builder: Any, split: str, path: Path, decoders: Any) -> Iterator[Any]:
    import tensorflow_datasets as tfds

    config = tfds.ReadConfig(interleave_cycle_length=1, try_autocache=False)
    examples = builder.as_dataset(
        split=split, shuffle_files=False, read_config=config, decoders=decoders
    )
    for each in examples.as_numpy_iterator():
        yield at(path, each)


def _raw(builder: Any, split: str, path: Path) -> Iterator[Any]:
    """Yield one feature of ArrayRecord files, which ``as_dataset`` does not read."""
    import tensorflow as tf
    import tensorflow_datasets as tfds

    source = builder.as_data_source(
        split=split, deserialize_method=tfds.decode.DeserializeMethod.RAW_BYTES
    )
    key = "/".join(path)
    for index in range(len(source)):
        example = tf.train.Example.FromString(source[index])
        feature = example.features.feature[key]
        kind = feature.WhichOneof("kind")
        values: list[Any] = list(getattr(feature, kind).value) if kind else []
        if len(values) != 1:
            raise DataError(f"example {index:,} holds no {quoted(key)}")
        yield values[0]


def _plain(value: Any) -> int | str:
    if isinstance(value, bytes):
        return value.decode("utf-8", "replace")
    return int(np.asarray(value).item())


def _counted(builder: Any, split: str, read: Iterator[Any]) -> Iterator[Any]:
    """Yield examples, and refuse more or fewer than the dataset says it has."""
    expected, count = builder.info.splits[split].num_examples, 0
    with _explaining(builder, split):
        for count, value in enumerate(read, start=1):  # noqa: B007 (of the last one)
            yield value
    if count != expected:
        raise _damaged(
            builder, split, f"{expected:,} examples expected, {count:,} read"
        )


@contextlib.contextmanager
def _explaining(builder: Any, split: str) -> Iterator[None]:
    """Turn what reading damaged files raises into one line."""
    import tensorflow as tf

    failures = (tf.errors.OpError, OSError, RuntimeError, ValueError, IndexError)
    try:
        yield
    except failures as error:
        text = _NOISE.sub("", getattr(error, "message", "") or str(error))
        reason = (text.strip().splitlines() or [type(error).__name__])[0].rstrip(". ")
        raise _damaged(builder, split, reason) from None


def _damaged(builder: Any, split: str, reason: str) -> DataError:
    return DataError(
        f"Split {quoted(split)} in {quoted(builder.data_dir)} is damaged or not all "
        f"there: {reason}; prepare the dataset again."
    )
