"""A run trains and measures with the fit that its config names."""

import numpy as np
import pytest
from helpers import miniature, small_run
from PIL import Image

from kerastransfer.backbones import table
from kerastransfer.config.defaults import resolve
from kerastransfer.distribution.replicas import single
from kerastransfer.runs import execution, finished
from kerastransfer.training.caching import Caching

SHADES = {"dark": 0, "light": 255}


@pytest.fixture(scope="module")
def records(tmp_path_factory):
    """Wide images that differ at their left end alone, which no centre crop shows."""
    place = tmp_path_factory.mktemp("wide")
    rng = np.random.default_rng(0)
    for name, shade in SHADES.items():
        (place / "images" / name).mkdir(parents=True)
        for number in range(20):
            pixels = np.full((20, 80, 3), 128, np.uint8)
            pixels[:, :24] = abs(shade - int(rng.integers(0, 30)))
            path = place / "images" / name / f"{number:02}.png"
            Image.fromarray(pixels).save(path)
    before = dict(table.BACKBONES)
    yield small_run.open_records(place)
    table.BACKBONES.clear()
    table.BACKBONES.update(before)


@pytest.mark.parametrize(
    ("fit", "cache", "accuracy"),
    [("pad", "on", 1), ("pad", "off", 1), ("squash", "on", 1), ("crop", "on", 0.5)],
)
def test_what_a_crop_cuts_off_is_learned_where_the_whole_is_shown(
    records, tmp_path, fit, cache, accuracy
):
    dataset, opened = records
    settings = {
        "dataset": dataset,
        "backbone": "miniature",
        "recipe": "F1-5R6-8",
        "epochs": (10,),
        "learning_rate": (0.02,),
        "batch_size": 8,
        "fit": fit,
    }
    config = resolve(settings, small_run.summary_of(opened))
    inputs = execution.RunInputs(
        records=opened,
        source_weights=miniature.source_weights(),
        caching=Caching(mode=cache, home=tmp_path / "features"),
        replicas=single(),
        with_probe=False,
    )
    folder = tmp_path / config.run_name
    execution.train(config, inputs, folder)
    run = finished.read(folder)
    assert run.test.accuracy.value == accuracy
