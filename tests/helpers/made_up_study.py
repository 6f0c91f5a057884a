"""A study's table that was never trained, of accuracies that could have been."""

import math

import numpy as np

from kerastransfer.evaluation.intervals import Estimate
from kerastransfer.study import results
from kerastransfer.study.distances import DatasetDistance

# Cosine distance and classes.
DATASETS = {
    "garden_birds": (0.12, 40),
    "shop_photos": (0.22, 12),
    "digits": (0.66, 10),
    "fashion_mnist": (0.45, 10),
    "stamps": (0.25, 6),
}
RECIPES = ("F1-7R8", "F1-5R6-8", "FT1-7R8", "F1-5FT6-7R8", "R1-8")
RATES = (5e-4, 1e-4)
NUMBERS = (1, 3, 10, 30, 100, None)
ALL = 240  # images per class
DRAWS = 3


def gain_of(images, distance):
    """What tuning gains, as a fraction: nothing on the line 0.65 - 0.25 log10 n."""
    return 0.08 * (math.log10(images) - 4 * (0.65 - distance))


def accuracy_of(recipe, rate, images, distance):
    """The accuracy of a recipe, without the luck of a draw."""
    frozen = 0.92 - 0.25 * distance - 0.45 / (1 + images) ** 0.6
    if recipe == "R1-8":
        return 0.12 + 0.2 * math.log10(images)
    if "FT" not in recipe:
        return frozen - (0.03 if recipe != "F1-7R8" else 0)
    share = 1.0 if recipe == "FT1-7R8" else 0.6
    return frozen + share * gain_of(images, distance) - (0.015 if rate > 2e-4 else 0)


def make_rows(
    datasets=tuple(DATASETS),
    recipes=RECIPES,
    rates=RATES,
    numbers=NUMBERS,
    draws=DRAWS,
    noise=0.006,
    backbone="efficientnet_lite0",
):
    """Return the rows of a study; one draw above 10 images a class."""
    rng = np.random.default_rng(0)
    rows = []
    for dataset in datasets:
        distance, classes = DATASETS[dataset]
        for number in numbers:
            images = ALL if number is None else number
            for draw in range(draws if images <= 10 else 1):
                luck = rng.normal(0, 2 * noise)
                for recipe in recipes:
                    for rate in rates if "FT" in recipe else (1e-2,):
                        mean = accuracy_of(recipe, rate, images, distance)
                        accuracy = float(
                            np.clip(mean + luck + rng.normal(0, noise), 0.02, 0.99)
                        )
                        known = {
                            "cell": f"{len(rows)}",
                            "dataset": dataset,
                            "backbone": backbone,
                            "recipe": recipe,
                            "images_per_class": number,
                            "draw": draw,
                            "seed": 0,
                            "rate": rate,
                            "status": "finished",
                            "error": "",
                            "accuracy": accuracy,
                            "val_accuracy": accuracy,
                            "classes": classes,
                            "train_images": images * classes,
                        }
                        rows.append(dict.fromkeys(results.COLUMNS) | known)
    return rows


def make_distances(datasets=tuple(DATASETS), backbone="efficientnet_lite0"):
    """Return each dataset's cosine distance, with its interval."""
    return [
        DatasetDistance(
            dataset=name,
            backbone=backbone,
            metrics={
                "cosine": Estimate(
                    value=DATASETS[name][0],
                    low=DATASETS[name][0] - 0.02,
                    high=DATASETS[name][0] + 0.02,
                    n=400,
                    method="bootstrap",
                ),
                "mmd": Estimate(
                    value=12.5, low=12.0, high=13.0, n=400, method="bootstrap"
                ),
            },
            missing={},
        )
        for name in datasets
    ]


def write(folder, rows, distances=()):
    """Write a study's folder with a table and distances."""
    from kerastransfer.study import distances as module

    folder.mkdir(parents=True, exist_ok=True)
    results.write(folder, rows)
    if distances:
        module.write(folder, distances)
    return folder
