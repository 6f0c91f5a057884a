import argparse
import json
import shutil
from pathlib import Path

import numpy as np
import pytest
import sklearn.datasets

from kerastransfer.cli.commands import distance, features
from kerastransfer.datasets import table
from kerastransfer.datasets.known import fashion_mnist
from kerastransfer.errors import DataError, InputError, UnknownNameError
from kerastransfer.features import feature_file
from kerastransfer.features.feature_file import FeatureFile
from kerastransfer.features.source_statistics import SourceStatistics
from kerastransfer.foundation.report import KerasTransferWarning
from kerastransfer.records.find import find_or_convert
from kerastransfer.weights import store

# 19 photographs of landscapes, water, plants and animals; Debian's tuxpaint-data.
TUXPAINT = Path("/usr/share/tuxpaint/templates")
SHA256 = "579344248a93e23026e6b78f1f6faf0bc1d282386f6c881cdbaacd49cabf77db"


def run(*arguments, module=distance):
    parser = argparse.ArgumentParser()
    module.add_arguments(parser)
    return module.execute(parser.parse_args([str(a) for a in arguments]))


def told(capsys, *arguments):
    capsys.readouterr()
    assert run(*arguments, "--json") == 0
    return json.loads(capsys.readouterr().out)


@pytest.fixture(scope="module")
def records(tmp_path_factory):
    folder = tmp_path_factory.mktemp("records")
    with pytest.warns(KerasTransferWarning, match="on first use"):
        find_or_convert(table.resolve("digits"), folder, workers=1)
    return folder


def write(path, count=40, shift=0.0, seed=0, **fields):
    rng = np.random.default_rng(seed)
    shifts = shift * (np.arange(1280) < 640)
    rows = (rng.gamma(2, 1, (count, 1280)) + shifts).astype(np.float32)
    rows = fields.pop("features", rows)
    fields = {
        "labels": np.arange(count) % 2,
        "ids": np.array([f"{i}.png" for i in range(count)]),
        "splits": np.full(count, "test"),
        "dataset": "pets",
        "backbone": "efficientnet_lite0",
        "fit": "crop",
        "weights": SHA256,
        "records": "34cd",
    } | fields
    feature_file.write(path, [rows], rows.shape[1], **fields)
    return path


def test_the_table_without_source_images(records, capsys):
    assert run(
        *("--target", "digits", "--records", records, "--max-images", "60"),
        *("--images-per-class", "10"),
    ) == 0  # fmt: skip
    shown = capsys.readouterr()
    assert "backbone: efficientnet_lite0, the default" in shown.err
    lines = shown.out.splitlines()
    at = next(i for i, line in enumerate(lines) if line.startswith("yosinski"))
    assert lines[at].split() == ["yosinski", "0.003", "2.3", "57.3", "%", "51.0", "%"]
    assert lines[at + 6].startswith("plankton ")
    name, backbone, cosine, *others = lines[at + 7].split()
    assert (name, backbone) == ("digits,", "efficientnet_lite0")
    assert 0.65 < float(cosine) < 0.75  # tried on 500: 0.704
    assert others == ["-", "-", "-"]
    assert shown.out.count("needs source images") == 3
    assert "verdict   farther than plankton" in shown.out
    assert "'Try Freeze or Tune' with 10 images per class" in shown.out
    assert "measured on AlexNet's fc7; for another backbone" in shown.out


def test_features_and_statistics_stand_in_for_images(records, tmp_path, capsys):
    """One domain, four ways in: the figures are the same."""
    source = write(tmp_path / "source.npz", 60)
    out, statistics = tmp_path / "digits.npz", tmp_path / "s.npz"
    split = ["--split", "val", "--records", records]
    run("--dataset", "digits", *split, "--out", out, module=features)
    common = ["--metrics", "cosine,mmd,kernel_mmd"]
    first = told(
        capsys, "--target", "digits", *split, "--source-features", source, *common
    )
    second = told(
        capsys, "--target-features", out, "--source-features", source, *common
    )
    for name in ("cosine", "mmd", "kernel_mmd"):
        values = [each["metrics"][name]["value"] for each in (first, second)]
        assert values[0] == values[1]
    assert second["target_images"] == 100
    held = FeatureFile.read(source)
    mean = np.asarray(held.features, np.float64)
    SourceStatistics(
        mean=mean.mean(axis=0),
        count=60,
        scatter=mean.var(axis=0, ddof=1).sum(),
        sample=held.features,
        dataset="web",
        backbone="efficientnet_lite0",
        weights=SHA256,
    ).write(statistics)
    third = told(
        capsys, "--target-features", out, "--source-features", statistics, *common
    )
    for name in ("cosine", "mmd"):
        a, b = (each["metrics"][name]["value"] for each in (second, third))
        assert a["plug_in"] == pytest.approx(b["plug_in"], rel=1e-9)
        assert a["corrected"]["low"] == pytest.approx(b["corrected"]["low"], rel=1e-9)


def test_few_images_get_no_verdict(tmp_path, capsys):
    pair = write(tmp_path / "a.npz"), write(tmp_path / "b.npz", 20, 1.0, 1)
    arguments = ["--source-features", pair[0], "--target-features", pair[1]]
    found = told(capsys, *arguments, "--images-per-class", "10")
    assert found["verdict"]["abstained"].startswith("no verdict below 30 images")
    assert found["verdict"]["place"] == ""
    assert found["verdict"]["advice"] == []
    assert found["metrics"]["cnn"]["missing"] == "needs source images"
    run(*arguments)
    assert "verdict   no verdict below 30 images" in capsys.readouterr().out


def test_a_plot(tmp_path, capsys):
    pytest.importorskip("matplotlib")
    pair = write(tmp_path / "a.npz"), write(tmp_path / "b.npz", 40, 1.0, 1)
    run(
        *("--source-features", pair[0], "--target-features", pair[1]),
        *("--metrics", "mmd", "--plot", tmp_path / "p.png"),
    )  # fmt: skip
    assert (tmp_path / "p.png").stat().st_size > 10_000
    assert f"plot      {tmp_path / 'p.png'}" in capsys.readouterr().out


BAD = np.ones((40, 1280), np.float32)
NAN = np.random.default_rng(0).random((40, 1280), np.float32)
NAN[7, 7] = np.nan


@pytest.mark.parametrize(
    ("changed", "error", "message"),
    [
        ({"count": 2}, DataError, "10 images of pets or more, got 2"),
        ({"labels": np.zeros(40, np.int64)}, DataError, "two classes or more, got 1"),
        ({"features": BAD}, DataError, "All 40 images of pets give the same"),
        ({"features": NAN}, DataError, "a NaN or an infinity in row 7"),
        ({"features": NAN[:, :9] * 0}, DataError, "of one network|same|finite"),
        ({"features": NAN[:7, :9], "count": 7}, DataError, "10 images of pets"),
        ({"backbone": "alexnet"}, InputError, "features of '.*', got those of 'alex"),
        ({"weights": "ab" * 32}, InputError, "by the weights .* by abababababab in"),
    ],
)
def test_bad_features_give_no_number(tmp_path, capsys, changed, error, message):
    source = write(tmp_path / "a.npz")
    target = write(tmp_path / "b.npz", **changed)
    with pytest.raises(error, match=message):
        run("--source-features", source, "--target-features", target)
    assert not capsys.readouterr().out


def test_features_of_another_width(tmp_path):
    target = write(tmp_path / "b.npz", features=NAN[:, 9:18])
    source = write(tmp_path / "a.npz")
    with pytest.raises(DataError, match="of one network, got 1,280 and 9 a row"):
        run("--source-features", source, "--target-features", target)


def test_alexnet_without_a_source():
    message = "'alexnet'.*no batch norm.*--source DATASET.*--save-statistics FILE"
    with pytest.raises(InputError, match=message):
        run("--target", "digits", "--backbone", "alexnet")


@pytest.mark.parametrize(
    ("arguments", "error", "message"),
    [
        (["--metrics", "cosin"], UnknownNameError, "Did you mean 'cosine'"),
        (["--max-images", "9"], InputError, "--max-images 10 or more, got 9"),
        (["--images-per-class", "0"], InputError, "1 image per class or more"),
        (
            ["--images-per-class", "5", "--metrics", "mmd"],
            InputError,
            "--images-per-class needs cosine",
        ),
        (["--plot", "plot.xyz"], InputError, "ends in one of|needs matplotlib"),
        (["--source", "digit"], UnknownNameError, "Did you mean 'digits'"),
    ],
)
def test_arguments_that_do_not_hold(tmp_path, arguments, error, message):
    with pytest.raises(error, match=message):
        run("--target", "digits", "--records", tmp_path, *arguments)


@pytest.mark.parametrize(
    "arguments",
    [
        [],
        ["--target", "digits", "--target-features", "f.npz"],
        ["--target", "digits", "--source", "digits", "--source-features", "f.npz"],
    ],
)
def test_usage(arguments):
    with pytest.raises(SystemExit, match="2"):
        run(*arguments)


def photographs(folder):
    """21 packaged photographs, in two folders as two classes."""
    bundled = Path(sklearn.datasets.__file__).parent / "images"
    paths = [*TUXPAINT.glob("*.jpg"), *bundled.glob("*.jpg")]
    assert len(paths) >= 10
    for number, path in enumerate(sorted(paths, key=lambda p: p.name)):
        kind = folder / ("even", "odd")[number % 2]
        kind.mkdir(parents=True, exist_ok=True)
        shutil.copy(path, kind)
    return folder


@pytest.mark.slow
@pytest.mark.skipif(not TUXPAINT.is_dir(), reason="needs tuxpaint-data")
@pytest.mark.skipif(
    not fashion_mnist.FOLDER.is_dir(), reason="needs dataset-fashion-mnist"
)
def test_photographs_are_nearer_than_garments_and_garments_than_digits(
    records, tmp_path, capsys
):
    """The order on real images, without a source image, and without overlap."""
    assert store.load("efficientnet_lite0").sha256 == SHA256
    folder = photographs(tmp_path / "photographs")
    targets = (f"folder:{folder}", "fashion_mnist", "digits")
    found = [
        told(
            capsys,
            *("--target", target, "--records", records),
            *("--max-images", "300", "--metrics", "cosine,mmd"),
        )["metrics"]
        for target in targets
    ]
    for name in ("cosine", "mmd"):
        near, middle, far = (each[name]["value"]["corrected"] for each in found)
        assert near["high"] < middle["low"]
        assert middle["high"] < far["low"]
        assert near["value"] < middle["value"] < far["value"]
    assert found[0]["cosine"]["value"]["corrected"]["value"] < 0.2


def test_a_verdict_needs_the_source_of_the_pretraining(tmp_path, capsys):
    source = write(tmp_path / "source.npz", seed=1, dataset="wild")
    target = write(tmp_path / "target.npz", shift=1.0)
    arguments = (
        *("--source-features", source, "--target-features", target),
        *("--metrics", "cosine"),
    )
    found = told(capsys, *arguments)["verdict"]
    assert (found["place"], found["advice"]) == ("", [])
    assert "wild is another source" in found["abstained"]
    found = told(capsys, *arguments, "--pretraining-source")["verdict"]
    assert found["place"] and not found["abstained"]
