"""``kerastransfer train``: one recipe on one dataset, from images to a SavedModel."""

import argparse
import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from kerastransfer.cli import (
    devices,
    dry_run,
    options,
    results,
    sizes,
    sources,
    train_arguments,
)
from kerastransfer.cli.sources import Sources
from kerastransfer.cli.tensorflow_import import import_quietly
from kerastransfer.errors import InputError
from kerastransfer.records import reader
from kerastransfer.training.config import TrainConfig

if TYPE_CHECKING:
    from kerastransfer.backbones.network import Network
    from kerastransfer.records.reader import Records
    from kerastransfer.training.replicas import Replicas

HELP = "train one recipe on one dataset, evaluate it and export it"
add_arguments = train_arguments.add_arguments


def execute(args: argparse.Namespace) -> int:
    """Train, and print how good the result is and where it is."""
    chosen, choice = train_arguments.chosen(args), devices.choice(args)
    if args.measure and not args.dry_run:
        raise InputError("--measure goes with --dry-run; pass both.")
    found = sources.find(args, chosen, [chosen["recipe"]])
    chosen["dataset"] = found.dataset.spec
    if args.dry_run and not args.measure:
        data = sizes.of_dataset(found.dataset, options.records_folder(args))
        config = sources.make_config(chosen, data, found.hashes)
        print(dry_run.describe(config, found.backbone, data, args.cache))
        return 0
    replicas = import_quietly(choice)
    records = reader.find_or_convert(found.dataset, options.records_folder(args))
    data = sizes.of_records(records)
    config = sources.make_config(chosen, data, found.hashes)
    if args.dry_run:
        print(dry_run.describe(config, found.backbone, data, args.cache))
        print(dry_run.measured(_estimates(args, config, records, found, replicas)))
        return 0
    folder = args.runs / config.run_name
    result = None if args.restart else results.read_finished(folder)
    if result is None or _has_more_time(result, args.time_limit):
        result = _train(args, config, records, found, folder, replicas)
    else:
        print("This run is finished; --restart trains it again.", file=sys.stderr)
    if replicas.chief:
        as_json = json.dumps(result, indent=2)
        print(as_json if args.json else results.summary(result, folder))
    return 0


def _has_more_time(result: dict[str, Any], limit: float | None) -> bool:
    """Whether a run ended because its time was up, and is given more now."""
    if result.get("stopped") != "time limit":
        return False
    return limit is None or limit > result["training_seconds"]


def _estimates(
    args: argparse.Namespace,
    config: TrainConfig,
    records: "Records",
    found: Sources,
    replicas: "Replicas",
) -> "dry_run.Measured":
    """Take a few steps of each phase."""
    from kerastransfer.features.responses import source_network
    from kerastransfer.training import measure
    from kerastransfer.training.setting import Setting

    setting = Setting.of(
        config, found.backbone, records, found.weights, replicas, sources.caching(args)
    )
    estimates = measure.measure(setting)
    features = 0.0
    if found.weights and not args.no_probe:
        network = source_network(found.backbone, found.weights)
        features = measure.feature_seconds(setting, network)
    return dry_run.Measured(
        phases=tuple(estimates), features=features, peak_bytes=measure.peak_bytes()
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
    from kerastransfer.training import run

    def export(network: "Network") -> None:
        facts = found.backbone.preprocessing
        saved_model.save(network, facts, records.classes, folder / "saved_model")

    inputs = run.Inputs(
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
    return run.train(config, inputs, folder)[1]
