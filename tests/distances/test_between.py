"""Distances from names and files, as a Python caller gets them."""

import dataclasses
import json

import numpy as np
import pytest

import kerastransfer as kt
from kerastransfer.cli import main
from kerastransfer.distances.between import between
from kerastransfer.errors import InputError, UnknownNameError
from kerastransfer.features import feature_file


def write(path, shift=0.0, seed=0, dataset="pets", fit="crop"):
    rng = np.random.default_rng(seed)
    rows = rng.gamma(2, 1, (40, 16)) + shift * (np.arange(16) < 8)
    feature_file.write(
        path,
        [rows.astype(np.float32)],
        16,
        labels=np.arange(40) % 2,
        ids=np.array([f"{i}.png" for i in range(40)]),
        splits=np.full(40, "test"),
        dataset=dataset,
        backbone="efficientnet_lite0",
        fit=fit,
        weights="12ab",
        records="34cd",
    )
    return path


@pytest.fixture
def files(tmp_path):
    return (
        write(tmp_path / "target.npz", 1.0, 1, dataset="<pets>"),
        write(tmp_path / "source.npz", dataset="web"),
    )


def test_features_of_images_seen_in_another_way_are_refused(files, tmp_path):
    padded = write(tmp_path / "padded.npz", fit="pad")
    with pytest.raises(InputError, match=r"seen with --fit crop, got .* --fit pad in"):
        between(padded, files[1])
    with pytest.raises(InputError, match=r"seen with --fit pad, got .* --fit crop in"):
        between(padded, files[1], fit="pad")
    both = between(padded, write(tmp_path / "p.npz", seed=3, fit="pad"), fit="pad")
    assert both.metrics["cosine"].value["corrected"]["value"] < 0.1


def test_the_value_prints_as_the_command_does(files, capsys):
    distances = between(*files, images_per_class=10, pretraining_source=True)
    assert tuple(distances.metrics) == ("cosine", "mmd")
    assert distances.metrics["cosine"].value["corrected"]["value"] > 0
    command = ["distance", "--target-features", str(files[0]), "--source-features"]
    command += [str(files[1]), "--metrics", "cosine,mmd", "--images-per-class", "10"]
    command += ["--pretraining-source"]
    capsys.readouterr()

    def without_times(text):
        return [line.rsplit(";", 1)[0] for line in text.splitlines()]

    assert main(command) == 0
    shown = capsys.readouterr().out
    assert without_times(shown) == without_times(str(distances))
    assert "\nverdict   " in shown and " by cosine distance" in shown
    assert main([*command, "--json"]) == 0
    fields = json.loads(capsys.readouterr().out)
    expected = json.loads(json.dumps(distances.as_dict()))
    for told in (fields, expected):
        for measured in told["metrics"].values():
            del measured["seconds"]
    assert fields == expected


def test_the_rows_end_with_the_target_and_a_notebook_shows_them(files):
    distances = between(*files, metrics=["cosine"])
    head = ("of AlexNet, published", "cosine", "MMD", "linear SVM", "CNN")
    assert distances.rows[0] == head
    assert len(distances.rows) == 9
    name, cosine, *others = distances.rows[-1]
    assert name == "<pets>, efficientnet_lite0"
    assert others == ["-", "-", "-"]
    value = distances.metrics["cosine"].value["corrected"]["value"]
    assert cosine == f"{value:.3f}"
    page = distances._repr_html_()
    assert page.count("<tr>") == 9
    assert "&lt;pets&gt;" in page and "<pets>" not in page


@pytest.mark.parametrize("backbone", ["efficientnet_lite0", "caffenet"])
def test_an_mmd_stands_in_the_table_only_where_its_units_are_the_tables(
    files, backbone
):
    measured = between(*files, metrics=["mmd"])
    value = measured.metrics["mmd"].value["corrected"]["value"]
    shown = dataclasses.replace(measured, backbone=backbone)
    cell = shown.rows[-1][2]
    if backbone == "caffenet":
        assert cell == f"{value:.1f}"
    else:
        assert cell == "-"
        assert "MMD is in units of its own" in str(shown)
    assert f"MMD        {value:.3f}" in str(shown)


@pytest.mark.parametrize(
    ("options", "error", "message"),
    [
        ({"metrics": ["cosin"]}, UnknownNameError, "Did you mean 'cosine'"),
        ({"max_images": 9}, InputError, "10 or more, got 9"),
        ({"images_per_class": 5, "metrics": ["mmd"]}, InputError, "needs cosine"),
        ({"source": "digit"}, UnknownNameError, "Did you mean 'digits'"),
        ({"backbone": "alexnet", "source": None}, InputError, "no batch norm"),
    ],
)
def test_a_python_caller_gets_the_same_refusals(files, options, error, message):
    options = {"source": files[1]} | options
    with pytest.raises(error, match=message):
        kt.distance(files[0], **options)
