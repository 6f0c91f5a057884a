"""The frozen prefix: whether to compute it once, and doing so."""

import math

import numpy as np
from numpy.typing import NDArray

from kerastransfer import views
from kerastransfer.backbones.network import Network
from kerastransfer.features.extraction import Extractor
from kerastransfer.recipe import NUM_BLOCKS
from kerastransfer.training.console import say
from kerastransfer.training.source import Activations, Images, Source

CACHES = ("auto", "on", "off")
# Above this, keeping activations in memory would crowd out the training itself.
_LIMIT = 2 * 2**30

Features = dict[str, tuple[NDArray[np.float32], NDArray[np.int64]]]


def choose(
    images: Images,
    network: Network,
    cut: int,
    *,
    epochs: int,
    cache: str,
    features: Features | None,
) -> Source:
    """Choose what a phase trains on: images, or activations computed once.

    Parameters
    ----------
    images : Images
        What an uncached run trains on.
    network : Network
        With the weights that the phase starts from.
    cut : int
        The last block of the frozen prefix; 0 where there is none.
    epochs : int
        The phase's.
    cache : {'auto', 'on', 'off'}
    features : dict, optional
        Block 7's outputs in the centre view, where they are known and still hold.

    Returns
    -------
    Source
    """
    if not _pays(images, network, cut, epochs=epochs, cache=cache):
        return images
    if cut == NUM_BLOCKS - 1 and features and images.config.views == 1:
        return _from_features(features, images)
    say(f"Computing blocks 1-{cut} once for each image and view ...")
    return compute(network, images, cut)


def _pays(
    images: Images, network: Network, cut: int, *, epochs: int, cache: str
) -> bool:
    """Decide, and say why not."""
    if cut == 0 or cache == "off":
        return False
    if images.config.augment == "random":
        say("No cache: a random crop is never the same twice.")
        return False
    if cache == "on":
        return True
    if epochs <= images.config.views:
        say("No cache: there are no more epochs than views, so it would not pay.")
        return False
    size = num_bytes(network, images, cut)
    if size > _LIMIT:
        say(
            f"No cache: it would take {size / 2**30:.1f} GiB of memory, above "
            f"{_LIMIT / 2**30:.0f}; --cache on takes it all the same."
        )
        return False
    return True


def num_bytes(network: Network, images: Images, cut: int) -> int:
    """Work out the memory that a prefix's outputs take, in float32.

    Parameters
    ----------
    network : Network
    images : Images
    cut : int
        The prefix's last block, 1 to 7.

    Returns
    -------
    int
        Bytes.
    """
    floats = math.prod(network.blocks[cut - 1].output_shape[1:])
    outputs = images.num_images * images.config.views + len(images.val_positions)
    return 4 * floats * outputs


def compute(network: Network, images: Images, cut: int) -> Activations:
    """Run the frozen blocks once over every image and view.

    Parameters
    ----------
    network : Network
        Its blocks 1 to `cut` are frozen.
    images : Images
        What an uncached run would train on.
    cut : int
        1 to 7.

    Returns
    -------
    Activations
    """
    run = Extractor(network, images.facts, last=cut)
    outputs = []
    labels = np.zeros(0, np.int64)
    for view in views.fixed(images.config.views):
        output, labels = run(images.view(view))
        outputs.append(output)
    val_outputs, val_labels = run(images.val())
    return Activations(
        train_outputs=np.stack(outputs),
        train_labels=labels,
        val_outputs=val_outputs,
        val_labels=val_labels,
        positions=images.train_positions,
        config=images.config,
        first=cut + 1,
    )


def _from_features(features: Features, images: Images) -> Activations:
    """Take the source's features for the head's inputs: they are the same."""
    train, train_labels = features["train"]
    val, val_labels = features["val"]
    return Activations(
        train_outputs=train[np.newaxis],
        train_labels=train_labels,
        val_outputs=val,
        val_labels=val_labels,
        positions=images.train_positions,
        config=images.config,
        first=NUM_BLOCKS,
    )
