"""Arguments of ``train`` and ``tune``: one for each setting, and how runs are made."""

import argparse
import dataclasses
from collections.abc import Callable, Collection
from pathlib import Path
from typing import Any

from kerastransfer.cli import options
from kerastransfer.cli.options import Headings
from kerastransfer.config import settings
from kerastransfer.config.run_options import CACHE_LIMIT, CACHES, CHECKPOINT_EVERY
from kerastransfer.config.settings import Group
from kerastransfer.config.train_config import TrainConfig
from kerastransfer.errors import InputError, MissingError
from kerastransfer.foundation import json_file, system
from kerastransfer.foundation.quoting import quoted
from kerastransfer.recipe import Recipe

_PARSERS: dict[Any, Callable[[str], Any]] = {
    str: str,
    Recipe: str,
    bool: options.yes_or_no,
    int: int,
    int | None: int,
    float: float,
    tuple[int, ...]: options.whole_numbers,
    tuple[float, ...]: options.numbers,
}


def add_settings(headings: Headings, *, without: Collection[str] = ()) -> None:
    """Declare a flag for every setting; what is left out takes its default.

    Parameters
    ----------
    headings : Headings
        Of the command's help.
    without : collection of str
        Settings that the command has otherwise.
    """
    for field in dataclasses.fields(TrainConfig):
        declared = settings.setting_of(field)
        if declared.group is None or field.name in without:
            continue
        shown: dict[str, Any] = {"metavar": declared.metavar}
        if declared.choices:
            shown = {"choices": declared.choices}
        headings[declared.group.value].add_argument(
            settings.flag_of(field.name),
            type=_PARSERS[settings.value_type(field)],
            help=f"{declared.help.removesuffix('.')} "
            f"(default: {settings.default_words(field)})",
            **shown,
        )


def add_sources(headings: Headings) -> None:
    """Declare where the images and the pretrained weights are."""
    add = headings[Group.DATA.value].add_argument
    add(
        "--archives",
        type=Path,
        metavar="DIR",
        help="Folder that holds the dataset's published files "
        "(default: $KERASTRANSFER_HOME/archives/NAME)",
    )
    options.add_records(headings[Group.DATA.value])
    options.add_dataset_options(headings[Group.DATA.value], "folder")
    options.add_network(headings[Group.RECIPE.value])
    add = headings[Group.RECIPE.value].add_argument
    add(
        "--weights",
        type=Path,
        metavar="FILE|RUN",
        help="File of the pretrained weights: .caffemodel, .pth, .npy, .npz, "
        ".weights.h5 or .keras; or a finished run's folder (default: the published "
        "ones, where they are installed)",
    )
    add(
        "--mean-image",
        type=Path,
        metavar="FILE",
        help="A .binaryproto whose image is subtracted in place of the mean pixel "
        "(default: the mean pixel)",
    )


def add_cache(headings: Headings) -> None:
    """Declare whether and how frozen blocks are computed once."""
    add = headings[Group.CACHE.value].add_argument
    add(
        "--cache",
        choices=CACHES,
        default="auto",
        help="Compute frozen blocks once and keep their outputs on disk; auto does so "
        "where it is measured to save time (default: auto)",
    )
    add(
        "--cache-limit",
        type=options.gigabytes,
        default=CACHE_LIMIT,
        metavar="GIB",
        help="Largest size of one cache, in GiB (default: 20)",
    )


def add_checkpoint_every(headings: Headings) -> None:
    """Declare how often a checkpoint is written."""
    headings["running"].add_argument(
        "--checkpoint-every",
        type=options.seconds,
        default=CHECKPOINT_EVERY,
        metavar="SECONDS",
        help="Seconds between two checkpoints: how much work an interruption may "
        "cost (default: 60)",
    )


def given_settings(args: argparse.Namespace) -> dict[str, Any]:
    """Collect the settings that the user gave; flags win over ``--config``."""
    given = {
        field.name: getattr(args, field.name, None)
        for field in dataclasses.fields(TrainConfig)
        if settings.setting_of(field).group is not None
    }
    flags = {name: value for name, value in given.items() if value is not None}
    path = getattr(args, "config", None)
    return {**(_read_config(path) if path else {}), **flags}


def request(args: argparse.Namespace) -> dict[str, Any]:
    """Return the arguments of `kerastransfer.train` that `plan` and `tune` share."""
    settings = given_settings(args)
    return {
        "data": settings.pop("dataset", None),
        "config": settings,
        "archives": args.archives,
        "options": options.dataset_options(args),
        "records": args.records,
        "weights": args.weights,
        "mean_image": args.mean_image,
        "cache": args.cache,
        "cache_limit": args.cache_limit,
    }


def needed(value: Any, name: str) -> Any:
    """Refuse a command that does not say what it works on."""
    if value is None:
        raise InputError(f"Expected --{name} or a --config FILE that names one.")
    return value


def _read_config(path: Path) -> dict[str, Any]:
    if not system.is_file(path):
        raise MissingError(f"Expected a config file, and {quoted(path)} is none.")
    try:
        return json_file.read_object(path)
    except ValueError as error:
        raise InputError(
            f"Expected an object of settings, as JSON, in {quoted(path)}: {error}."
        ) from None
