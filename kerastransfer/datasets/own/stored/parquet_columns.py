"""Which columns of a Parquet file are the image and the label; names of its classes."""

import dataclasses
from collections.abc import Mapping, Sequence
from typing import Any

from kerastransfer.datasets.option import OptionValue
from kerastransfer.errors import DataError, InputError
from kerastransfer.foundation import json_file
from kerastransfer.foundation.quoting import quoted

_KEY = b"huggingface"  # of the schema's metadata; its value is JSON
_IMAGES, _LABELS = ("image", "img"), ("label", "labels")


@dataclasses.dataclass(frozen=True, slots=True)
class ParquetColumns:
    """The columns that count.

    Parameters
    ----------
    classes : tuple of str or None
        Names by label; None where labels name their classes themselves.
    about : mapping of str to str
        ``description``, ``citation``, ``license`` and ``homepage`` where they stand.
    note : str
        What was guessed; empty where nothing was.
    """

    image: str
    label: str
    group: str | None
    classes: tuple[str, ...] | None
    about: Mapping[str, str]
    note: str


def choose_columns(
    schema: Any, where: str, options: Mapping[str, OptionValue]
) -> ParquetColumns:
    """Find the columns of a schema.

    Parameters
    ----------
    schema : pyarrow.Schema
    where : str
        Names the file in messages.
    options : mapping of str to value
        ``path_column``, ``label_column`` and ``group_column``, as the user says.

    Raises
    ------
    InputError
        If the user names a column that is not there.
    DataError
        If there is none, or several may be meant.
    """
    info = _info(schema.metadata, where)
    features = info.get("features")
    features = features if isinstance(features, dict) else {}
    names = list(schema.names)
    asked = {
        role: _asked(role, options.get(f"{role}_column"), names, where)
        for role in ("path", "label", "group")
    }
    declared = [n for n in names if _type(features.get(n)) == "Image"]
    images = declared or [n for n in names if _may_be_image(schema.field(n).type)]
    image = asked["path"] or _one("path", images, _IMAGES, names, where)
    classed = [n for n in names if _type(features.get(n)) == "ClassLabel"]
    free = [n for n in names if n != image and _may_be_label(schema.field(n).type)]
    label = asked["label"] or _one("label", classed or free, _LABELS, names, where)
    if not _may_be_label(schema.field(label).type):
        raise DataError(
            f"Expected labels of text or whole numbers in column {quoted(label)} of "
            f"{where}, got {schema.field(label).type}."
        )
    return ParquetColumns(
        image=image,
        label=label,
        group=asked["group"] or ("group" if "group" in names else None),
        classes=_names(features.get(label)),
        about={key: text for key, text in info.items() if isinstance(text, str)},
        note=_note(image, label, asked),
    )


def _info(metadata: Mapping[bytes, bytes] | None, where: str) -> dict[str, Any]:
    """Return what Hugging Face's libraries wrote of the dataset, if they did."""
    try:
        info = json_file.parse_object((metadata or {}).get(_KEY, b"{}")).get("info", {})
    except json_file.JsonDamageError as error:  # or classes would lose their names
        raise DataError(
            f"Expected a JSON object under 'huggingface' in the metadata of {where}, "
            f"but {error}; get the file again."
        ) from None
    return info if isinstance(info, dict) else {}


def _type(feature: Any) -> str:
    return str(feature.get("_type", "")) if isinstance(feature, dict) else ""


def _names(feature: Any) -> tuple[str, ...] | None:
    if _type(feature) != "ClassLabel":
        return None
    names = feature.get("names")
    if isinstance(names, list) and names and all(isinstance(n, str) for n in names):
        return tuple(names)
    return None


def _asked(
    role: str, value: OptionValue, names: Sequence[str], where: str
) -> str | None:
    if value is None or value in names:
        return None if value is None else str(value)
    or_group_by = " or --group-by" if role == "group" else ""
    raise InputError(
        f"Expected --{role}-column{or_group_by} to name a column of {where}, which are "
        f"{_listed(names)}, got {quoted(value)}."
    )


def _one(
    role: str,
    possible: Sequence[str],
    usual: Sequence[str],
    names: Sequence[str],
    where: str,
) -> str:
    """Return the only column that may be meant, or the one that is called so."""
    named = [name for name in possible if name.lower() in usual]
    for several in (named, possible):
        if len(several) == 1:
            return several[0]
    what = "image" if role == "path" else "label"
    reason = f"several may be the {what}" if possible else f"none is the {what}"
    raise DataError(
        f"Expected a column of images and one of labels in {where}, got "
        f"{_listed(names)}, of which {reason}; say which with 'convert --{role}-column "
        "NAME'."
    )


def _may_be_image(kind: Any) -> bool:
    import pyarrow.types as types

    if types.is_struct(kind):
        return any(kind.field(i).name == "bytes" for i in range(kind.num_fields))
    return bool(types.is_binary(kind) or types.is_large_binary(kind))


def _may_be_label(kind: Any) -> bool:
    import pyarrow.types as types

    if types.is_dictionary(kind):
        kind = kind.value_type
    texts = types.is_string(kind) or types.is_large_string(kind)
    return bool(types.is_integer(kind) or texts)


def _note(image: str, label: str, asked: Mapping[str, str | None]) -> str:
    parts = []
    if asked["path"] is None and image not in _IMAGES:
        parts.append(f"images are taken from column {quoted(image)}")
    if asked["label"] is None and label not in _LABELS:
        parts.append(f"labels are taken from column {quoted(label)}")
    return "; ".join(parts)


def _listed(names: Sequence[str]) -> str:
    return ", ".join(map(repr, names)) or "none"
