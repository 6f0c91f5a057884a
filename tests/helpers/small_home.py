"""A home of its own, in which runs take seconds."""

import contextlib

import pytest

import kerastransfer as kt
from helpers import miniature, small_run
from kerastransfer.backbones import table


@contextlib.contextmanager
def small_home(place):
    """Offer the miniature backbone, and images in a folder; records are made there."""
    small_run.make_images(place / "images")
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(table.BACKBONES, "miniature", miniature.BACKBONE)
        patch.setenv("KERASTRANSFER_HOME", str(place / "home"))
        yield place


def train(place, **settings):
    """Train the miniature backbone on the place's images, and nothing beside it."""
    few = {"epochs": (8,), "probe": False, "export": False}
    return kt.train(
        place / "images",
        "R1-8",
        backbone="miniature",
        runs=place / "runs",
        **{**few, **settings},
    )
