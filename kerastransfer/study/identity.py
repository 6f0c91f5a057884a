"""Which study a folder holds: the settings of all runs, and what the runs are."""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from kerastransfer.errors import InputError, MissingError
from kerastransfer.foundation import atomic, json_file
from kerastransfer.foundation.quoting import quoted
from kerastransfer.study.grid import Cell, names_of

STUDY = "study.json"


def hold(folder: Path, settings: Mapping[str, Any], cells: Sequence[Cell]) -> None:
    """Note which study a folder holds, or refuse one whose runs share other settings.

    More datasets, recipes, numbers, draws or seeds make the same study larger.

    Raises
    ------
    InputError
        If the folder's study has other settings.
    """
    settings = json.loads(json.dumps(dict(settings)))  # lists for tuples
    planned: dict[str, list[str]] = {}
    if (folder / STUDY).exists():
        there = read(folder)
        planned = there["cells"]
        odd = _differences(settings, there["settings"])
        if odd:
            raise InputError(
                f"Expected the settings of the study in {quoted(folder)}, and "
                f"{', '.join(odd)} differ; name another --out."
            )
    for name, cells_of in names_of(cells).items():
        both = dict.fromkeys([*planned.get(name, ()), *cells_of])
        planned[name] = list(both)
    atomic.write_json(folder / STUDY, {"settings": settings, "cells": planned})


def read(folder: Path) -> dict[str, Any]:
    """Read which study a folder holds.

    Returns
    -------
    dict
        ``settings`` that all runs share, and ``cells``: what the runs of each dataset
        are called.

    Raises
    ------
    MissingError
        If it holds none.
    InputError
        If ``study.json`` is damaged.
    """
    path = folder / STUDY
    if not path.is_file():
        raise MissingError(
            f"Expected a study in {quoted(folder)}, and it has no {STUDY}."
        )
    try:
        identity = json_file.read_object(path)
        for name in ("settings", "cells"):
            if not isinstance(identity.get(name), dict):
                raise ValueError(f"{name} is no object")
        if not all(map(_are_names, identity["cells"].values())):
            raise ValueError("cells are no lists of names")
    except ValueError as error:
        raise InputError(
            f"Expected a study in {quoted(path)}: {error}; delete that file."
        ) from None
    return identity


def _are_names(cells: object) -> bool:
    return isinstance(cells, list) and all(isinstance(cell, str) for cell in cells)


def _differences(first: Mapping[str, Any], second: Mapping[str, Any]) -> list[str]:
    names = sorted(first.keys() | second.keys())
    return [quoted(name) for name in names if first.get(name) != second.get(name)]
