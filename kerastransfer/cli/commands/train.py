"""``kerastransfer train``: one recipe on one dataset, from images to a SavedModel."""

import argparse
import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from kerastransfer.cli import devices, dry_run, options, sources, train_arguments
from kerastransfer.cli.sources import Sources
from kerastransfer.config.train_config import TrainConfig
from kerastransfer.distribution.start import start
from kerastransfer.errors import InputError
from kerastransfer.records import reader, sizes
from kerastransfer.runs import summary
from kerastransfer.training.stopping import StopReason

if TYPE_CHECKING:
    from kerastransfer.backbones.network import Network
    from kerastransfer.distribution.replicas import Replicas
    from kerastransfer.records.reader import Records

HELP = "train one recipe on one dataset, evaluate it and export it"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the command's arguments; those left out take the preset's values."""
    headings = options.Headings(parser)
    train_arguments.add_settings(headings)
    train_arguments.add_sources(headings)
    train_arguments.add_cache(headings)
    devices.add_arguments(headings["devices"])
    add = headings["running"].add_argument
    add(
        "--runs",
        type=Path,
        default=Path("runs"),
        metavar="DIR",
        help="Folder that holds runs (default: ./runs)",
    )
    add(
        "--config",
        type=Path,
        metavar="FILE",
        help="Settings from a run's config.json; flags win over it",
    )
    add("--dry-run", action="store_true", help="Say what would be done, and stop")
    add(
        "--measure",
        action="store_true",
        help="With --dry-run: take 20 steps, and predict time and memory",
    )
    add("--restart", action="store_true", help="Begin anew, whatever is there")
    add(
        "--time-limit",
        type=options.minutes,
        metavar="MINUTES",
        help="Minutes of training after which the best epoch so far is the result "
        "(default: no limit)",
    )
    train_arguments.add_checkpoint_every(headings)
    add = headings["output"].add_argument
    add("--no-export", action="store_true", help="Write no SavedModel")
    add("--no-probe", action="store_true", help="Skip the number to beat")
    options.add_json(headings["output"])


def execute(args: argparse.Namespace) -> int:
    """Train, and print how good the result is and where it is."""
    chosen, choice = sources.chosen(args), devices.choice(args)
    if args.measure and not args.dry_run:
        raise InputError("--measure goes with --dry-run; pass both.")
    found = sources.find(args, chosen, [chosen["recipe"]])
    chosen["dataset"] = found.dataset.spec
    if args.dry_run and not args.measure:
        data = sizes.of_dataset(found.dataset, options.records_folder(args))
        config = sources.make_config(chosen, data, found.hashes)
        print(dry_run.describe(config, found.backbone, data, args.cache))
        return 0
    replicas = start(choice)
    records = reader.find_or_convert(found.dataset, options.records_folder(args))
    data = sizes.of_records(records)
    config = sources.make_config(chosen, data, found.hashes)
    if args.dry_run:
        print(dry_run.describe(config, found.backbone, data, args.cache))
        print(dry_run.measured(_estimates(args, config, records, found, replicas)))
        return 0
    folder = args.runs / config.run_name
    result = None if args.restart else summary.read_finished(folder)
    if result is None or _has_more_time(result, args.time_limit):
        result = _train(args, config, records, found, folder, replicas)
    else:
        print("This run is finished; --restart trains it again.", file=sys.stderr)
    if replicas.chief:
        as_json = json.dumps(result, indent=2)
        print(as_json if args.json else summary.summary(result, folder))
    return 0


def _has_more_time(result: dict[str, Any], limit: float | None) -> bool:
    """Whether a run ended because its time was up, and is given more now."""
    if result.get("stopped") != StopReason.TIME_LIMIT:
        return False
    return limit is None or limit > result["training_seconds"]


def _estimates(
    args: argparse.Namespace,
    config: TrainConfig,
    records: "Records",
    found: Sources,
    replicas: "Replicas",
) -> "dry_run.RunCost":
    """Take a few steps of each phase."""
    from kerastransfer.features.responses import source_network
    from kerastransfer.runs import cost
    from kerastransfer.training.setup import TrainSetup

    setup = TrainSetup.of(
        config,
        found.backbone,
        records=records,
        source_weights=found.weights,
        replicas=replicas,
        caching=sources.caching(args),
    )
    estimates = cost.measure(setup)
    features = 0.0
    if found.weights and not args.no_probe:
        network = source_network(found.backbone, found.weights)
        features = cost.feature_seconds(setup, network)
    return dry_run.RunCost(
        phases=tuple(estimates), features=features, peak_bytes=cost.peak_bytes()
    )


def _train(
    args: argparse.Namespace,
    config: TrainConfig,
    records: "Records",
    found: Sources,
    folder: Path,
    replicas: "Replicas",
) -> dict[str, Any]:
    """Train in earnest, and export."""
    from kerastransfer.export import saved_model
    from kerastransfer.runs import execution

    def export(network: "Network") -> None:
        preprocessing = found.backbone.preprocessing
        saved_model.save(
            network, preprocessing, records.classes, folder / "saved_model"
        )

    inputs = execution.RunInputs(
        records=records,
        source_weights=found.weights,
        mean_image=found.image,
        caching=sources.caching(args),
        replicas=replicas,
        checkpoint_every=args.checkpoint_every,
        time_limit=args.time_limit,
        restart=args.restart,
        with_probe=not args.no_probe,
        export=None if args.no_export else export,
    )
    return execution.train(config, inputs, folder)[1]
