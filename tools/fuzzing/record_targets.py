"""Records: their files, and what they say of themselves."""

from pathlib import Path

from fuzzing import structures
from fuzzing.target import Target


def _convert(folder: Path, file_format: str) -> Path:
    from kerastransfer.datasets.table import resolve
    from kerastransfer.records.write.convert import convert

    # Of a folder the name would hold a hash of where it is.
    dataset = resolve("digits")
    return convert(dataset, folder, max_per_class=2, file_format=file_format)


def _tfrecords(folder: Path) -> list[Path]:
    path = _convert(folder, "tfrecord")
    return [*path.glob("*-val.tfrecord-*"), *path.glob("*-test.tfrecord-*")]


def _array_records(folder: Path) -> list[Path]:
    path = _convert(folder, "array_record")
    return [*path.glob("*-val.array_record-*"), *path.glob("*-test.array_record-*")]


def _metadata(folder: Path) -> list[Path]:
    path = _convert(folder, "tfrecord")
    return [path / "metadata.json", path / "dataset_info.json"]


def _read_records(path: Path) -> object:
    from kerastransfer.records.reader import open_records

    records = open_records(path.parent)
    return {
        split: [records.serialized(split, n) for n in range(records.size(split))]
        for split in ("train", "val", "test")
    }


def _read_metadata(path: Path) -> object:
    from kerastransfer.records.images.rules import ImageRules
    from kerastransfer.records.prepare import Prepared
    from kerastransfer.records.reader import open_records
    from kerastransfer.records.sizes import Sizes

    records = open_records(path.parent)
    prepared = Prepared(records=records, health=None)
    texts = [str(records), str(prepared).replace("\n", " "), prepared.as_dict()]
    labels = [records.labels(split) for split in ("train", "val", "test")]
    draws = [records.variant(None, draw) for draw in range(5)]
    rules = ImageRules.of_metadata(records.metadata).as_dict()
    return [texts, labels, draws, rules, Sizes.of_records(records)]


_OPEN = ("kerastransfer.records.reader", "kerastransfer.records.prepare")
TARGETS = (
    Target(
        name="tfrecord",
        prepare=_tfrecords,
        read=_read_records,
        mutators=(structures.TFRECORD,),
        checked=True,
        modules=_OPEN,
    ),
    Target(
        name="array_record",
        prepare=_array_records,
        read=_read_records,
        checked=True,
        modules=_OPEN,
    ),
    Target(
        name="metadata",
        prepare=_metadata,
        read=_read_metadata,
        mutators=(structures.JSON,),
        modules=_OPEN,
    ),
)
