"""What a run is made from: data, weights and settings, found and checked.

Everything that can be refused is refused here, before TensorFlow is imported and
before an image is read, whether the command line asks or a Python program.
"""

import dataclasses
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from kerastransfer.backbones import table as backbones
from kerastransfer.backbones.backbone import Backbone
from kerastransfer.backbones.default import default_backbone
from kerastransfer.backbones.mean_image import MeanImage
from kerastransfer.backbones.published import PublishedWeights
from kerastransfer.config import defaults
from kerastransfer.config.settings import setting_of
from kerastransfer.config.train_config import TrainConfig, check_types
from kerastransfer.datasets import table as datasets
from kerastransfer.datasets.dataset import Dataset
from kerastransfer.errors import InputError, RecipeError, UnknownNameError
from kerastransfer.foundation import report, system
from kerastransfer.foundation.quoting import quoted
from kerastransfer.recipe import Action, Recipe
from kerastransfer.records.sizes import Sizes
from kerastransfer.runs import finished
from kerastransfer.runs.finished import Run
from kerastransfer.weights import store
from kerastransfer.weights.readers import caffe_file

if TYPE_CHECKING:
    import numpy as np

_SHOWN = 10  # classes in a warning


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Sources:
    """Data, weights and settings of a run, or of many that differ in settings.

    Parameters
    ----------
    settings : dict
        Fields of `TrainConfig` that the user chose; dataset and backbone among them.
    backbone : Backbone
        With the mean image, where there is one, and with the number of classes of the
        weights' own classifier.
    weights : mapping of str to array
        The pretrained ones; empty where no recipe keeps any.
    hashes : dict of str to str
        ``weights`` and ``mean_image``.
    to_download : PublishedWeights, optional
        What a plan lacks and a run would fetch; then there are no weights.
    """

    dataset: Dataset
    settings: dict[str, Any]
    backbone: Backbone
    weights: "Mapping[str, np.ndarray]"
    mean_image: MeanImage | None
    hashes: dict[str, str]
    to_download: PublishedWeights | None = None

    def summary(self, sizes: Sizes) -> defaults.DataSummary:
        """Return what the defaults of a config depend on."""
        counts = sizes.variant_counts(self.settings.get("images_per_class"))
        return defaults.DataSummary(
            records=sizes.content_hash,
            **self.hashes,
            num_images=sum(counts.values()),
            mirror=sizes.mirror_keeps_class,
            transformer=self.backbone.is_transformer,
        )

    def config(self, sizes: Sizes, recipe: str | Recipe | None = None) -> TrainConfig:
        """Fill in defaults, and warn of classes that fall short.

        Parameters
        ----------
        sizes : Sizes
            Of the data.
        recipe : str or Recipe, optional
            In place of the one in the settings.

        Raises
        ------
        RecipeError
            If the recipe cannot be trained on these classes.
        InputError
            If a setting does not go with the data.
        """
        settings = self.settings | ({} if recipe is None else {"recipe": recipe})
        Recipe.of(settings["recipe"]).check(
            len(sizes.classes), self.backbone.source_classes
        )
        images_per_class = settings.get("images_per_class")
        counts = sizes.variant_counts(images_per_class)
        if images_per_class:
            _warn_of_short_classes(counts, images_per_class)
        return defaults.resolve(settings, self.summary(sizes))


def find(
    settings: Mapping[str, Any],
    *,
    recipes: Iterable[str | Recipe] = (),
    dataset: Dataset | None = None,
    archives: Path | None = None,
    weights: Path | None = None,
    mean_image: Path | None = None,
    download: bool = True,
) -> Sources:
    """Find data and weights, and check the settings; needs no TensorFlow.

    Parameters
    ----------
    settings : mapping
        Fields of `TrainConfig` that the user chose.
    recipes : iterable of str or Recipe
        All that will be trained; by default the one in the settings.
    dataset : Dataset, optional
        By default the one that the settings name.
    archives : Path, optional
        Folder of the dataset's published files.
    weights : Path, optional
        A file, or the folder of a finished run, whose backbone, classes, preprocessing
        and mean image are taken along; by default the published weights.
    mean_image : Path, optional
        A file; by default the mean pixel.
    download : bool
        Whether weights that are not here may be fetched; a plan goes without.

    Raises
    ------
    InputError
        If the settings make no config, whatever the images are, or name another
        backbone than the run's.
    MissingError
        If the pretrained weights are not here; the message says how to get them.
    """
    refuse_unknown(settings)
    wanted = list(recipes) or [_needed(settings, "recipe")]
    parsed = [Recipe.of(recipe) for recipe in wanted]
    check_types(settings)
    if dataset is None:
        dataset = datasets.resolve(_needed(settings, "dataset"), archives)
    run = _source_run(weights)
    settings = _with_its_settings(run, settings)
    settings = {"backbone": default_backbone(dataset.name), **settings}
    settings["dataset"] = dataset.spec
    known = backbones.get(settings["backbone"], download=download)
    name = settings["backbone"] = known.name
    for recipe in parsed:
        mirror = dataset.info.mirror_keeps_class
        defaults.check({**settings, "recipe": recipe}, mirror=mirror)
    lacking, loaded = None, None
    if any(map(_keeps_weights, parsed)):
        lacking = None if download else store.to_download(name, weights)
        loaded = None if lacking else store.load(name, weights)
    if loaded is not None:
        _check_head(loaded, parsed)
        loaded.say()
    image = None if run is None else run.mean_image
    if mean_image is not None:
        image = MeanImage.from_planes(caffe_file.read_mean(mean_image))
    # Refuses what does not go together.
    backbone = backbones.get(
        name, image, settings.get("fit", "crop"), download=download
    )
    return Sources(
        dataset=dataset,
        settings=settings,
        backbone=loaded.describe(backbone) if loaded else backbone,
        weights=loaded.mapping if loaded else {},
        mean_image=image,
        hashes={
            "weights": loaded.sha256 if loaded else _said(settings, lacking),
            "mean_image": image.sha256 if image else "",
        },
        to_download=lacking,
    )


def _said(settings: Mapping[str, Any], lacking: PublishedWeights | None) -> str:
    """Return the hash that a config says of weights which are not here."""
    return str(settings.get("weights") or "") if lacking else ""


def _source_run(weights: Path | None) -> Run | None:
    """Open the finished run that stands for weights; None where they are a file."""
    if weights is None or not system.is_folder(weights):
        return None
    return finished.read(weights)


def _with_its_settings(run: Run | None, settings: Mapping[str, Any]) -> dict[str, Any]:
    """Return settings that bring images to the network as the source run did."""
    if run is None:
        return dict(settings)
    taken = {"backbone": run.config.backbone, "fit": run.config.fit, **settings}
    if taken["backbone"] != run.config.backbone:
        raise InputError(
            f"Expected --backbone {run.config.backbone}, which the run in "
            f"{quoted(run.folder)} trained, got {quoted(taken['backbone'])}."
        )
    return taken


def refuse_unknown(settings: Mapping[str, Any]) -> None:
    """Refuse settings that there are not, as a misspelled keyword is one.

    Raises
    ------
    UnknownNameError
        Naming the first, and the closest that there is.
    """
    fields = dataclasses.fields(TrainConfig)
    known = [field.name for field in fields]
    for name in settings:
        if name not in known:
            flags = [field.name for field in fields if setting_of(field).group]
            raise UnknownNameError("setting", name, flags)


def _needed(settings: Mapping[str, Any], name: str) -> Any:
    if settings.get(name) is None:
        raise InputError(f"Expected --{name} or a --config FILE that names one.")
    return settings[name]


def _keeps_weights(recipe: Recipe) -> bool:
    return any(step.action is not Action.REDRAW for step in recipe.phases[0].steps)


def _check_head(loaded: store.LoadedWeights, recipes: Iterable[Recipe]) -> None:
    """Refuse a recipe that keeps a classifier which the weights do not have."""
    for recipe in recipes:
        head = recipe.phases[0].steps[-1].action
        if loaded.source_classes is None and head is not Action.REDRAW:
            raise RecipeError(
                f"Recipe {quoted(str(recipe))} keeps the source's classifier "
                f"({head.value}8), but {quoted(loaded.path)} has none; re-draw it in "
                "the first phase with R8."
            )


def _warn_of_short_classes(counts: Mapping[str, int], images_per_class: int) -> None:
    short = {n: c for n, c in counts.items() if c < max(counts.values())}
    if not short:
        return
    listed = ", ".join(f"{name} {n}" for name, n in list(short.items())[:_SHOWN])
    report.warn(
        f"{len(short)} of {len(counts)} classes have fewer than {images_per_class} "
        f"training images: {listed}{', ...' if len(short) > _SHOWN else ''}."
    )
