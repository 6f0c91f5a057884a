"""Train a small network on the devices that are named, and write losses and weights.

python device_steps.py OUT --case CASE [--images N] [--devices N]
                       [--workers HOST:PORT,... --worker K]
"""

import argparse
import dataclasses
import pathlib
import sys

sys.path.insert(0, str(pathlib.Path(__file__).parent.parent))

from kerastransfer.distribution.choice import Choice
from kerastransfer.distribution.start import start

# Eleven images in batches of 5, 5 and 1: neither the batch nor two replicas divide it,
# and the last batch is one image for two replicas. Twelve: it is two for three.
BATCH, EPOCHS = 5, 7
# name: (recipe, preset, dropout rate, other settings)
CASES = {
    "factors": ("FT1-2@0.5FT3-5@0.1FT6-7R8", "caffe", 0.0, {}),
    "clipped": ("FT1-7R8", "caffe", 0.0, {"clip_norm": 0.05, "label_smoothing": 0.1}),
    "dropout": ("F1-4FT5-7R8", "caffe", 0.4, {}),
    "batch statistics": ("R1-8", "caffe", 0.0, {"class_weights": "auto"}),
    "adamw": ("FT1-7R8", "default", 0.2, {"warmup": 0.2}),
    "bfloat16": ("FT1-7R8", "caffe", 0.2, {"precision": "bfloat16"}),
    "float16": ("FT1-7R8", "caffe", 0.2, {"precision": "float16"}),
    # Of a model of one's own; the rate is that of masks that all images share.
    "random layers": ("FT1-3R4FT5-7R8", "caffe", 0.4, {}),
    "a mask of five images": ("FT1-7R8", "caffe", 0.4, {}),
}
REFUSED = {"a mask of five images"}


def backbone(rate):
    """Grouped convolutions, response norms, batch norms and dropout, each somewhere."""
    from helpers import miniature
    from kerastransfer.backbones.network import Network

    def build(num_classes, seed):
        blocks, shape = [], (16, 16, 3)
        for number in range(1, 9):
            make = convolution if number <= 5 else dense
            units = num_classes if number == 8 else 12
            blocks.append(make(number, shape, seed, units, rate))
            shape = blocks[-1].output_shape[1:]
        return Network(tuple(blocks))

    blocks = tuple(
        dataclasses.replace(
            block,
            batch_norms=int(number in (3, 4)),
            dropout=rate if number > 5 else 0.0,
        )
        for number, block in enumerate(miniature.BACKBONE.blocks, start=1)
    )
    return dataclasses.replace(
        miniature.BACKBONE, name="grouped", blocks=blocks, build=build
    )


def he(name, seed):
    import keras

    from kerastransfer.backbones.network import seed_of

    return {
        "kernel_initializer": keras.initializers.HeNormal(seed_of(seed, name)),
        "name": name,
    }


def convolution(number, shape, seed, units, rate):
    from keras import Input, Model, layers

    from kerastransfer.backbones.layers import GroupedConv2D, LocalResponseNormalization

    def conv(x):
        named = he(f"conv{number}", seed)
        if number in (2, 4):
            return GroupedConv2D(8, 3, padding="same", groups=2, **named)(x)
        return layers.Conv2D(8, 3, padding="same", **named)(x)

    after = {
        1: [LocalResponseNormalization(name="norm1")],
        2: [LocalResponseNormalization(name="norm2"), layers.AveragePooling2D(2)],
        3: [],
        4: [],
        5: [layers.AveragePooling2D(2), layers.Flatten()],
    }
    inputs = Input(shape)
    x = conv(inputs)
    if number in (3, 4):
        x = layers.BatchNormalization(name=f"bn{number}")(x)
    x = layers.ReLU()(x)
    for layer in after[number]:
        x = layer(x)
    return Model(inputs, x, name=f"block{number}")


def dense(number, shape, seed, units, rate):
    from keras import Input, Model, layers

    inputs = Input(shape)
    x = layers.Dropout(rate)(inputs) if rate else inputs
    activation = "relu" if number < 8 else None
    x = layers.Dense(units, activation=activation, **he(f"fc{number}", seed))(x)
    return Model(inputs, x, name=f"block{number}")


def own_backbone(rate, images, path):
    """A file's model with every kind of random layer, one of them after a batch norm.

    The mask in block 6 is for so many images: 1, and it is one that all share.
    """
    from keras import Input, Model, layers
    from keras.src.applications.convnext import StochasticDepth

    from kerastransfer.backbones import table

    after = {
        1: layers.SpatialDropout2D(rate),
        2: layers.GaussianNoise(rate),
        3: layers.GaussianDropout(rate),
        5: layers.Dropout(rate, noise_shape=(None, 1, 1, 8)),
        6: layers.Dropout(rate, noise_shape=(images, 16, 16, 8)),
        7: layers.AlphaDropout(rate / 4),
    }
    inputs = Input((16, 16, 3))
    x = layers.Rescaling(1 / 255)(inputs)
    for number in range(1, 8):
        conv = layers.Conv2D(8, 3, padding="same", **he(f"conv{number}", 1))(x)
        if number == 4:
            conv = layers.BatchNormalization(name="bn4")(conv)
            conv = StochasticDepth(rate)(conv)
            conv = layers.Add()([x, conv])
        x = layers.ReLU(name=f"relu{number}")(conv)
        if number in after:
            x = after[number](x)
    x = layers.Dropout(rate)(layers.GlobalAveragePooling2D()(x))
    model = Model(inputs, layers.Dense(5, **he("fc8", 1))(x))
    cuts = ",".join("relu4" if n == 4 else after[n].name for n in range(1, 7))
    model.save(path)
    return table.get(f"keras:{path}?cuts={cuts}")


def train(case, replicas, count, path):
    """Take 21 steps; return the losses and the weights they leave."""
    import keras
    import numpy as np

    from helpers import miniature
    from kerastransfer import surgery
    from kerastransfer.config.defaults import DataSummary, resolve
    from kerastransfer.recipe import Recipe
    from kerastransfer.training.phase import PhaseSetup

    recipe, preset, rate, settings = CASES[case]
    named = {"dataset": "noise", "backbone": "grouped", "recipe": recipe}
    named |= {"preset": preset, "batch_size": BATCH, "learning_rate": [0.003]}
    summary = DataSummary(records="", weights="", num_images=count, mirror=False)
    config = resolve(named | {"epochs": [EPOCHS]} | settings, summary)
    own = {"random layers": 1, "a mask of five images": BATCH}
    kind = own_backbone(rate, own[case], path) if case in own else backbone(rate)
    step = Recipe.parse(recipe).phases[0]
    source = kind.build(kind.source_classes, 9)
    weights = {k: v for n in range(1, 9) for k, v in source.snapshot(n).items()}
    with replicas.strategy.scope():
        network = surgery.draw(step, kind, 3, config.seed, weights)
    examples = miniature.make_examples(count, 4)
    setup = miniature.setup_of(config, examples, backbone=kind, replicas=replicas)
    losses = []

    class Note(keras.callbacks.Callback):
        def on_train_batch_end(self, batch, logs=None):
            losses.append(logs["loss"])

    # The last epoch's weights are wanted, not the best's: no validation set.
    source = dataclasses.replace(setup.images(), val_positions=np.arange(0))
    phase = PhaseSetup(setup=setup, index=0, network=network, source=source)
    miniature.train_phase(phase, [Note()])
    after = {k: v for n in range(1, 9) for k, v in network.snapshot(n).items()}
    return {"losses": np.array(losses), **after}


def main():
    """Run a case, and write what came out."""
    parser = argparse.ArgumentParser()
    parser.add_argument("out", type=pathlib.Path)
    parser.add_argument("--case", choices=CASES)
    parser.add_argument("--images", type=int, default=11)
    parser.add_argument("--devices", type=int)
    parser.add_argument(
        "--workers", type=lambda text: tuple(text.split(",")), default=()
    )
    parser.add_argument("--worker", type=int)
    args = parser.parse_args()
    replicas = start(
        Choice(devices=args.devices, workers=args.workers, worker=args.worker)
    )
    import numpy as np

    path = args.out.with_suffix(".keras")
    np.savez(args.out, **train(args.case, replicas, args.images, path))


if __name__ == "__main__":
    main()
