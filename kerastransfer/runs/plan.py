"""What a run would do: its images, phases, blocks and caches. Needs no TensorFlow."""

import dataclasses
import math
from typing import TYPE_CHECKING

from kerastransfer import surgery
from kerastransfer.backbones.backbone import Backbone
from kerastransfer.backbones.published import PublishedWeights
from kerastransfer.config.presets import PRESETS, Preset
from kerastransfer.config.train_config import TrainConfig
from kerastransfer.foundation.progress import counted, duration
from kerastransfer.foundation.report import Preformatted
from kerastransfer.recipe import Phase
from kerastransfer.records.sizes import Sizes
from kerastransfer.records.split.group_counts import GroupCounts
from kerastransfer.weights import places

if TYPE_CHECKING:
    from kerastransfer.runs.cost import PhaseCost

_BYTES = {"float32": 4, "float16": 2}


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class RunCost:
    """What a few steps of a run tell of all of it.

    Parameters
    ----------
    features : float
        Seconds that the probe's features take.
    peak_bytes : int or None
        Most memory in use; None where the system does not tell.
    """

    phases: "tuple[PhaseCost, ...]"
    features: float
    peak_bytes: int | None

    def __str__(self) -> str:
        lines = []
        if self.features:
            took = duration(self.features)
            lines.append(f"features for the number to beat: {took}")
        for phase in self.phases:
            filling = f"cache {duration(phase.filling)}, " if phase.cached else ""
            lines.append(
                f"{phase.phase}: {filling}{1000 * phase.step:,.1f} ms a step, "
                f"{1000 * phase.validation:,.0f} ms to validate: "
                f"{duration(phase.seconds)}"
            )
        total = self.features + sum(phase.seconds for phase in self.phases)
        memory = "memory unknown on this system"
        if self.peak_bytes is not None:
            memory = f"{self.peak_bytes / 2**30:.1f} GiB of memory"
        took = duration(total)
        return "\n".join(
            [*lines, f"in all about {took}, evaluation and export left out; {memory}"]
        )


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class RunPlan(Preformatted):
    """What a run would do; its text is what ``train --dry-run`` prints.

    Parameters
    ----------
    sizes : Sizes
        Of the data; without a content hash where there are no records yet.
    cache : {'auto', 'on', 'off'}
        Whether frozen blocks are computed once.
    cost : RunCost, optional
        Where a few steps were taken.
    to_download : PublishedWeights, optional
        Weights that are not here, which the run would fetch.
    """

    config: TrainConfig
    backbone: Backbone
    sizes: Sizes
    cache: str
    cost: RunCost | None = None
    to_download: PublishedWeights | None = None

    def __str__(self) -> str:
        config = self.config
        lines = [self._images()]
        for index, phase in enumerate(config.recipe.phases):
            lines += self._phase(index, phase)
        if self.sizes.overview is not None:
            lines += str(self.sizes.overview).splitlines()
        if self.to_download is not None:
            lines.append(_download(self.to_download))
        if not self.sizes.content_hash:
            lines.append("The records would be made first.")
        elif self.to_download is not None:
            lines.append("run: its name follows from the weights, once they are here")
        else:
            lines.append(f"run: {config.run_name}")
        if self.cost is not None:
            lines.append(str(self.cost))
        return "\n".join(lines)

    @property
    def counts(self) -> dict[str, int]:
        """Training images of each class."""
        return self.sizes.variant_counts(self.config.images_per_class)

    @property
    def _num_images(self) -> int:
        return sum(self.counts.values())

    def _images(self) -> str:
        config = self.config
        seen = "random crops"
        if config.augment == "views":
            seen = f"{config.views} fixed view{'s' if config.views > 1 else ''}"
        return (
            f"{config.dataset}: {self._num_images:,} training images of "
            f"{len(self.sizes.classes)} classes, {self.sizes.num_val:,} for "
            f"validation; {seen}, batches of {config.batch_size}"
        )

    def _phase(self, index: int, phase: Phase) -> list[str]:
        config, num_classes = self.config, len(self.sizes.classes)
        preset = PRESETS[config.preset]
        plans = surgery.plan(phase, self.backbone, num_classes, config.batch_norm)
        steps = config.epochs[index] * math.ceil(self._num_images / config.batch_size)
        warm = math.floor(config.warmup * steps)
        rise = f" after {counted(warm, 'step')} of warm-up" if warm else ""
        trained = sum(plan.trained for plan in plans)
        parameters = sum(self.backbone.parameters(n, num_classes) for n in range(1, 9))
        half = surgery.half_words(phase, config.precision)
        return [
            f"{phase}: {counted(config.epochs[index], 'epoch')}, {steps:,} steps at a "
            f"rate of {config.learning_rate[index]:g}{rise}; {trained:,} of "
            f"{parameters:,} parameters trained",
            *(
                f"  {plan.block}  {_block(plan, self.backbone, preset)}"
                for plan in plans
            ),
            f"  {self._cache(phase)}",
            *([f"  {half}"] if half else []),
        ]

    def _cache(self, phase: Phase) -> str:
        config, num_frozen = self.config, surgery.frozen_prefix(phase)
        if not num_frozen:
            return "no frozen prefix: nothing to cache"
        if config.augment == "random" or self.cache == "off":
            return f"blocks 1-{num_frozen} frozen, computed anew in every epoch"
        crops = self._num_images * config.views + self.sizes.num_val
        row = math.prod(self.backbone.outputs[num_frozen - 1])
        size = crops * row * _BYTES[config.cache_dtype]
        when = "" if self.cache == "on" else ", if that is measured to save time"
        return (
            f"blocks 1-{num_frozen} frozen: {crops:,} crops once, a cache of "
            f"{size / 1e6:,.1f} MB{when}"
        )


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class FoldsPlan(Preformatted):
    """What a cross-validation would do; its text is what ``--dry-run --folds`` prints.

    Parameters
    ----------
    run : RunPlan
        Of the run on all training images, which is not trained; the folds' runs are as
        it is, on fewer images.
    """

    run: RunPlan
    num_folds: int

    def __str__(self) -> str:
        folds, total = self.num_folds, self._total
        together = "image by image"
        if self.groups is not None:
            together = "whole groups together"
        lines = [
            f"{folds} folds of {total:,} images of train and val, stratified by class, "
            f"{together}: about {total / folds:,.0f} in each",
            f"{folds} runs, each on the other {folds - 1} folds, of which "
            f"about {self._val_share:.0f} % choose the epoch; the test set is not read",
            "each run is this one, on fewer images:",
            str(self.run),
        ]
        return "\n".join(lines)

    @property
    def _total(self) -> int:
        return sum(self.run.counts.values()) + self.run.sizes.num_val

    @property
    def _val_share(self) -> float:
        """Return the share of the images beside a fold that validates, in percent."""
        return 100 * min(self.run.sizes.num_val / self._total, 0.5)

    @property
    def groups(self) -> GroupCounts | None:
        """The groups of the images; None where they have none."""
        overview = self.run.sizes.overview
        return overview.groups if overview else None

    @property
    def units(self) -> list[int]:
        """Groups of each class in train and val, or images, where those have none.

        Where some images have none, or not all are trained on, they may be fewer.
        """
        groups, overview = self.groups, self.run.sizes.overview
        if groups is not None:
            return [
                train + val + alone
                for train, val, alone in zip(
                    groups.by_class["train"],
                    groups.by_class["val"],
                    groups.alone_by_class,
                    strict=True,
                )
            ]
        val = overview.counts["val"] if overview else [0] * len(self.run.counts)
        counts = self.run.counts.values()
        return [train + more for train, more in zip(counts, val, strict=True)]


def _download(row: PublishedWeights) -> str:
    """Say what would be downloaded, from where, and what does without."""
    return (
        f"The weights would be downloaded first: {row.file}, about "
        f"{places.about_bytes(row) / 1e6:.0f} MB, from {row.urls[0]} to "
        f"{places.expected_path(row)}; without a network, put the file there or name "
        "it with --weights FILE."
    )


def _block(plan: surgery.BlockPlan, backbone: Backbone, preset: Preset) -> str:
    words = [f"{plan.step.action.value:<2}", f"{plan.trained:>10,} trained"]
    factor = preset.factor_of(plan.step, plan.depth)
    if plan.trained and factor != 1:
        words.append(f"rate x {factor:.3g}")
    if plan.batch_norm:
        words.append(f"batch norm: {plan.batch_norm}")
    if plan.dropout:
        words.append(f"dropout: {plan.dropout}")
    return "  ".join([*words, f"({backbone.blocks[plan.block - 1].layers})"])
