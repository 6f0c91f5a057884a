"""A whole run of the miniature backbone in a process of its own, to be killed.

python small_run.py PLACE RECIPE [NAME=VALUE ...]: images and records are in PLACE, for
their path decides their splits.
"""

import argparse
import ast
import pathlib
import sys

sys.path.insert(0, str(pathlib.Path(__file__).parent.parent))

from kerastransfer.distribution.choice import Choice
from kerastransfer.distribution.start import start


def make_images(folder: pathlib.Path) -> None:
    """Ten images of each of three shades, too small to take time."""
    import numpy as np
    from PIL import Image

    rng = np.random.default_rng(0)
    for label, name in enumerate(("dark", "middle", "light")):
        (folder / name).mkdir(parents=True)
        for number in range(14):
            pixels = rng.integers(60 * label, 60 * label + 130, (20, 24, 3), np.uint8)
            Image.fromarray(pixels).save(folder / name / f"{number:02}.png")


def open_records(place: pathlib.Path):
    """Convert the images, and make the miniature backbone known."""
    from helpers import miniature
    from kerastransfer.backbones import table
    from kerastransfer.datasets import table as datasets
    from kerastransfer.records.find import find_or_convert

    table.BACKBONES["miniature"] = miniature.BACKBONE
    dataset = datasets.resolve(f"folder:{place / 'images'}")
    return dataset.spec, find_or_convert(dataset, place / "records")


def summary_of(records):
    """What a config's defaults depend on, with weights that no file holds."""
    from kerastransfer.config.defaults import DataSummary

    return DataSummary(
        records=records.content_hash,
        weights="w" * 64,
        num_images=len(records.variant(None)),
        mirror=False,
    )


def read_settings(texts):
    """Read ``name=value`` of the command line."""
    pairs = (text.split("=") for text in texts)
    return {name: ast.literal_eval(value) for name, value in pairs}


def main() -> int:
    """Train as ``kerastransfer train`` does; settings override the config's."""
    parser = argparse.ArgumentParser()
    parser.add_argument("place", type=pathlib.Path)
    parser.add_argument("recipe")
    parser.add_argument("settings", nargs="*")
    parser.add_argument("--every", type=float, default=0.0)
    parser.add_argument("--cache", default="on")
    parser.add_argument("--time-limit", type=float)
    parser.add_argument("--restart", action="store_true")
    parser.add_argument("--strategy", default="auto")
    parser.add_argument("--devices", type=int)
    parser.add_argument(
        "--workers", type=lambda text: tuple(text.split(",")), default=()
    )
    parser.add_argument("--worker", type=int)
    parser.add_argument("--out", type=pathlib.Path, help="runs and caches; PLACE")
    args = parser.parse_args()
    out = args.out or args.place
    choice = Choice(
        strategy=args.strategy,
        devices=args.devices,
        workers=args.workers,
        worker=args.worker,
    )
    replicas = start(choice)
    from helpers import miniature
    from kerastransfer.config.defaults import resolve
    from kerastransfer.errors import KerasTransferError, Terminated
    from kerastransfer.runs import execution
    from kerastransfer.training.caching import Caching

    dataset, records = open_records(args.place)
    settings = {
        "dataset": dataset,
        "backbone": "miniature",
        "recipe": args.recipe,
        "batch_size": 4,
        "views": 5,
        "epochs": (6,),
        "learning_rate": (0.01,),
        **read_settings(args.settings),
    }
    config = resolve(settings, summary_of(records))
    inputs = execution.RunInputs(
        records=records,
        source_weights=miniature.source_weights(),
        caching=Caching(mode=args.cache, home=out / "features"),
        replicas=replicas,
        checkpoint_every=args.every,
        time_limit=args.time_limit,
        restart=args.restart,
        with_probe=False,
    )
    print("ready", flush=True)
    try:
        execution.train(config, inputs, out / "runs" / config.run_name)
    except Terminated as stopped:
        print(stopped, file=sys.stderr)
        return stopped.code
    except KerasTransferError as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
