"""What ``train --dry-run`` says: the plan, without TensorFlow and without a record."""

import math

from kerastransfer import surgery
from kerastransfer.backbones.backbone import Backbone
from kerastransfer.cli.sizes import Sizes
from kerastransfer.recipe import Phase, Recipe
from kerastransfer.training.config import TrainConfig


def describe(config: TrainConfig, backbone: Backbone, data: Sizes) -> str:
    """Say what a run would do.

    Parameters
    ----------
    config : TrainConfig
    backbone : Backbone
    data : Sizes

    Returns
    -------
    str
        Lines.
    """
    num_images = sum(data.variant_counts(config.images_per_class).values())
    lines = [
        f"{config.dataset}: {num_images:,} training images of {len(data.classes)} "
        f"classes; {config.views} fixed views, batches of {config.batch_size}"
    ]
    phases = Recipe.parse(config.recipe).phases
    for phase, epochs, rate in zip(
        phases, config.epochs, config.learning_rate, strict=True
    ):
        steps = epochs * math.ceil(num_images / config.batch_size)
        plans = surgery.plan(phase, backbone, len(data.classes), config.batch_norm)
        trained = sum(plan.trained for plan in plans)
        lines.append(
            f"{phase}: {epochs} epochs, {steps:,} steps at a rate of {rate:g}; "
            f"{trained:,} parameters trained; {_frozen(phase)}"
        )
    if data.content_hash:
        lines.append(f"run: {config.run_name}")
    else:
        lines.append("The records would be made first.")
    return "\n".join(lines)


def _frozen(phase: Phase) -> str:
    cut = surgery.frozen_prefix(phase)
    return f"blocks 1-{cut} frozen and computed once" if cut else "no frozen prefix"
