"""What ``train --dry-run`` says: the plan, without TensorFlow and without a record."""

import dataclasses
import math
from typing import TYPE_CHECKING

from kerastransfer import surgery
from kerastransfer.backbones.backbone import Backbone
from kerastransfer.config.train_config import TrainConfig
from kerastransfer.foundation.progress import duration
from kerastransfer.recipe import Phase
from kerastransfer.records.sizes import Sizes

if TYPE_CHECKING:
    from kerastransfer.runs.cost import PhaseCost

_BYTES = {"float32": 4, "float16": 2}


def describe(config: TrainConfig, backbone: Backbone, data: Sizes, cache: str) -> str:
    """Say what a run would do.

    Parameters
    ----------
    config : TrainConfig
    backbone : Backbone
    data : Sizes
    cache : {'auto', 'on', 'off'}

    Returns
    -------
    str
        Lines.
    """
    num_images = sum(data.variant_counts(config.images_per_class).values())
    seen = "random crops"
    if config.augment == "views":
        seen = f"{config.views} fixed view{'s' if config.views > 1 else ''}"
    lines = [
        f"{config.dataset}: {num_images:,} training images of {len(data.classes)} "
        f"classes, {data.num_val:,} for validation; {seen}, batches of "
        f"{config.batch_size}"
    ]
    phases = config.recipe.phases
    for index, phase in enumerate(phases):
        plans = surgery.plan(phase, backbone, len(data.classes), config.batch_norm)
        steps = config.epochs[index] * math.ceil(num_images / config.batch_size)
        lines += [
            f"{phase}: {config.epochs[index]} epochs, {steps:,} steps at a rate of "
            f"{config.learning_rate[index]:g}; {sum(p.trained for p in plans):,} of "
            f"{_parameters(backbone, data):,} parameters trained",
            *(f"  {plan.number}  {_block(plan, backbone)}" for plan in plans),
            f"  {_cache(config, backbone, data, phase, num_images, cache)}",
        ]
    if data.content_hash:
        lines.append(f"run: {config.run_name}")
    else:
        lines.append("The records would be made first.")
    return "\n".join(lines)


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class RunCost:
    """What a few steps told.

    Parameters
    ----------
    phases : tuple of PhaseCost
    features : float
        Seconds that the probe's features take.
    peak_bytes : int or None
        Most memory in use; None where the system does not tell.
    """

    phases: "tuple[PhaseCost, ...]"
    features: float
    peak_bytes: int | None


def measured(found: RunCost) -> str:
    """Say how long a run will take, and how much memory.

    Parameters
    ----------
    found : RunCost

    Returns
    -------
    str
        Lines.
    """
    lines = []
    if found.features:
        lines.append(f"features for the number to beat: {duration(found.features)}")
    for each in found.phases:
        filling = f"cache {duration(each.filling)}, " if each.cached else ""
        lines.append(
            f"{each.phase}: {filling}{1000 * each.step:,.1f} ms a step, "
            f"{1000 * each.validation:,.0f} ms to validate: {duration(each.seconds)}"
        )
    total = found.features + sum(each.seconds for each in found.phases)
    memory = "memory unknown on this system"
    if found.peak_bytes is not None:
        memory = f"{found.peak_bytes / 2**30:.1f} GiB of memory"
    lines.append(
        f"in all about {duration(total)}, evaluation and export left out; {memory}"
    )
    return "\n".join(lines)


def _parameters(backbone: Backbone, data: Sizes) -> int:
    return sum(backbone.parameters(n, len(data.classes)) for n in range(1, 9))


def _block(plan: surgery.BlockPlan, backbone: Backbone) -> str:
    words = [f"{plan.step.action.value:<2}", f"{plan.trained:>10,} trained"]
    if plan.step.factor != 1:
        words.append(f"rate x {plan.step.factor:g}")
    if plan.batch_norm:
        words.append(f"batch norm: {plan.batch_norm}")
    if plan.dropout:
        words.append(f"dropout: {plan.dropout}")
    return "  ".join([*words, f"({backbone.blocks[plan.number - 1].layers})"])


def _cache(
    config: TrainConfig,
    backbone: Backbone,
    data: Sizes,
    phase: Phase,
    num_images: int,
    cache: str,
) -> str:
    cut = surgery.frozen_prefix(phase)
    if not cut:
        return "no frozen prefix: nothing to cache"
    if config.augment == "random" or cache == "off":
        return f"blocks 1-{cut} frozen, computed anew in every epoch"
    crops = num_images * config.views + data.num_val
    size = crops * math.prod(backbone.outputs[cut - 1]) * _BYTES[config.cache_dtype]
    when = "" if cache == "on" else ", if that is measured to save time"
    return (
        f"blocks 1-{cut} frozen: {crops:,} crops once, a cache of {size / 1e6:,.1f} MB"
        f"{when}"
    )
