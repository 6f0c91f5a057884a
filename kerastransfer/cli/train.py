"""``kerastransfer train``: one recipe on one dataset, from images to a SavedModel."""

import argparse
import functools
import json
import sys
import warnings
from pathlib import Path
from typing import TYPE_CHECKING, Any

from kerastransfer import surgery
from kerastransfer.backbones import table as backbones
from kerastransfer.backbones.mean_image import MeanImage
from kerastransfer.cli import devices, dry_run, options, results, sizes
from kerastransfer.cli.progress import progress
from kerastransfer.cli.sizes import Sizes
from kerastransfer.cli.tensorflow_import import import_quietly
from kerastransfer.datasets import table as datasets
from kerastransfer.datasets.facts import Dataset
from kerastransfer.errors import InputError, MissingError
from kerastransfer.recipe import Action, Recipe
from kerastransfer.records import reader
from kerastransfer.training import resolve
from kerastransfer.training.config import (
    AUGMENTS,
    CACHE_DTYPES,
    CACHES,
    CLASS_WEIGHTS,
    TrainConfig,
)
from kerastransfer.weights import store
from kerastransfer.weights.readers import caffe_file

if TYPE_CHECKING:
    import numpy as np

    from kerastransfer.backbones.network import Network
    from kerastransfer.records.reader import Records
    from kerastransfer.training.replicas import Replicas

HELP = "train one recipe on one dataset, evaluate it and export it"

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
    add("--dataset", metavar="NAME", help="a known name, folder:DIR or csv:FILE")
    add("--recipe", metavar="RECIPE", help="such as F1-7R8, FT1-7R8 or F1-7R8+FT1-8")
    add("--backbone", metavar="NAME", help="default: alexnet")
    add("--images-per-class", type=int, metavar="N", help="default: all there are")
    add("--draw", type=int, metavar="D", help="which training subset (default: 0)")
    add("--seed", type=int, metavar="S", help="of training (default: 0)")
    add("--preset", metavar="NAME", help="default, or caffe: the study's era")
    add("--epochs", type=options.whole_numbers, metavar="N[,N]", help="one a phase")
    add("--batch-size", type=int, metavar="N")
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
    add(
        "--mirror",
        type=options.yes_or_no,
        metavar="yes|no",
        help="whether a mirror image keeps its class (default: as the dataset says)",
    )
    add("--augment", choices=AUGMENTS, help="fixed views or random crops")
    add("--batch-norm", choices=surgery.BATCH_NORMS, help="of fine-tuned blocks")
    add("--weights", type=Path, metavar="FILE", help="the source's, from a file")
    add(
        "--mean-image",
        type=Path,
        metavar="FILE",
        help="a .binaryproto, subtracted in place of the mean pixel",
    )
    add("--archives", type=Path, metavar="DIR", help="where the dataset's files are")
    devices.add_arguments(parser)
    _add_cache(parser)
    add(
        "--runs",
        type=Path,
        default=Path("runs"),
        metavar="DIR",
        help="where runs go (default: ./runs)",
    )
    add("--config", type=Path, metavar="FILE", help="a run's config.json; flags win")
    add("--dry-run", action="store_true", help="say what would be done, and stop")
    add("--restart", action="store_true", help="begin anew, whatever is there")
    add("--no-export", action="store_true", help="write no SavedModel")
    add("--no-probe", action="store_true", help="skip the number to beat")
    options.add_records(parser)
    options.add_json(parser)


def _add_cache(parser: argparse.ArgumentParser) -> None:
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
        default=20 * 2**30,
        metavar="GIB",
        help="of one cache (20)",
    )
    add("--cache-dtype", choices=CACHE_DTYPES, help="default: float32")
    add(
        "--time-limit",
        type=options.minutes,
        metavar="MINUTES",
        help="of training; what is best by then is the result",
    )
    add(
        "--checkpoint-every",
        type=options.seconds,
        default=60.0,
        metavar="SECONDS",
        help="how much work an interruption may cost (60)",
    )


def execute(args: argparse.Namespace) -> int:
    """Train, and print how good the result is and where it is."""
    chosen, choice = _chosen(args), devices.choice(args)
    recipe = Recipe.parse(chosen["recipe"])
    backbone = backbones.get(chosen["backbone"])
    dataset = datasets.resolve(chosen["dataset"], args.archives)
    chosen["dataset"] = dataset.spec
    keeps = any(step.action is not Action.REDRAW for step in recipe.phases[0].steps)
    source = store.load(backbone.name, args.weights) if keeps else None
    image = args.mean_image and MeanImage.from_planes(
        caffe_file.read_mean(args.mean_image)
    )
    backbones.get(backbone.name, image)  # refuses one that does not fit
    hashes = {
        "weights": source.sha256 if source else "",
        "mean_image": image.sha256 if image else "",
    }
    if args.dry_run:
        return _dry_run(dataset, options.records_folder(args), chosen, hashes)
    replicas = import_quietly(choice)
    records = reader.find_or_convert(dataset, options.records_folder(args))
    config = _resolve(chosen, sizes.of_records(records), hashes)
    folder = args.runs / config.run_name
    result = results.read_finished(folder)
    if result is None or args.restart or _has_more_time(result, args.time_limit):
        weights = source.mapping if source else {}
        result = _train(args, config, records, weights, image, folder, replicas)
    else:
        print("This run is finished; --restart trains it again.", file=sys.stderr)
    if not replicas.chief:
        print("Done; the result is the chief's to tell.", file=sys.stderr)
        return 0
    as_json = json.dumps(result, indent=2)
    print(as_json if args.json else results.summary(result, folder))
    return 0


def _has_more_time(result: dict[str, Any], limit: float | None) -> bool:
    """Whether a run ended because its time was up, and is given more now."""
    if result.get("stopped") != "time limit":
        return False
    return limit is None or limit > result["training_seconds"]


def _dry_run(
    dataset: Dataset, records: Path, chosen: dict[str, Any], hashes: dict[str, str]
) -> int:
    """Say what would be done."""
    data = sizes.of_dataset(dataset, records)
    config = _resolve(chosen, data, hashes)
    print(dry_run.describe(config, backbones.get(config.backbone), data))
    return 0


def _chosen(args: argparse.Namespace) -> dict[str, Any]:
    """Collect what the user set: the config file's fields, then the flags."""
    chosen: dict[str, Any] = {"backbone": "alexnet"}
    if args.config is not None:
        chosen |= _read_config(args.config)
    flags = {name: getattr(args, name) for name in _FLAGS}
    chosen |= {name: value for name, value in flags.items() if value is not None}
    for name in ("dataset", "recipe"):
        if name not in chosen:
            raise InputError(f"Expected --{name} or a --config FILE that names one.")
    return chosen


def _read_config(path: Path) -> dict[str, Any]:
    if not path.is_file():
        raise MissingError(f"Expected a config file, and {str(path)!r} is none.")
    try:
        fields = json.loads(path.read_text(encoding="utf-8"))
    except ValueError as error:
        raise InputError(f"Expected JSON in {str(path)!r}: {error}.") from None
    if not isinstance(fields, dict):
        raise InputError(f"Expected an object of settings in {str(path)!r}.")
    return fields


def _resolve(
    chosen: dict[str, Any], data: Sizes, hashes: dict[str, str]
) -> TrainConfig:
    """Fill in defaults, and warn of classes that fall short."""
    recipe = Recipe.parse(chosen["recipe"])
    source_classes = backbones.get(chosen["backbone"]).source_classes
    recipe.check(len(data.classes), source_classes)
    counts = data.variant_counts(chosen.get("images_per_class"))
    short = {n: c for n, c in counts.items() if c < max(counts.values())}
    if short and chosen.get("images_per_class"):
        listed = ", ".join(f"{name} {n}" for name, n in list(short.items())[:10])
        warnings.warn(
            f"{len(short)} of {len(counts)} classes have fewer than "
            f"{chosen['images_per_class']} training images: {listed}"
            f"{', ...' if len(short) > 10 else ''}.",
            stacklevel=2,
        )
    facts = resolve.Facts(
        records=data.content_hash,
        **hashes,
        num_images=sum(counts.values()),
        mirror=data.mirror_keeps_class,
    )
    return resolve.resolve(chosen, facts)


def _train(
    args: argparse.Namespace,
    config: TrainConfig,
    records: "Records",
    weights: "dict[str, np.ndarray]",
    image: MeanImage | None,
    folder: Path,
    replicas: "Replicas",
) -> dict[str, Any]:
    """Train in earnest, and export."""
    from kerastransfer.export import saved_model
    from kerastransfer.training import run
    from kerastransfer.training.prefix import Caching

    facts = backbones.get(config.backbone, image).preprocessing

    def export(network: "Network") -> None:
        saved_model.save(network, facts, records.classes, folder / "saved_model")

    inputs = run.Inputs(
        records=records,
        source_weights=weights,
        mean_image=image,
        caching=Caching(
            mode=args.cache,
            limit=args.cache_limit,
            progress=functools.partial(progress, unit="crops"),
        ),
        replicas=replicas,
        checkpoint_every=args.checkpoint_every,
        time_limit=args.time_limit,
        restart=args.restart,
        with_probe=not args.no_probe,
        export=None if args.no_export else export,
    )
    return run.train(config, inputs, folder)[1]
