"""A home of its own, in which runs take seconds."""

import contextlib

import pytest

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
