"""The datasets that kerastransfer knows, and how a user's text names one."""

import dataclasses
from collections.abc import Callable
from pathlib import Path

from kerastransfer.datasets import (
    caltech256,
    coral,
    csv_file,
    cub200,
    digits,
    fashion_mnist,
    folder,
    mit_indoor,
    plankton,
    sun397,
    tfds_set,
    yosinski,
)
from kerastransfer.datasets.archive_source import ArchiveSource
from kerastransfer.datasets.facts import Choices, Dataset, Facts, Source
from kerastransfer.datasets.halves import NUM_HALVES, Half
from kerastransfer.datasets.layout import Layout
from kerastransfer.errors import InputError, UnknownNameError
from kerastransfer.home import archives_home

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
DATASETS: dict[str, Facts] = {
    "digits": digits.FACTS,
    "fashion_mnist": fashion_mnist.FACTS,
    "caltech256": caltech256.FACTS,
    "sun397": sun397.FACTS,
    "mit_indoor": mit_indoor.FACTS,
    "cub200": cub200.FACTS,
    "coral": coral.FACTS,
    "plankton": plankton.FACTS,
    **{name: yosinski.facts(*half) for name, half in _YOSINSKI.items()},
}
# From the folder that --archives names (None: the usual place) to what reads it.
_SOURCES: dict[str, Callable[[Path | None], Source]] = {
    "digits": digits.source,
    "fashion_mnist": fashion_mnist.source,
}
_LAYOUTS: dict[str, Callable[[Choices], Layout]] = {
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
    text: str, archives: Path | None = None, choices: Choices | None = None
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
    choices : Choices, optional
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
    choices = choices or Choices()
    name = ALIASES.get(text, text)
    if name in DATASETS:
        return _known(name, archives, choices)
    kind, colon, rest = text.partition(":")
    if not colon or kind not in _OWN:
        own = ("folder:DIR", "csv:FILE", "tfds:NAME")
        raise UnknownNameError("dataset", text, (*DATASETS, *ALIASES, *own))
    _check(text, Facts(description=""), choices)
    return _OWN[kind](rest, archives)


def _known(name: str, archives: Path | None, choices: Choices) -> Dataset:
    facts = DATASETS[name]
    _check(name, facts, choices)
    if name == "sun397":
        facts = sun397.facts(choices.partition)
    if facts.patch_size is not None and choices.patch_size is None:
        choices = dataclasses.replace(choices, patch_size=facts.patch_size)
    source = _source(name, facts, archives, choices)
    return Dataset(name=name, spec=name, facts=facts, source=source, choices=choices)


def _source(name: str, facts: Facts, archives: Path | None, choices: Choices) -> Source:
    if name in _SOURCES:
        return _SOURCES[name](archives)
    place = archives.expanduser().absolute() if archives else archives_home() / name
    return ArchiveSource(
        name=name,
        folder=place,
        parts=facts.parts,
        layout=_LAYOUTS[name](choices),
        steps=facts.steps,
    )


def _check(text: str, facts: Facts, choices: Choices) -> None:
    groups = facts.groups
    if choices.group is not None and choices.group not in groups:
        known = f"one of {', '.join(groups)}" if groups else "left out"
        raise InputError(
            f"Expected --group of {text!r} to be {known}, got {choices.group!r}."
        )
    size = choices.patch_size
    if size is not None and facts.patch_size is None:
        raise InputError(f"--patch-size does not go with {text!r}: leave it out.")
    if size is not None and not 1 <= size <= _LARGEST_PATCH:
        raise InputError(
            f"Expected --patch-size from 1 to {_LARGEST_PATCH}, got {size}."
        )
    for option in _OPTIONS:
        if getattr(choices, option) and option not in facts.options:
            flag = option.replace("_", "-")
            raise InputError(f"--{flag} does not go with {text!r}: leave it out.")
    partition = choices.partition
    if partition is not None and not 1 <= partition <= sun397.NUM_PARTITIONS:
        raise InputError(
            f"Expected --partition from 1 to {sun397.NUM_PARTITIONS}, got {partition}."
        )
