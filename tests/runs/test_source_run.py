"""A finished run is the source of another: its network, classes and preprocessing."""

import shutil

import numpy as np
import pytest
from helpers.small_home import small_home

import kerastransfer as kt
from kerastransfer.errors import DataError, InputError, MissingError
from kerastransfer.weights import store


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    with small_home(tmp_path_factory.mktemp("source")) as place:
        yield place


def train(place, recipe, out, **more):
    images = f"folder:{place / 'images'}"
    return kt.train(images, recipe, epochs=(1,), runs=out, export=False, **more)


@pytest.fixture(scope="module")
def source(place):
    return train(place, "R1-8", place / "source", backbone="miniature", fit="squash")


def weights_of(run):
    network = run.blocks()
    return [network.snapshot(number) for number in range(1, 9)]


def test_what_is_kept_is_the_runs(place, source):
    run = train(place, "F1-7R8", place / "tuned", weights=source.folder)
    assert (run.config.backbone, run.config.fit) == ("miniature", "squash")
    before, after = weights_of(source), weights_of(run)
    for block in range(7):  # frozen
        assert before[block].keys() == after[block].keys()
        for name, value in before[block].items():
            np.testing.assert_array_equal(value, after[block][name], err_msg=name)
    head = [name for name in before[7] if name.endswith("kernel")]
    assert any((before[7][n] != after[7][n]).any() for n in head)
    assert run.config.weights != ""


def test_its_classifier_is_kept_for_as_many_classes(place, source):
    run = train(
        place, "F1-7FT8", place / "whole", weights=source.folder, learning_rate=(1e-9,)
    )
    before, after = weights_of(source)[7], weights_of(run)[7]
    for name, value in before.items():
        np.testing.assert_allclose(value, after[name], atol=1e-6, err_msg=name)


def test_its_names_come_along(source):
    loaded = store.load("miniature", source.folder)
    assert loaded.class_names == source.classes == ("dark", "light", "middle")
    assert loaded.source_classes == 3
    ours = {k: v for block in weights_of(source) for k, v in block.items()}
    assert loaded.mapping.keys() == ours.keys()


def test_another_backbone_is_refused(place, source, tmp_path):
    with pytest.raises(InputError, match="Expected --backbone miniature, which the"):
        train(
            place,
            "F1-7R8",
            tmp_path,
            weights=source.folder,
            backbone="efficientnet_lite0",
        )


def test_a_folder_that_is_no_finished_run_is_refused(place, source, tmp_path):
    with pytest.raises(MissingError, match="Expected a finished run"):
        train(place, "F1-7R8", tmp_path, weights=place)
    with pytest.raises(MissingError, match=r"folder without model\.keras"):
        store.load("miniature", place)


def test_an_edited_run_is_refused(place, source, tmp_path):
    edited = tmp_path / "edited"
    shutil.copytree(source.folder, edited)
    (edited / "labels.txt").write_text("a\nb\nc\n")
    with pytest.raises(DataError, match=r"labels\.txt"):
        train(place, "F1-7R8", tmp_path, weights=edited)
    with pytest.raises(DataError, match=r"labels\.txt"):
        store.load("miniature", edited)
