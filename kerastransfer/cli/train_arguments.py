"""Arguments of ``kerastransfer train``, and the settings that they choose."""

import argparse
from pathlib import Path
from typing import Any

from kerastransfer import json_file, surgery
from kerastransfer.cli import devices, options
from kerastransfer.errors import InputError, MissingError
from kerastransfer.training.config import (
    AUGMENTS,
    CACHE_DTYPES,
    CACHE_LIMIT,
    CACHES,
    CHECKPOINT_EVERY,
    CLASS_WEIGHTS,
)

# Arguments that are fields of the config, and so may come from --config FILE too.
_FLAGS = (
    *("dataset", "images_per_class", "draw", "seed", "backbone", "recipe", "preset"),
    *("epochs", "batch_size", "learning_rate", "weight_decay"),
    *("views", "mirror", "augment", "batch_norm"),
    *("warmup", "patience", "label_smoothing", "class_weights", "clip_norm"),
    "cache_dtype",
)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the command's arguments; those left out take the preset's values."""
    add = parser.add_argument
    add_data(parser)
    add("--recipe", metavar="RECIPE", help="such as F1-7R8, FT1-7R8 or F1-7R8+FT1-8")
    add_settings(parser)
    devices.add_arguments(parser)
    add_cache(parser)
    _add_limits(parser)
    add(
        "--runs",
        type=Path,
        default=Path("runs"),
        metavar="DIR",
        help="where runs go (default: ./runs)",
    )
    add("--config", type=Path, metavar="FILE", help="a run's config.json; flags win")
    add("--dry-run", action="store_true", help="say what would be done, and stop")
    add(
        "--measure",
        action="store_true",
        help="with --dry-run: take 20 steps, and predict time and memory",
    )
    add("--restart", action="store_true", help="begin anew, whatever is there")
    add("--no-export", action="store_true", help="write no SavedModel")
    add("--no-probe", action="store_true", help="skip the number to beat")
    options.add_json(parser)


def add_data(parser: argparse.ArgumentParser) -> None:
    """Declare which images and which pretrained network."""
    add = parser.add_argument
    add("--dataset", metavar="NAME", help="a known name, folder:DIR or csv:FILE")
    add("--backbone", metavar="NAME", help="default: alexnet")
    add("--images-per-class", type=int, metavar="N", help="default: all there are")
    add("--draw", type=int, metavar="D", help="which training subset (default: 0)")
    add("--seed", type=int, metavar="S", help="of training (default: 0)")
    add("--preset", metavar="NAME", help="default, or caffe: the study's era")
    add("--batch-size", type=int, metavar="N")
    add(
        "--mirror",
        type=options.yes_or_no,
        metavar="yes|no",
        help="whether a mirror image keeps its class (default: as the dataset says)",
    )
    add("--weights", type=Path, metavar="FILE", help="the source's, from a file")
    add(
        "--mean-image",
        type=Path,
        metavar="FILE",
        help="a .binaryproto, subtracted in place of the mean pixel",
    )
    add("--archives", type=Path, metavar="DIR", help="where the dataset's files are")
    options.add_records(parser)


def add_settings(parser: argparse.ArgumentParser) -> None:
    """Declare what else decides a result; what is left out takes its default."""
    add = parser.add_argument
    add("--epochs", type=options.whole_numbers, metavar="N[,N]", help="one a phase")
    add("--learning-rate", type=options.numbers, metavar="X[,X]", help="one a phase")
    add("--weight-decay", type=float, metavar="X")
    add("--warmup", type=float, metavar="X", help="part of the steps (default: 0)")
    add(
        "--patience",
        type=options.whole_numbers,
        metavar="N[,N]",
        help="end a phase after N epochs without a better one (default: 0, never)",
    )
    add("--label-smoothing", type=float, metavar="X", help="default: 0")
    add("--class-weights", choices=CLASS_WEIGHTS, help="auto: rare classes weigh more")
    add("--clip-norm", type=float, metavar="X", help="of the gradient (default: any)")
    add("--views", type=int, metavar="V", help="1, 2, 5 or 10 fixed views an image")
    add("--augment", choices=AUGMENTS, help="fixed views or random crops")
    add("--batch-norm", choices=surgery.BATCH_NORMS, help="of fine-tuned blocks")


def add_cache(parser: argparse.ArgumentParser) -> None:
    """Declare whether and how frozen blocks are computed once."""
    add = parser.add_argument
    add(
        "--cache",
        choices=CACHES,
        default="auto",
        help="compute frozen blocks once (auto: where it saves time)",
    )
    add(
        "--cache-limit",
        type=options.gigabytes,
        default=CACHE_LIMIT,
        metavar="GIB",
        help="of one cache (20)",
    )
    add("--cache-dtype", choices=CACHE_DTYPES, help="default: float32")


def _add_limits(parser: argparse.ArgumentParser) -> None:
    add = parser.add_argument
    add(
        "--time-limit",
        type=options.minutes,
        metavar="MINUTES",
        help="of training; what is best by then is the result",
    )
    add_checkpoint_every(parser)


def add_checkpoint_every(parser: argparse.ArgumentParser) -> None:
    """Declare how often a checkpoint is written."""
    parser.add_argument(
        "--checkpoint-every",
        type=options.seconds,
        default=CHECKPOINT_EVERY,
        metavar="SECONDS",
        help="how much work an interruption may cost (60)",
    )


def chosen(args: argparse.Namespace) -> dict[str, Any]:
    """Collect what the user set: the config file's fields, then the flags."""
    found: dict[str, Any] = {"backbone": "alexnet"}
    if args.config is not None:
        found |= _read_config(args.config)
    found |= flags(args)
    for name in ("dataset", "recipe"):
        if name not in found:
            raise InputError(f"Expected --{name} or a --config FILE that names one.")
    return found


def flags(args: argparse.Namespace) -> dict[str, Any]:
    """Collect the flags that were given and are fields of the config."""
    given = {name: getattr(args, name, None) for name in _FLAGS}
    return {name: value for name, value in given.items() if value is not None}


def _read_config(path: Path) -> dict[str, Any]:
    if not path.is_file():
        raise MissingError(f"Expected a config file, and {str(path)!r} is none.")
    try:
        return json_file.read_object(path)
    except ValueError as error:
        raise InputError(
            f"Expected an object of settings, as JSON, in {str(path)!r}: {error}."
        ) from None
