"""The datasets that kerastransfer knows, and how a user names or gives one."""

import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from kerastransfer.datasets.dataset import Dataset
from kerastransfer.datasets.known import (
    caltech256,
    coral,
    cub200,
    digits,
    fashion_mnist,
    mit_indoor,
    plankton,
    sun397,
    yosinski,
)
from kerastransfer.datasets.known.known_dataset import KnownDataset
from kerastransfer.datasets.naming import refuse_archives
from kerastransfer.datasets.option import Option, OptionValue, complete
from kerastransfer.datasets.own import arrays, frame, given
from kerastransfer.datasets.own.column_options import FRAME
from kerastransfer.datasets.own.kinds import KINDS as _OWN
from kerastransfer.datasets.own.kinds import spec_of
from kerastransfer.errors import InputError, MissingError, UnknownNameError
from kerastransfer.foundation import report, system
from kerastransfer.foundation.quoting import quoted

# A new dataset is a module in `known` and a line here. Its options are added to the
# metadata of all records, in this order; so it stands at the end.
DATASETS: dict[str, KnownDataset] = {
    known.name: known
    for known in (
        digits.DATASET,
        fashion_mnist.DATASET,
        sun397.DATASET,
        caltech256.DATASET,
        mit_indoor.DATASET,
        cub200.DATASET,
        coral.DATASET,
        plankton.DATASET,
        *yosinski.DATASETS,
    )
}
ALIASES = yosinski.ALIASES
# These lead in records that were made before datasets declared options of their own.
_FIRST = ("group", "patch_size")


def resolve(
    data: Any,
    archives: Path | None = None,
    options: Mapping[str, OptionValue] | None = None,
) -> Dataset:
    """Return the dataset that a user names or gives.

    Parameters
    ----------
    data : str, Path, pandas.DataFrame or pair of arrays
        A name in `DATASETS` or `ALIASES`; ``folder:DIR``, ``csv:FILE``, ``tfds:NAME``,
        ``parquet:FILE_OR_DIR``; a folder, a table or a .parquet file that is there; a
        data frame with the columns ``path`` and ``label`` (and ``split``, ``group``);
        or ``(images, labels)``, uint8 images of shape (n, height, width, 3) or
        (n, height, width).
    archives : Path, optional
        The folder that holds a known dataset's files, or TFDS's data folder; None for
        the usual place.
    options : mapping of str to value, optional
        How it is read, such as ``{"partition": 1}``; what is left out has its default.

    Returns
    -------
    Dataset
        Nothing of it has been read yet.

    Raises
    ------
    UnknownNameError
        If there is no such dataset.
    InputError
        If nothing follows the colon, `archives` or an option does not go with the
        dataset, or arrays are not as they should be.
    DataError
        If a data frame is not as it should be.

    Examples
    --------
    >>> resolve("coral", options={"group": "quadrat"}).options
    {'group': 'quadrat', 'patch_size': 224, 'merge_porites': False}
    """
    text = _spec_of_path(data)
    if text is None:
        dataset = _given_in_python(data, options)
        refuse_archives(dataset.spec.partition(":")[0], archives)
        return dataset
    name = ALIASES.get(text, text)
    if name in DATASETS:
        known = DATASETS[name]
        return known.open(archives, _complete(name, known.options, options))
    kind, colon, rest = text.partition(":")
    if not colon or kind not in (*_OWN, *given.KINDS):
        own = tuple(f"{name}:{each.metavar}" for name, each in _OWN.items())
        raise UnknownNameError("dataset", text, (*DATASETS, *ALIASES, *own))
    if kind in given.KINDS:
        _complete(text, (), options)
        return given.dataset(kind, rest)
    own_kind = _OWN[kind]
    return own_kind.open(rest, archives, _complete(text, own_kind.options, options))


def _spec_of_path(data: object) -> str | None:
    """Spell text or a path as a spec; return None for data in memory."""
    if isinstance(data, str) and _is_spec(data):
        return data
    if not isinstance(data, str) and not isinstance(data, Path):
        return None
    path = Path(data).expanduser()
    spec = spec_of(path, sure=isinstance(data, Path))
    if spec is None and isinstance(data, str) and _is_path(data):
        raise MissingError(
            "Expected a folder of images, a table or a Parquet file, and "
            f"{quoted(data)} is not there."
        )
    if spec is None and isinstance(data, Path):
        raise MissingError(
            f"Expected a folder of images or a .csv file, and {quoted(data)} is "
            "neither."
        )
    return spec or str(data)


def _is_path(text: str) -> bool:
    """Whether text can only be a path, there or not: no dataset is called so."""
    is_file = Path(text).suffix.lower() in (".csv", ".tsv", ".xlsx", ".parquet")
    return ":" not in text and (is_file or bool({"/", os.sep} & set(text)))


def _is_spec(text: str) -> bool:
    """Whether text is a known name, or says which kind of a user's own images it is."""
    if text in DATASETS or text in ALIASES:
        if system.is_folder(Path(text)):
            report.warn(
                f"{quoted(text)} is a known dataset and a folder here; the dataset is "
                f"taken, and folder:{text} is the folder."
            )
        return True
    return ":" in text and text.partition(":")[0] in (*_OWN, *given.KINDS)


def _given_in_python(
    data: object, options: Mapping[str, OptionValue] | None
) -> Dataset:
    if frame.is_frame(data):
        columns = _complete("a data frame", FRAME, options)
        return frame.dataset(data, columns)
    if isinstance(data, tuple | list) and len(data) == 2:
        dataset = arrays.dataset(*data)
        _complete(dataset.spec, (), options)
        return dataset
    raise InputError(
        "Expected a dataset's name, a folder, a .csv file, a data frame or a pair "
        f"(images, labels), got {type(data).__name__}."
    )


def _complete(
    name: str,
    declared: Sequence[Option],
    options: Mapping[str, OptionValue] | None,
) -> dict[str, OptionValue]:
    everybody = {name: several[0] for name, several in declared_options().items()}
    return complete(name, declared, options or {}, everybody)


def declared_options() -> dict[str, tuple[Option, ...]]:
    """Return the options of all datasets by name.

    Several datasets may have an option of one name, with other choices.

    >>> [option.choices for option in declared_options()["group"]]
    [('photograph', 'quadrat'), ('bin',)]
    """
    gathered: dict[str, tuple[Option, ...]] = dict.fromkeys(_FIRST, ())
    for options in options_by_owner().values():
        for option in options:
            gathered[option.name] = (*gathered.get(option.name, ()), option)
    return gathered


def options_by_owner() -> dict[str, tuple[Option, ...]]:
    """Return the options of each known dataset and each kind of a user's own."""
    known = {name: dataset.options for name, dataset in DATASETS.items()}
    return {**known, **{kind: own.options for kind, own in _OWN.items()}}
