"""Folders such as KerasHub downloads, with tiny networks whose weights are random."""

from pathlib import Path

import keras
import numpy as np

SIDE, LAYERS = 56, 8
MEAN, DEVIATION = np.array([0.485, 0.456, 0.406]), np.array([0.229, 0.224, 0.225])


def vit(hub, side=SIDE):
    return hub.models.ViTBackbone(
        image_shape=(side, side, 3),
        patch_size=14,
        num_layers=LAYERS,
        num_heads=2,
        hidden_dim=16,
        mlp_dim=32,
        name="vit",
    )


def dinov2(hub, side=SIDE):
    return hub.models.DINOV2Backbone(
        patch_size=14,
        num_layers=LAYERS,
        hidden_dim=16,
        num_heads=2,
        intermediate_dim=32,
        image_shape=(side, side, 3),
        position_embedding_shape=(SIDE, SIDE),
        name="dino",
    )


def _two_encoders(hub, kind, side):
    sizes = {"hidden_dim": 16, "num_heads": 2, "intermediate_dim": 32}
    models = hub.models
    return {
        "vision_encoder": getattr(models, f"{kind}VisionEncoder")(
            patch_size=14, num_layers=LAYERS, image_shape=(side, side, 3), **sizes
        ),
        "text_encoder": getattr(models, f"{kind}TextEncoder")(
            vocabulary_size=20, embedding_dim=16, num_layers=1, **sizes
        ),
    }


def clip(hub, side=SIDE):
    made = hub.models.CLIPBackbone(
        **_two_encoders(hub, "CLIP", side), projection_dim=12
    )
    positions = made.vision_encoder.embedding.position_ids
    positions.assign(np.arange(positions.shape[1])[np.newaxis])  # as files have them
    return made


def siglip(hub, side=SIDE):
    return hub.models.SigLIPBackbone(**_two_encoders(hub, "SigLIP", side))


def efficientnet(hub, side=None):
    """One block of each of the kinds that KerasHub's EfficientNets are made of."""
    return hub.models.EfficientNetBackbone(
        stackwise_kernel_sizes=[3, 3, 3, 3],
        stackwise_num_repeats=[1, 2, 2, 2],
        stackwise_input_filters=[8, 8, 8, 8],
        stackwise_output_filters=[8, 8, 8, 8],
        stackwise_expansion_ratios=[1, 2, 2, 2],
        stackwise_squeeze_and_excite_ratios=[0, 0.25, 0, 0.25],
        stackwise_strides=[1, 2, 1, 2],
        stackwise_block_types=["cba", "v1", "fused", "unfused"],
        width_coefficient=1.0,
        depth_coefficient=1.0,
        name="efficient",
    )


def resnet(hub, side=None):
    return hub.models.ResNetBackbone(
        input_conv_filters=[64],
        input_conv_kernel_sizes=[7],
        stackwise_num_filters=[64, 8, 8],
        stackwise_num_blocks=[2, 2, 2],
        stackwise_num_strides=[1, 2, 2],
        block_type="basic_block",
        name="resnet",
    )


_CONVERTERS = {
    vit: "ViT",
    dinov2: "DINOV2",
    clip: "CLIP",
    siglip: "SigLIP",
    efficientnet: "EfficientNet",
    resnet: "ResNet",
}


def mark_whole(folder: Path) -> None:
    """Mark a preset's files as kagglehub marks those that came whole."""
    marks = folder.parent / ".complete" / folder.name
    marks.mkdir(parents=True, exist_ok=True)
    for file in folder.iterdir():
        (marks / f"{file.name}.complete").touch()


def save(hub, make, place: Path, **converter):
    """Write a network with its converter; return what was written."""
    keras.utils.set_random_seed(2)
    made = make(hub)
    rng = np.random.default_rng(0)
    for weight in made.weights:  # or norms, scales and statistics would be ones
        if weight.trainable:
            weight.assign(weight + rng.normal(0, 0.05, weight.shape).astype("f4"))
        elif weight.name.startswith("moving"):
            weight.assign(rng.uniform(0.5, 1.5, weight.shape).astype("f4"))
    made.save_to_preset(str(place))
    named = {
        "image_size": (SIDE, SIDE),
        "scale": (1 / 255 / DEVIATION).tolist(),
        "offset": (-MEAN / DEVIATION).tolist(),
    }
    kind = getattr(hub.layers, f"{_CONVERTERS[make]}ImageConverter")
    kind(**{**named, **converter}).save_to_preset(str(place))
    return made
