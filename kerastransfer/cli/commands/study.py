"""``kerastransfer study``: run a grid of trainings, and say what it shows."""

import argparse
import json
from pathlib import Path
from typing import Any

from kerastransfer.api import studies
from kerastransfer.cli import options, streams, train_arguments
from kerastransfer.cli.options import add_verb
from kerastransfer.errors import InputError
from kerastransfer.foundation.quoting import quoted
from kerastransfer.study import grid as grids
from kerastransfer.study import progress

EXAMPLES = (
    "kerastransfer study run --datasets digits --recipes F1-7R8,FT1-7R8 "
    "--images-per-class 5,20 --draws 3 --out study",
    "kerastransfer study run --datasets coral,cub200 --dry-run",
    "kerastransfer study table study",
    "kerastransfer study figures study",
)
# Settings that a study has otherwise, or varies.
_VARIED = ("dataset", "recipe", "images_per_class", "draw", "seed")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the command's arguments."""
    verbs = parser.add_subparsers(dest="verb", required=True, metavar="VERB")
    _add_run(verbs)
    status = add_verb(verbs, "status", "say which runs of a study are done")
    table = options.add_verb(
        verbs, "table", "print means and comparisons, with intervals"
    )
    figures = options.add_verb(
        verbs, "figures", "draw the published study's figures and tables of this one"
    )
    for headings in (status, table, figures):
        headings["study"].add_argument(
            "folder", type=Path, metavar="DIR", help="A study's folder"
        )
    for headings in (table, figures):
        _add_margin(headings)
    figures["output"].add_argument(
        "--out",
        type=Path,
        metavar="DIR",
        help="Folder that gets the files (default: figures, in the study's)",
    )
    for headings in (status, table, figures):
        options.add_json(headings["output"])


def _add_run(verbs: Any) -> None:
    headings = add_verb(verbs, "run", "train what is not finished")
    _add_grid(headings)
    _add_margin(headings)
    train_arguments.add_settings(headings, without=(*_VARIED, "learning_rate"))
    train_arguments.add_sources(headings)
    train_arguments.add_cache(headings)
    train_arguments.add_checkpoint_every(headings)
    add = headings["running"].add_argument
    add("--no-probe", action="store_true", help="Do not measure the number to beat")
    add(
        "--time-limit",
        type=float,
        metavar="MIN",
        help="Minutes after which no other run is begun",
    )
    add(
        "--no-distances",
        action="store_true",
        help="Do not measure how far the datasets are from the source",
    )
    _add_workers(headings)
    add("--dry-run", action="store_true", help="Count the runs; train nothing")
    add(
        "--measure",
        action="store_true",
        help="With --dry-run, take 20 steps of every recipe on every dataset, and "
        "predict hours and disk",
    )
    headings["output"].add_argument(
        "--out",
        type=Path,
        default=Path("study"),
        metavar="DIR",
        help="The study's folder (default: study)",
    )
    options.add_json(headings["output"])


def _add_workers(headings: options.Headings) -> None:
    add = headings["running"].add_argument
    add(
        "--workers",
        type=int,
        metavar="N",
        help="Runs at a time, spread with Ray (default: one after another)",
    )
    add(
        "--address",
        metavar="ADDR",
        help="A Ray cluster, such as auto, whose machines see the same folders "
        "(default: this machine)",
    )
    add("--run-cpus", type=float, default=1, metavar="X", help="CPUs of a run (1)")
    add("--run-gpus", type=float, default=0, metavar="X", help="GPUs of a run (0)")


def _add_grid(headings: options.Headings) -> None:
    add = headings["study"].add_argument
    add(
        "--datasets",
        type=options.names,
        required=True,
        metavar="D,D,...",
        help="The images, as 'train' takes them",
    )
    add(
        "--recipes",
        default=grids.PAPER,
        metavar="paper|R,R,...",
        help=f"Recipes (default: paper, {','.join(grids.PAPER_RECIPES)})",
    )
    add(
        "--images-per-class",
        type=_numbers,
        default=grids.PAPER,
        metavar="paper|N,N,...",
        help="Training images of each class; all for all (default: paper, each "
        "dataset's published numbers)",
    )
    add(
        "--draws",
        type=_draws,
        default=1,
        metavar="K|K,K,...",
        help="Training subsets; or how many for each of --images-per-class (default: "
        "1)",
    )
    add(
        "--source",
        metavar="NAME",
        help="What the network was pretrained on, as a dataset, for all four distances "
        "(default: what the weights tell of it, for two)",
    )
    add("--seeds", type=int, default=1, metavar="S", help="Seeds of each (1)")
    add(
        "--rates",
        type=options.numbers,
        default=(),
        metavar="X,X",
        help="Learning rates of recipes that tune, each a run of its own (default: "
        "the recipe's)",
    )


def _add_margin(headings: options.Headings) -> None:
    headings["study"].add_argument(
        "--margin",
        type=float,
        metavar="X",
        help="Difference of accuracy, as a fraction, that does not matter; what lies "
        "within it for certain is called equivalent (default: not tested)",
    )


def _numbers(text: str) -> Any:
    if text == grids.PAPER:
        return text
    parts = text.split(",")
    return tuple(None if part == "all" else _whole_number(part) for part in parts)


def _draws(text: str) -> int | tuple[int, ...]:
    several = tuple(map(_whole_number, text.split(",")))
    return several[0] if len(several) == 1 else several


def _whole_number(text: str) -> int:
    try:
        return int(text)
    except ValueError:
        message = f"expected whole numbers such as 3 or 3,2,1, got {quoted(text)}"
        raise argparse.ArgumentTypeError(message) from None


def execute(args: argparse.Namespace) -> int:
    """Run a study, or print what one holds."""
    if args.verb == "status":
        _print(progress.of(args.folder), as_json=args.json)
    elif args.verb == "table":
        summary = studies.read_study(args.folder, margin=args.margin)
        _print(summary, as_json=args.json)
    elif args.verb == "figures":
        drawn = studies.study_figures(args.folder, out=args.out, margin=args.margin)
        _print(drawn, as_json=args.json)
    else:
        _run(args)
    return 0


def _run(args: argparse.Namespace) -> None:
    varied = {
        "recipes": args.recipes,
        "images_per_class": args.images_per_class,
        "draws": args.draws,
        "seeds": args.seeds,
        "rates": args.rates,
        "archives": args.archives,
        "records": args.records,
    }
    if any(options.dataset_options(args).values()):
        raise InputError(
            "Expected no option of a folder's own with 'study'; convert the dataset "
            "with it first, and the study reads it so again."
        )
    if args.measure and not args.dry_run:
        raise InputError("--measure goes with --dry-run; pass both.")
    if args.dry_run and not args.measure:
        _print(progress.planned(studies.grid_of(args.datasets, **varied)), args.json)
        return
    settings = train_arguments.given_settings(args)
    common = {
        "weights": args.weights,
        "mean_image": args.mean_image,
        "cache": args.cache,
        "cache_limit": args.cache_limit,
        "probe": not args.no_probe,
        **{name: settings[name] for name in settings if name not in _VARIED},
    }
    if args.dry_run:
        _print(studies.plan_study(args.datasets, **varied, **common), args.json)
        return
    summary = studies.study(
        args.datasets,
        **varied,
        **common,
        out=args.out,
        margin=args.margin,
        checkpoint_every=args.checkpoint_every,
        time_limit=args.time_limit,
        distances=not args.no_distances,
        source=args.source,
        workers=args.workers,
        address=args.address,
        run_cpus=args.run_cpus,
        run_gpus=args.run_gpus,
    )
    _print(summary, as_json=args.json)


def _print(value: Any, as_json: bool) -> None:
    streams.show(json.dumps(value.as_dict(), indent=2) if as_json else value)
