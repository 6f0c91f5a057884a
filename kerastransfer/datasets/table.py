"""The datasets that kerastransfer knows, and how a user's text names one."""

import dataclasses
from collections.abc import Callable
from pathlib import Path

from kerastransfer.datasets.archived.layout import Layout
from kerastransfer.datasets.archived.source import ArchiveSource
from kerastransfer.datasets.dataset import (
    Dataset,
    DatasetInfo,
    DatasetOptions,
    ImageSource,
)
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
from kerastransfer.datasets.known.imagenet_halves import NUM_HALVES, Half
from kerastransfer.datasets.own import csv_file, folder, tfds_set
from kerastransfer.errors import InputError, UnknownNameError
from kerastransfer.foundation.home import archives_home

_HALVES: tuple[Half, ...] = ("a", "b")
# The study does not say which half it used; B of the first pair is our choice, for
# published networks of A exist.
_USUAL: tuple[int, Half] = (0, "b")
_YOSINSKI: dict[str, tuple[int, Half]] = {"yosinski": _USUAL} | {
    f"yosinski_{number}{which}": (number, which)
    for number in range(NUM_HALVES)
    for which in _HALVES
    if (number, which) != _USUAL
}
# Second names. A name is part of what decides a split, so each dataset has one.
ALIASES = {f"yosinski_{_USUAL[0]}{_USUAL[1]}": "yosinski"}
DATASETS: dict[str, DatasetInfo] = {
    "digits": digits.INFO,
    "fashion_mnist": fashion_mnist.INFO,
    "caltech256": caltech256.INFO,
    "sun397": sun397.INFO,
    "mit_indoor": mit_indoor.INFO,
    "cub200": cub200.INFO,
    "coral": coral.INFO,
    "plankton": plankton.INFO,
    **{name: yosinski.info(*half) for name, half in _YOSINSKI.items()},
}
# From the folder that --archives names (None: the usual place) to what reads it.
_SOURCES: dict[str, Callable[[Path | None], ImageSource]] = {
    "digits": digits.source,
    "fashion_mnist": fashion_mnist.source,
}
_LAYOUTS: dict[str, Callable[[DatasetOptions], Layout]] = {
    "caltech256": lambda choices: caltech256.layout(choices.keep_clutter),
    "sun397": lambda choices: sun397.layout(choices.partition),
    "mit_indoor": lambda choices: mit_indoor.LAYOUT,
    "cub200": lambda choices: cub200.LAYOUT,
    "coral": lambda choices: coral.layout(
        choices.group, choices.patch_size or coral.PATCH_SIZE, choices.merge_porites
    ),
    "plankton": lambda choices: plankton.layout(choices.group),
    **{
        name: lambda choices, half=half: yosinski.layout(*half)  # type: ignore[misc]
        for name, half in _YOSINSKI.items()
    },
}
_OWN: dict[str, Callable[[str, Path | None], Dataset]] = {
    "folder": folder.dataset,
    "csv": csv_file.dataset,
    "tfds": tfds_set.dataset,
}
_LARGEST_PATCH = 4096
_OPTIONS = ("partition", "keep_clutter", "merge_porites")


def resolve(
    text: str, archives: Path | None = None, choices: DatasetOptions | None = None
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
    choices : DatasetOptions, optional
        How it is read; None for the usual way.

    Returns
    -------
    Dataset
        Nothing of it has been read yet.

    Raises
    ------
    UnknownNameError
        If there is no such dataset.
    InputError
        If nothing follows the colon, or `archives` or a choice does not go with the
        dataset.
    """
    choices = choices or DatasetOptions()
    name = ALIASES.get(text, text)
    if name in DATASETS:
        return _known(name, archives, choices)
    kind, colon, rest = text.partition(":")
    if not colon or kind not in _OWN:
        own = ("folder:DIR", "csv:FILE", "tfds:NAME")
        raise UnknownNameError("dataset", text, (*DATASETS, *ALIASES, *own))
    _check(text, DatasetInfo(description=""), choices)
    return _OWN[kind](rest, archives)


def _known(name: str, archives: Path | None, choices: DatasetOptions) -> Dataset:
    info = DATASETS[name]
    _check(name, info, choices)
    if name == "sun397":
        info = sun397.info(choices.partition)
    if info.patch_size is not None and choices.patch_size is None:
        choices = dataclasses.replace(choices, patch_size=info.patch_size)
    source = _source(name, info, archives, choices)
    return Dataset(name=name, spec=name, info=info, source=source, choices=choices)


def _source(
    name: str, info: DatasetInfo, archives: Path | None, choices: DatasetOptions
) -> ImageSource:
    if name in _SOURCES:
        return _SOURCES[name](archives)
    place = archives.expanduser().absolute() if archives else archives_home() / name
    return ArchiveSource(
        name=name,
        folder=place,
        parts=info.parts,
        layout=_LAYOUTS[name](choices),
        steps=info.steps,
    )


def _check(text: str, info: DatasetInfo, choices: DatasetOptions) -> None:
    groups = info.groups
    if choices.group is not None and choices.group not in groups:
        known = f"one of {', '.join(groups)}" if groups else "left out"
        raise InputError(
            f"Expected --group of {text!r} to be {known}, got {choices.group!r}."
        )
    size = choices.patch_size
    if size is not None and info.patch_size is None:
        raise InputError(f"--patch-size does not go with {text!r}: leave it out.")
    if size is not None and not 1 <= size <= _LARGEST_PATCH:
        raise InputError(
            f"Expected --patch-size from 1 to {_LARGEST_PATCH}, got {size}."
        )
    for option in _OPTIONS:
        if getattr(choices, option) and option not in info.options:
            flag = option.replace("_", "-")
            raise InputError(f"--{flag} does not go with {text!r}: leave it out.")
    partition = choices.partition
    if partition is not None and not 1 <= partition <= sun397.NUM_PARTITIONS:
        raise InputError(
            f"Expected --partition from 1 to {sun397.NUM_PARTITIONS}, got {partition}."
        )
