"""What training is made from, as the command line names it."""

import argparse
import dataclasses
import functools
from typing import TYPE_CHECKING, Any

from kerastransfer.backbones import table as backbones
from kerastransfer.backbones.backbone import Backbone
from kerastransfer.backbones.mean_image import MeanImage
from kerastransfer.cli import train_arguments
from kerastransfer.config import defaults
from kerastransfer.config.train_config import TrainConfig, check_types
from kerastransfer.datasets import table as datasets
from kerastransfer.datasets.dataset import Dataset
from kerastransfer.errors import InputError
from kerastransfer.foundation import report
from kerastransfer.foundation.progress import progress
from kerastransfer.recipe import Action, Recipe
from kerastransfer.records.sizes import Sizes
from kerastransfer.weights import store
from kerastransfer.weights.readers import caffe_file

if TYPE_CHECKING:
    import numpy as np

    from kerastransfer.training.caching import Caching


@dataclasses.dataclass(frozen=True, slots=True)
class Sources:
    """Data and weights, found and checked.

    Parameters
    ----------
    dataset : Dataset
    backbone : Backbone
        With the mean image, where there is one.
    weights : mapping of str to array
        Empty where no recipe keeps any.
    image : MeanImage or None
    hashes : dict of str to str
        ``weights`` and ``mean_image``.
    """

    dataset: Dataset
    backbone: Backbone
    weights: "dict[str, np.ndarray]"
    image: MeanImage | None
    hashes: dict[str, str]


def chosen(args: argparse.Namespace) -> dict[str, Any]:
    """Collect what the user set: the config file's fields, then the flags."""
    given = {"backbone": "alexnet"} | train_arguments.given_settings(args)
    for name in ("dataset", "recipe"):
        if name not in given:
            raise InputError(f"Expected --{name} or a --config FILE that names one.")
    return given


def find(
    args: argparse.Namespace, chosen: dict[str, Any], recipes: list[str]
) -> Sources:
    """Find data and weights, and check what was chosen; needs no TensorFlow.

    Parameters
    ----------
    args : argparse.Namespace
        Says where files are.
    chosen : dict
        What the user set; names dataset and backbone.
    recipes : list of str
        All that will be trained.

    Returns
    -------
    Sources

    Raises
    ------
    InputError
        If what was chosen makes no config, whatever the images are.
    """
    check_types(chosen)
    steps = [step for text in recipes for step in Recipe.of(text).phases[0].steps]
    name = backbones.get(chosen["backbone"]).name
    dataset = datasets.resolve(chosen["dataset"], args.archives)
    for text in recipes:
        defaults.check(
            {**chosen, "recipe": text}, mirror=dataset.info.mirror_keeps_class
        )
    keeps = any(step.action is not Action.REDRAW for step in steps)
    loaded = store.load(name, args.weights) if keeps else None
    image = args.mean_image and MeanImage.from_planes(
        caffe_file.read_mean(args.mean_image)
    )
    return Sources(
        dataset=dataset,
        backbone=backbones.get(name, image),  # refuses an image that does not fit
        weights=loaded.mapping if loaded else {},
        image=image,
        hashes={
            "weights": loaded.sha256 if loaded else "",
            "mean_image": image.sha256 if image else "",
        },
    )


def caching(args: argparse.Namespace, runs: int = 1) -> "Caching":
    """Read what the user says of caches.

    Parameters
    ----------
    args : argparse.Namespace
    runs : int
        How many will share one.

    Returns
    -------
    Caching
    """
    from kerastransfer.training.caching import Caching

    return Caching(
        mode=args.cache,
        limit=args.cache_limit,
        runs=runs,
        progress=functools.partial(progress, unit="crops"),
    )


def make_config(
    chosen: dict[str, Any], data: Sizes, hashes: dict[str, str]
) -> TrainConfig:
    """Fill in defaults, and warn of classes that fall short.

    Parameters
    ----------
    chosen : dict
        What the user set.
    data : Sizes
    hashes : dict of str to str
        As `Sources` holds them.

    Returns
    -------
    TrainConfig
    """
    recipe = Recipe.of(chosen["recipe"])
    source_classes = backbones.get(chosen["backbone"]).source_classes
    recipe.check(len(data.classes), source_classes)
    counts = data.variant_counts(chosen.get("images_per_class"))
    short = {n: c for n, c in counts.items() if c < max(counts.values())}
    if short and chosen.get("images_per_class"):
        listed = ", ".join(f"{name} {n}" for name, n in list(short.items())[:10])
        report.warn(
            f"{len(short)} of {len(counts)} classes have fewer than "
            f"{chosen['images_per_class']} training images: {listed}"
            f"{', ...' if len(short) > 10 else ''}."
        )
    return defaults.resolve(chosen, data_summary(chosen, data, hashes))


def data_summary(
    chosen: dict[str, Any], data: Sizes, hashes: dict[str, str]
) -> defaults.DataSummary:
    """Return what a config's defaults depend on.

    Parameters
    ----------
    chosen, data, hashes
        As for `make_config`.

    Returns
    -------
    resolve.Facts
    """
    counts = data.variant_counts(chosen.get("images_per_class"))
    return defaults.DataSummary(
        records=data.content_hash,
        **hashes,
        num_images=sum(counts.values()),
        mirror=data.mirror_keeps_class,
    )
