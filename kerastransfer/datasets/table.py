"""The datasets that kerastransfer knows, and how a user's text names one."""

from collections.abc import Callable, Mapping
from pathlib import Path

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
from kerastransfer.datasets.option import Option, OptionValue, complete
from kerastransfer.datasets.own import csv_file, folder, tfds_set
from kerastransfer.errors import UnknownNameError

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
_OWN: dict[str, Callable[[str, Path | None], Dataset]] = {
    "folder": folder.dataset,
    "csv": csv_file.dataset,
    "tfds": tfds_set.dataset,
}
# These lead in records that were made before datasets declared options of their own.
_FIRST = ("group", "patch_size")


def resolve(
    text: str,
    archives: Path | None = None,
    options: Mapping[str, OptionValue] | None = None,
) -> Dataset:
    """Return the dataset that a user's text names.

    Parameters
    ----------
    text : str
        A name in `DATASETS` or `ALIASES`, or ``folder:DIR``, ``csv:FILE``,
        ``tfds:NAME``.
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
        If nothing follows the colon, or `archives` or an option does not go with the
        dataset.

    Examples
    --------
    >>> resolve("coral", options={"group": "quadrat"}).options
    {'group': 'quadrat', 'patch_size': 224, 'merge_porites': False}
    """
    name = ALIASES.get(text, text)
    kind, colon, rest = text.partition(":")
    known = DATASETS.get(name)
    if known is None and (not colon or kind not in _OWN):
        own = ("folder:DIR", "csv:FILE", "tfds:NAME")
        raise UnknownNameError("dataset", text, (*DATASETS, *ALIASES, *own))
    declared = known.options if known else ()
    first = {name: options[0] for name, options in declared_options().items()}
    values = complete(name, declared, options or {}, first)
    return known.open(archives, values) if known else _OWN[kind](rest, archives)


def declared_options() -> dict[str, tuple[Option, ...]]:
    """Return the options of all known datasets by name.

    Several datasets may have an option of one name, with other choices.

    >>> [option.choices for option in declared_options()["group"]]
    [('photograph', 'quadrat'), ('bin',)]
    """
    gathered: dict[str, tuple[Option, ...]] = dict.fromkeys(_FIRST, ())
    for known in DATASETS.values():
        for option in known.options:
            gathered[option.name] = (*gathered.get(option.name, ()), option)
    return gathered


def in_study(dataset: Dataset) -> bool:
    """Whether a dataset is one of the seven of the study that this package follows.

    >>> in_study(resolve("cub200")), in_study(resolve("digits"))
    (True, False)
    """
    known = DATASETS.get(dataset.name)
    return known is not None and known.in_study
