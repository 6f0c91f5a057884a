"""Rankings of finished runs as backbones, and of networks that are not here."""

import json

import numpy as np
import pytest
from helpers.small_home import small_home

import kerastransfer as kt
from kerastransfer import cli
from kerastransfer.advice.ranking import RankedBackbone, Ranking
from kerastransfer.errors import DataError, UnknownNameError
from kerastransfer.evaluation.intervals import wilson


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
