"""Crops that are decoded once: the same bytes, the same run, or none kept."""

import dataclasses

import numpy as np
import pytest
from helpers import miniature

from kerastransfer.features.cache_inventory import entries
from kerastransfer.training import frozen_prefix
from kerastransfer.training.caching import Caching
from kerastransfer.training.phase import PhaseSetup


def choose(setup, caching, *, epochs=3):
    setup = dataclasses.replace(setup, caching=caching)
    network = setup.make_network()
    return frozen_prefix.choose(setup, network, 0, epochs=epochs)


def told(batches):
    """Each batch's size, crops, labels, rows and weights."""
    return [
        (batch.size, *(np.asarray(part).astype(np.float64) for part in share))
        for batch in batches
        for share in batch.shares
    ]


@pytest.mark.parametrize("views", [1, 5, 10])
def test_kept_crops_are_those_that_are_decoded(tmp_path, views):
    setup = miniature.make_setup(tmp_path, "FT1-7R8", views=views, mirror=True)
    kept, images = choose(setup, setup.caching), setup.images()
    assert (kept.first, kept.dtype) == (1, "uint8")
    for epoch in range(3):
        for one, other in zip(
            told(kept.train(epoch)), told(images.train(epoch)), strict=True
        ):
            for ours, theirs in zip(one, other, strict=True):
                np.testing.assert_array_equal(ours, theirs)
    for one, other in zip(kept.val(), images.val(), strict=True):
        np.testing.assert_array_equal(one[0], other[0].numpy())
    (entry,) = entries(tmp_path / "features")
    assert entry.details["cut"] == 0
    assert entry.size >= 16 * 16 * 3 * (views * 13 + 6)


@pytest.mark.parametrize("recipe", ["FT1-7R8", "R1-8", "FT1-3F4R5-8"])
def test_a_run_takes_the_same_steps_with_them_and_without(tmp_path, recipe):
    weights = []
    for mode in ("on", "off"):
        setup = miniature.make_setup(tmp_path, recipe, views=5)
        setup = dataclasses.replace(
            setup, caching=dataclasses.replace(setup.caching, mode=mode)
        )
        network = setup.make_network()
        source = frozen_prefix.choose_source(setup, network, 0, cached=None)
        assert source.dtype == {"on": "uint8", "off": "float32"}[mode]
        phase = PhaseSetup(setup=setup, index=0, network=network, source=source)
        assert not miniature.train_phase(phase).cached  # no prefix is
        weights.append([network.snapshot(block) for block in range(1, 9)])
    for one, other in zip(*weights, strict=True):
        for name, value in one.items():
            np.testing.assert_array_equal(value, other[name], err_msg=name)


def test_what_is_kept_is_used_whatever_it_saves(tmp_path, capsys):
    setup = miniature.make_setup(tmp_path, "FT1-7R8", views=5)
    automatic = Caching(home=tmp_path / "features")
    assert choose(setup, automatic, epochs=1).dtype == "float32"
    assert not entries(tmp_path / "features")
    choose(setup, setup.caching)
    assert "Decoding 71 crops once" in capsys.readouterr().err
    assert choose(setup, automatic, epochs=1).dtype == "uint8"
    assert capsys.readouterr().err == ""


def test_many_epochs_pay(tmp_path, capsys):
    setup = miniature.make_setup(tmp_path, "FT1-7R8", views=5)
    caching = Caching(home=tmp_path / "features")
    assert choose(setup, caching, epochs=5000).dtype == "uint8"
    assert "A cache saves about" in capsys.readouterr().err


@pytest.mark.parametrize(
    "change", [{"fit": "pad"}, {"fit": "squash"}, {"resize_to": 21}], ids=str
)
def test_crops_that_are_no_whole_numbers_are_not_kept(tmp_path, change):
    setup = miniature.make_setup(tmp_path, "FT1-7R8", views=5)
    preprocessing = dataclasses.replace(setup.backbone.preprocessing, **change)
    backbone = dataclasses.replace(setup.backbone, preprocessing=preprocessing)
    setup = dataclasses.replace(setup, backbone=backbone)
    for mode in ("on", "auto"):
        caching = Caching(mode=mode, home=tmp_path / "features")
        assert choose(setup, caching, epochs=5000).dtype == "float32"
    assert not list(tmp_path.rglob("*.rows.npy"))


def test_a_prefix_comes_first_and_off_is_off(tmp_path):
    setup = miniature.make_setup(tmp_path, "F1-5R6-8", views=5)
    network = setup.make_network()
    assert frozen_prefix.choose(setup, network, 5, epochs=3).first == 6
    # Decided before for images: results would be rounded otherwise with the prefix.
    kept = frozen_prefix.choose(setup, network, 5, epochs=3, decided=False)
    assert (kept.first, kept.dtype) == (1, "uint8")
    off = dataclasses.replace(setup.caching, mode="off")
    assert choose(setup, off).dtype == "float32"
