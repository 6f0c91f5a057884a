"""Settings that must stand before TensorFlow is imported, and the light tests.

`pytest -m light` collects only what tests rooms that need no TensorFlow.
"""

import os
from pathlib import Path

import pytest
from helpers.levels import LIGHT_ROOMS, LIGHT_UP_TO, level

# The command line's own.
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
os.environ.setdefault("TF_ENABLE_ONEDNN_OPTS", "1")
os.environ.setdefault("KERAS_BACKEND", "tensorflow")
# One thread for each library where tests run side by side: those that wait for another
# worker's core take a sixth of the time. `.ci/run` trains with all of them, too.
if "PYTEST_XDIST_WORKER" in os.environ:
    for name in ("TF_NUM_INTRAOP_THREADS", "OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS"):
        os.environ.setdefault(name, "1")

TESTS = Path(__file__).parent
# Tests at the top, of several rooms or of none.
LIGHT_FILES = {
    *("test_errors", "test_examples", "test_imports", "test_metadata"),
    *("test_recipe", "test_tree", "test_views"),
}
# In light rooms, but on TensorFlow Datasets, on Keras or on a network that is built.
HEAVY_FILES = {"test_tfds_set", "test_report", "test_keras_settings"}

# Files that take longest, so that none is begun when all others are done.
LONGEST = (
    *("test_readme", "test_replicas", "test_resume", "test_search", "test_digits"),
    *("test_lite0_training", "test_killed", "test_alexnet", "test_examples_folder"),
    *("test_failures", "test_api", "test_memory", "test_other_files"),
)


@pytest.fixture(autouse=True, scope="module")
def backbones_that_there_are():
    """Forget networks that a file's tests made known: files run in any order."""
    from kerastransfer.backbones.table import BACKBONES

    before = dict(BACKBONES)
    yield
    BACKBONES.clear()
    BACKBONES.update(before)


def is_light(path):
    """Return whether a test file needs no TensorFlow."""
    parts = path.relative_to(TESTS).with_suffix("").parts
    if len(parts) == 1:
        return parts[0] in LIGHT_FILES
    room = ".".join(parts[:-1])
    if parts[0] in ("helpers", "journeys", "data") or parts[-1] in HEAVY_FILES:
        return False
    return room in LIGHT_ROOMS or level(room) <= LIGHT_UP_TO


def pytest_ignore_collect(collection_path, config):
    """Leave files out that would only be imported to be deselected."""
    light = config.option.markexpr == "light" and collection_path.suffix == ".py"
    return True if light and not is_light(collection_path) else None


def pytest_collection_modifyitems(items):
    """Mark the light tests by where they are; begin with what takes longest."""
    for item in items:
        if is_light(item.path) and not item.get_closest_marker("slow"):
            item.add_marker(pytest.mark.light)
    ranks = {name: rank for rank, name in enumerate(LONGEST)}
    items.sort(key=lambda item: ranks.get(item.path.stem, len(ranks)))
