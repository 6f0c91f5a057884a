"""``kerastransfer tune``: search for a recipe and its settings."""

import argparse
import json
import shlex
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from kerastransfer.cli import options, sources, train_arguments
from kerastransfer.cli.sources import Sources
from kerastransfer.distribution.choice import Choice, tf_config
from kerastransfer.distribution.start import start
from kerastransfer.errors import InputError
from kerastransfer.foundation import atomic
from kerastransfer.recipe import Recipe
from kerastransfer.records import reader, sizes
from kerastransfer.tuning.search_plan import TUNERS, SearchPlan
from kerastransfer.tuning.trial_table import trial_table

if TYPE_CHECKING:
    from kerastransfer.config.train_config import TrainConfig
    from kerastransfer.distribution.replicas import Replicas
    from kerastransfer.records.reader import Records
    from kerastransfer.training.setup import TrainSetup
    from kerastransfer.tuning.trials import Trial

HELP = "search for a recipe and its settings, on the validation set"
_RECIPES = "F1-7R8,F1-5FT6-7R8,FT1-7R8,F1-7R8+FT1-8"
_BEST = "best.json"
_SHORT = 3  # Hyperband's trials are about a third of their length, on average


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the command's arguments; a setting that is given does not vary."""
    headings = options.Headings(parser)
    train_arguments.add_settings(headings, without=("recipe",))
    train_arguments.add_sources(headings)
    train_arguments.add_cache(headings)
    add = headings["search"].add_argument
    add(
        "--recipes",
        type=options.names,
        default=tuple(_RECIPES.split(",")),
        metavar="A,B,...",
        help=f"Recipes among which the search chooses (default: {_RECIPES})",
    )
    add(
        "--tuner",
        choices=TUNERS,
        default="hyperband",
        help="How the next trial is chosen (default: hyperband)",
    )
    add(
        "--trials",
        type=int,
        default=30,
        metavar="N",
        help="Most trials that are trained (default: 30)",
    )
    add(
        "--search-seed",
        type=int,
        default=0,
        metavar="S",
        help="What the choice of trials follows from (default: 0)",
    )
    add = headings["running"].add_argument
    train_arguments.add_checkpoint_every(headings)
    add("--restart", action="store_true", help="Begin anew, whatever is there")
    add = headings["output"].add_argument
    add(
        "--out",
        type=Path,
        metavar="DIR",
        help="Folder that keeps the search (default: searches/DATASET_BACKBONE)",
    )
    options.add_json(headings["output"])


def execute(args: argparse.Namespace) -> int:
    """Search, and print the trials and how to train the best."""
    if tf_config():
        raise InputError(
            "Expected no TF_CONFIG of several processes with tune: they would train "
            "each trial together; unset it, and share a search through "
            "KERASTUNER_ORACLE_IP, KERASTUNER_ORACLE_PORT and KERASTUNER_TUNER_ID."
        )
    chosen = {"backbone": "alexnet"} | train_arguments.given_settings(args)
    if "dataset" not in chosen:
        raise InputError("Expected --dataset, of which the images are.")
    recipes = tuple(dict.fromkeys(str(Recipe.parse(text)) for text in args.recipes))
    plan = SearchPlan(
        tuner=args.tuner,
        trials=args.trials,
        seed=args.search_seed,
        checkpoint_every=args.checkpoint_every,
    )
    found = sources.find(args, chosen, list(recipes))
    chosen["dataset"] = found.dataset.spec
    replicas = start(Choice())
    records = reader.find_or_convert(found.dataset, options.records_folder(args))
    out = args.out or Path("searches") / f"{records.name}_{chosen['backbone']}"
    trials = _search(args, plan, chosen, recipes, found, records, replicas, out)
    if trials:
        _report(args, trials, out)
    return 0


def _search(
    args: argparse.Namespace,
    plan: SearchPlan,
    chosen: dict[str, Any],
    recipes: tuple[str, ...],
    found: Sources,
    records: "Records",
    replicas: "Replicas",
    out: Path,
) -> "list[Trial]":
    """Search; return nothing in a process that is not to report."""
    from kerastransfer.training.setup import TrainSetup
    from kerastransfer.tuning import search, search_folder
    from kerastransfer.tuning.space import Space

    if not records.size("val"):
        raise InputError("Expected a validation set to choose by, and it is empty.")
    data = sizes.of_records(records)
    for text in recipes:  # before anything is trained, each must make a config
        sources.make_config({**chosen, "recipe": text}, data, found.hashes)
    runs = plan.trials / len(recipes) / (_SHORT if plan.tuner == "hyperband" else 1)
    caching = sources.caching(args, runs=max(1, round(runs)))

    def trainer(config: "TrainConfig") -> "TrainSetup":
        return TrainSetup.of(
            config,
            found.backbone,
            records=records,
            source_weights=found.weights,
            replicas=replicas,
            caching=caching,
        )

    space = Space(
        recipes=recipes,
        chosen=chosen,
        summary=sources.data_summary(chosen, data, found.hashes),
    )
    trials = search.search(space, plan, trainer, out, restart=args.restart)
    if search_folder.is_worker():
        print("No more trials; the chief reports.", file=sys.stderr)
        return []
    if not trials:
        raise InputError("Expected a finished trial, and there is none.")
    return trials


def _report(args: argparse.Namespace, trials: "list[Trial]", out: Path) -> None:
    best = out / _BEST
    atomic.write_json(best, trials[0].config.as_dict())
    if args.json:
        print(json.dumps([trial.as_dict() for trial in trials], indent=2))
        return
    print(trial_table(trials))
    print("The best of many looks better than it is; the test set will tell:")
    print(_command(args, best))


def _command(args: argparse.Namespace, best: Path) -> str:
    """Spell what trains the best, as a shell takes it."""
    parts = ["kerastransfer", "train", "--config", str(best)]
    for name in ("archives", "records", "weights", "mean-image"):
        value = getattr(args, name.replace("-", "_"))
        if value:
            parts += [f"--{name}", str(value)]
    return shlex.join(parts)
