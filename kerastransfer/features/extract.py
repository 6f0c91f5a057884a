"""From a dataset's name to a file of its features."""

from pathlib import Path
from typing import TYPE_CHECKING

from kerastransfer.backbones import table as backbones
from kerastransfer.backbones.default import default_backbone
from kerastransfer.backbones.preprocessing import Fit
from kerastransfer.datasets.dataset import Dataset
from kerastransfer.errors import InputError
from kerastransfer.foundation.progress import progress
from kerastransfer.foundation.quoting import quoted
from kerastransfer.foundation.tensorflow_import import import_quietly
from kerastransfer.records import place
from kerastransfer.records.find import find_or_convert
from kerastransfer.weights import store

if TYPE_CHECKING:
    from kerastransfer.features.feature_file import FeatureFile


def extract(
    dataset: Dataset,
    *,
    backbone: str | None = None,
    split: str | None = None,
    fit: Fit = "crop",
    out: Path,
    weights: Path | None = None,
    records: Path | None = None,
) -> "FeatureFile":
    """Write a backbone's features of a dataset's images to a file, and open it.

    Features that training or distances computed before are taken from the cache.

    Parameters
    ----------
    backbone : str, optional
        By default the dataset's (`kerastransfer.backbones.default`).
    split : {'train', 'val', 'test'}, optional
        All by default, in that order.
    fit : {'crop', 'pad', 'squash'}
        How images that are not square are brought to the network.
    out : Path
        Ends in ``.npz``; replaced where it exists.
    weights : Path, optional
        A file with the source's weights, in place of the known one.
    records : Path, optional
        The folder of converted datasets, in place of the usual one.

    Raises
    ------
    InputError
        If `out` does not end in ``.npz``, or a name is unknown.
    MissingError
        If weights or records are not at hand.
    """
    check_ending(out)
    architecture = backbones.get(backbone or default_backbone(dataset.name), fit=fit)
    loaded = store.load(architecture.name, weights)
    loaded.say()
    import_quietly()
    from kerastransfer.features import feature_file, responses
    from kerastransfer.features.image_set import ImageSet

    examples = find_or_convert(dataset, records)
    network = responses.source_network(architecture, loaded.mapping)
    images = ImageSet.of(examples, split)
    with progress("Extracting") as show:
        feature_file.write(
            out,
            responses.responses(network, architecture, examples, images, show),
            architecture.num_features,
            labels=images.labels(examples),
            ids=images.ids(examples),
            splits=images.splits(),
            records=examples.content_hash,
            dataset=place.without_place(dataset.spec),
            backbone=architecture.name,
            fit=fit,
            weights=loaded.sha256,
        )
    return feature_file.FeatureFile.read(out)


def check_ending(path: Path) -> None:
    """Refuse a file of features or statistics that does not end in ``.npz``."""
    if path.suffix != ".npz":
        raise InputError(f"Expected a file that ends in .npz, got {quoted(path)}.")
