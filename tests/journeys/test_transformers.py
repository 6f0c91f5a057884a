"""Search, study and advice on a transformer take the defaults that training takes."""

import json

import numpy as np
import pytest
from helpers import tiny_presets
from helpers.small_home import small_home
from PIL import Image

import kerastransfer as kt
from kerastransfer.runs import finished

keras_hub = pytest.importorskip("keras_hub", reason="needs the extra hub")
pytestmark = pytest.mark.slow
UPPER = "F1-5FT6-7R8"


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    with small_home(tmp_path_factory.mktemp("transformers")) as place:
        yield place


@pytest.fixture(scope="module")
def backbone(place):
    tiny_presets.save(keras_hub, tiny_presets.dinov2, place / "dino")
    return f"hub:{place / 'dino'}"


def configs(folder):
    """Configs of all runs in a folder and below."""
    return [
        json.loads(path.read_text(encoding="utf-8"))
        for path in folder.rglob("config.json")
    ]


def test_search(place, backbone):
    search = kt.tune(
        place / "images",
        recipes=(UPPER,),
        tuner="bayesian",
        trials=1,
        backbone=backbone,
        epochs=(1,),
        out=place / "search",
    )
    # The first trial is the middle of the space.
    assert search.best.config.preset == "transformer"
    assert search.best.config.warmup == 0.1
    run = kt.train(
        place / "images", UPPER, config=search.best.config, runs=place / "runs"
    )
    assert finished.read(run.folder).config == search.best.config


def test_study(place, backbone):
    kt.study(
        [place / "images"],
        recipes=("F1-7R8", UPPER),
        images_per_class=(4,),
        rates=(3e-4,),
        epochs=(1,),
        backbone=backbone,
        distances=False,
        probe=False,
        out=place / "study",
    )
    rates = {c["recipe"]: c["learning_rate"] for c in configs(place / "study")}
    assert rates == {"F1-7R8": [2e-3], UPPER: [3e-4]}
    assert {c["preset"] for c in configs(place / "study")} == {"transformer"}


def test_advice(place, backbone):
    rng = np.random.default_rng(1)
    for label, name in enumerate(("dark", "middle", "light")):
        (place / "more" / name).mkdir(parents=True)
        for number in range(20):
            pixels = rng.integers(70 * label, 70 * label + 110, (24, 20, 3), np.uint8)
            Image.fromarray(pixels).save(place / "more" / name / f"{number:02}.png")
    answer = kt.advise(
        place / "more",
        backbone=backbone,
        epochs=(1,),
        batch_size=8,
        time_limit=2,
        out=place / "advice",
    )
    assert answer.decision.contender.recipe in answer.command
    tried = configs(place / "advice")
    assert {"F1-7R8"} < {config["recipe"] for config in tried}
    assert {config["preset"] for config in tried} == {"transformer"}
