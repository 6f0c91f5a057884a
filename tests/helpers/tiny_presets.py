"""KerasHub's ViT and DINOv2 in miniature, as folders such as its presets are."""

import pathlib

import keras
import numpy as np
import pytest

keras_hub = pytest.importorskip("keras_hub", reason="needs the extra hub")
SIDE, LAYERS = 56, 8
MEAN, DEVIATION = np.array([0.485, 0.456, 0.406]), np.array([0.229, 0.224, 0.225])


def vit(side: int = SIDE, layers: int = LAYERS) -> keras.Model:
    return keras_hub.models.ViTBackbone(
        image_shape=(side, side, 3),
        patch_size=14,
        num_layers=layers,
        num_heads=2,
        hidden_dim=16,
        mlp_dim=32,
        name="vit",
    )


def dinov2(side: int = SIDE, layers: int = LAYERS) -> keras.Model:
    return keras_hub.models.DINOV2Backbone(
        patch_size=14,
        num_layers=layers,
        hidden_dim=16,
        num_heads=2,
        intermediate_dim=32,
        image_shape=(side, side, 3),
        position_embedding_shape=(SIDE, SIDE),
        name="dino",
    )


CONVERTERS = {
    vit: keras_hub.layers.ViTImageConverter,
    dinov2: keras_hub.layers.DINOV2ImageConverter,
}


def save(kind, place: pathlib.Path, layers: int = LAYERS) -> tuple[str, keras.Model]:
    """Write a preset of random weights; return its name here, and its network."""
    keras.utils.set_random_seed(2)
    made = kind(layers=layers)
    rng = np.random.default_rng(0)
    for weight in made.trainable_weights:  # or norms and scales would be ones
        weight.assign(weight + rng.normal(0, 0.05, weight.shape).astype("f4"))
    made.save_to_preset(str(place))
    converter = CONVERTERS[kind](
        image_size=(SIDE, SIDE),
        scale=(1 / 255 / DEVIATION).tolist(),
        offset=(-MEAN / DEVIATION).tolist(),
    )
    converter.save_to_preset(str(place))
    return f"hub:{place}", made
