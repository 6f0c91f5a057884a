"""Rankings of finished runs as backbones, and of networks that are not here."""

import json

import numpy as np
import pytest
from helpers.small_home import small_home

import kerastransfer as kt
from kerastransfer import cli
from kerastransfer.advice import features, splits
from kerastransfer.advice.ranking import RankedBackbone, Ranking
from kerastransfer.api import given
from kerastransfer.backbones import image_ops
from kerastransfer.distances.domains import SourceNetwork
from kerastransfer.errors import DataError, UnknownNameError
from kerastransfer.evaluation.intervals import wilson
from kerastransfer.features import inference
from kerastransfer.runs import sources


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    with small_home(tmp_path_factory.mktemp("ranking")) as place:
        yield place


@pytest.fixture(scope="module")
def runs(place):
    """Networks that were trained for one epoch and for thirty, from other weights."""
    return [
        kt.train(
            place / "images",
            "R1-8",
            backbone="miniature",
            runs=place / f"runs{seed}",
            seed=seed,
            epochs=(epochs,),
            export=False,
            probe=False,
        ).folder
        for seed, epochs in ((1, 1), (2, 30))
    ]


def test_networks_are_ranked_by_plain_classifiers_on_their_features(place, runs):
    ranking = kt.rank(place / "images", [*runs, "alexnet"])
    first, second, missing = ranking.backbones
    assert {first.name, second.name} == set(map(str, runs))
    assert first.probe.value >= second.probe.value
    assert ranking.from_best(first) is None
    gap = ranking.from_best(second)
    expected = second.right.mean() - first.right.mean()
    assert gap.value == pytest.approx(expected)
    assert gap.low <= gap.value <= gap.high
    scores = [[each.log_me, each.h_score] for each in (first, second)]
    assert np.isfinite(scores).all()
    assert missing.name == "alexnet" and "kerastransfer weights" in missing.missing
    for word in ("LogME", "Verdict: ", "alexnet: "):
        assert word in str(ranking)


def test_blocks_are_ranked_beside_each_other(place, runs):
    ranking = kt.rank(place / "images", runs[:1], blocks=(3, 7))
    assert {each.name for each in ranking.backbones} == {
        f"{runs[0]} block {block}" for block in (3, 7)
    }
    (seventh,) = (e for e in ranking.backbones if e.name.endswith("block 7"))
    (alone,) = kt.rank(place / "images", runs[:1]).backbones
    assert alone.name == str(runs[0])
    assert alone.log_me == seventh.log_me and alone.probe == seventh.probe
    (third,) = (e for e in ranking.backbones if e.name.endswith("block 3"))
    assert third.log_me != seventh.log_me
    with pytest.raises(kt.InputError, match="--blocks from 1 to 7, got 8"):
        kt.rank(place / "images", runs[:1], blocks=(7, 8))


def test_features_of_a_block_are_means_over_its_places(place, runs):
    """Against plain Keras layers, one image at a time."""
    records = kt.load(place / "images")
    found = sources.find(
        {}, recipes=["F1-7R8"], dataset=records_dataset(place), weights=runs[0]
    )
    source = SourceNetwork.of(found.backbone, found.weights, found.hashes["weights"])
    cut = splits.make_splits(records, None)
    rows = features.pool_features(records, source, cut, 2)[0]
    positions = np.arange(4)
    batches = inference.centre_views(
        records, "train", positions, found.backbone.preprocessing
    )
    images = np.concatenate([images for images, _ in batches])
    normalised = image_ops.normalise(images, found.backbone.preprocessing)
    outputs = np.asarray(source.network.forward(normalised, last=2))
    assert outputs.ndim == 4
    np.testing.assert_allclose(rows[:4], outputs.mean(axis=(1, 2)), atol=1e-5)


def records_dataset(place):
    return given.dataset_of(place / "images", None, None, None)


def test_the_command_prints_json(place, runs, capsys, monkeypatch):
    monkeypatch.setattr("sys.stdout.isatty", lambda: False, raising=False)
    arguments = ["rank", "--dataset", f"folder:{place / 'images'}"]
    names = ",".join(map(str, runs))
    assert cli.main([*arguments, "--backbones", names, "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert [each["name"] for each in told["backbones"]] == [
        each.name for each in kt.rank(place / "images", runs).backbones
    ]


def test_where_no_network_is_here_it_says_why(place):
    with pytest.raises(DataError, match=r"backbone whose weights are here.*alexnet"):
        kt.rank(place / "images", ["alexnet"])
    with pytest.raises(UnknownNameError, match="no_such"):
        kt.rank(place / "images", ["no_such"])


def made(name, right):
    right = np.asarray(right, bool)
    return RankedBackbone(
        name=name, probe=wilson(int(right.sum()), len(right)), right=right
    )


@pytest.mark.parametrize(
    ("second", "verdict"),
    [(60, "take a, for certain"), (89, "not distinguishable from a: b")],
)
def test_a_verdict_follows_from_paired_intervals(second, verdict):
    places = np.arange(100)
    ranking = Ranking(
        dataset="made up",
        backbones=(
            made("a", places < 90),
            made("b", places < second),
            RankedBackbone(name="c", missing="not here"),
        ),
        units=places,
    )
    assert ranking.verdict == verdict
