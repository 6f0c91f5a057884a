"""A newcomer's whole way, on real images and real weights: train to predict."""

import io
import json
import os
import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from sklearn.datasets import load_sample_images

from kerastransfer import cli
from kerastransfer.datasets import table as datasets
from kerastransfer.records.find import find_or_convert


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    """A folder of our own: crops of two photographs, under names that show nothing."""
    place = tmp_path_factory.mktemp("journey")
    rng = np.random.default_rng(0)
    photographs = dict(
        zip(("temple", "flower"), load_sample_images().images, strict=True)
    )
    for name, photograph in photographs.items():
        folder = place / "images" / name
        folder.mkdir(parents=True)
        for number in range(40):
            top, left = rng.integers(0, 427 - 160), rng.integers(0, 640 - 200)
            crop = photograph[top : top + 160, left : left + 200]
            suffix = "png" if number % 4 == 0 else "jpg"
            Image.fromarray(crop).save(folder / f"{number:02}.{suffix}", quality=90)
    return place


def train(spec: str, recipe: str, runs: Path) -> list[str]:
    command = f"train --recipe {recipe} --epochs 20 --images-per-class 10"
    command += " --backbone efficientnet_lite0"
    return [*command.split(), "--dataset", spec, "--runs", str(runs)]


@pytest.fixture(scope="module")
def journey(place):
    """One run, made once: its folder and the data's spec."""
    os.environ["KERASTRANSFER_HOME"] = str(place / "home")
    spec = f"folder:{place / 'images'}"
    code = cli.main(train(spec, "F1-7R8", place / "runs"))
    assert code == 0
    (run,) = (place / "runs").iterdir()
    return run, spec


def test_a_measured_dry_run_predicts_and_keeps_nothing(journey, capsys):
    run, spec = journey
    runs = run.parent.with_name("none")
    arguments = train(spec, "F1-5FT6-7R8", runs)
    assert cli.main([*arguments, "--views", "5", "--dry-run", "--measure"]) == 0
    told = capsys.readouterr()
    *_, phase, total = told.out.splitlines()
    assert re.match(r"F1-5FT6-7R8: cache \d+ s, [\d,.]+ ms a step, ", phase)
    assert re.match(r"in all about .*; \d\.\d GiB of memory", total)
    assert "A cache saves about" in told.err
    assert not runs.exists()


def test_the_run_folder_holds_what_it_promises(journey):
    run, _ = journey
    assert {path.name for path in run.iterdir()} >= {
        *("config.json", "labels.txt", "metrics.jsonl", "result.json", "model.keras"),
        *("checkpoints", "saved_model", "tensorboard"),
    }
    assert list(run.glob(".*")) == []
    assert list((run / "tensorboard").iterdir())


def test_the_result_follows_its_contract(journey):
    run, spec = journey
    result = json.loads((run / "result.json").read_text())
    accuracy = result["test"]["accuracy"]
    assert set(accuracy) == {"value", "low", "high", "n", "method"}
    assert 0.9 <= accuracy["value"] <= 1
    assert accuracy["low"] < accuracy["value"] <= accuracy["high"] <= 1
    assert accuracy["n"] == np.sum(result["test"]["confusion_matrix"])
    assert {"mean_per_class_accuracy", "nll"} <= set(result["test"])
    assert "top5_accuracy" not in result["test"]
    assert result["recipe"] == "F1-7R8"
    assert result["dataset"] == spec
    assert result["images_per_class"] == 10
    assert result["train_counts"] == {"flower": 10, "temple": 10}
    assert result["config_hash"].startswith(run.name[-8:])
    assert result["probe"]["kind"] == "logistic regression"


def test_the_metrics_follow_their_contract(journey):
    run, _ = journey
    lines = [json.loads(line) for line in (run / "metrics.jsonl").open()]
    steps = [line for line in lines if "step" in line]
    epochs = [line for line in lines if "val" in line]
    assert [line["step"] for line in steps] == list(range(20))
    assert set(steps[0]) == {"step", "epoch", "loss", "learning_rate"}
    assert [line["epoch"] for line in epochs] == list(range(20))
    assert set(epochs[0]["val"]) == {"accuracy", "nll"}
    assert steps[-1]["loss"] < steps[0]["loss"]


def test_the_same_command_again_trains_nothing(journey, capsys):
    run, spec = journey
    before = (run / "result.json").stat().st_mtime_ns
    code = cli.main([*train(spec, "f(1-7)r8", run.parent), "--json"])
    printed = capsys.readouterr()
    assert code == 0
    assert "finished" in printed.err
    assert json.loads(printed.out)["recipe"] == "F1-7R8"
    assert (run / "result.json").stat().st_mtime_ns == before


def test_evaluate_gives_what_training_measured(journey, capsys):
    run, _ = journey
    assert cli.main(["evaluate", str(run), "--json"]) == 0
    again = json.loads(capsys.readouterr().out)["test"]
    result = json.loads((run / "result.json").read_text())["test"]
    assert again["confusion_matrix"] == result["confusion_matrix"]
    assert again["nll"]["value"] == pytest.approx(result["nll"]["value"], rel=1e-4)
    files = {name: run.parent / name for name in ("mistakes.csv", "confusion.png")}
    more = [word for name, at in files.items() for word in (f"--{name[:-4]}", str(at))]
    assert cli.main(["evaluate", str(run), "--split", "val", *more]) == 0
    assert all(path.stat().st_size > 300 for path in files.values())
    assert "confusion matrix" in capsys.readouterr().out


def test_evaluate_refuses_other_classes(journey, capsys):
    run, _ = journey
    assert cli.main(["evaluate", str(run), "--dataset", "digits"]) == 1
    assert "to have the run's 2 classes" in capsys.readouterr().err


def test_export_needs_a_place_of_its_own(journey, tmp_path, capsys):
    run, _ = journey
    out = tmp_path / "exported"
    assert cli.main(["export", str(run), "--out", str(out)]) == 0
    assert (out / "saved_model.pb").is_file()
    assert (out / "assets" / "labels.txt").read_text() == "flower\ntemple\n"
    assert cli.main(["export", str(run), "--out", str(out)]) == 0  # replaces its like
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "thesis.txt").write_text("years of work")
    capsys.readouterr()
    assert cli.main(["export", str(run), "--out", str(tmp_path / "mine")]) == 1
    assert "which holds other files" in capsys.readouterr().err
    assert (tmp_path / "mine" / "thesis.txt").read_text() == "years of work"


def test_predict_agrees_with_the_records_on_the_original_files(journey, capsys):
    run, spec = journey
    records = find_or_convert(datasets.resolve(spec))
    files = sorted(Path(spec.removeprefix("folder:")).rglob("*.*"))
    assert cli.main(["predict", str(run), *map(str, files), "--json"]) == 0
    rows = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    said = {row["file"]: row["predictions"][0]["label"] for row in rows}
    assert len(said) == len(files)
    confusion = np.zeros((2, 2), int)
    for position in range(records.size("test")):
        path = _id(records.serialized("test", position))
        true = records.labels("test")[position]
        label = said[str(Path(spec.removeprefix("folder:"), path))]
        confusion[true, records.classes.index(label)] += 1
    result = json.loads((run / "result.json").read_text())["test"]
    assert confusion.tolist() == result["confusion_matrix"]


def _id(serialized: bytes) -> str:
    import tensorflow as tf

    example = tf.train.Example.FromString(serialized)
    return example.features.feature["id"].bytes_list.value[0].decode()


def test_a_broken_file_spoils_no_other(journey, tmp_path, capsys):
    run, _ = journey
    photograph = Image.fromarray(load_sample_images().images[1])
    photograph.save(tmp_path / "a.jpg")
    photograph.convert("CMYK").save(tmp_path / "cmyk.jpg")
    photograph.convert("L").save(tmp_path / "gray.jpg")
    photograph.convert("P").save(tmp_path / "palette.gif")
    photograph.save(tmp_path / "b.bmp")
    photograph.save(tmp_path / "c.webp")
    whole = (tmp_path / "a.jpg").read_bytes()
    (tmp_path / "cut.jpg").write_bytes(whole[: len(whole) // 2])
    (tmp_path / "text.png").write_text("no image")
    names = ["a.jpg", "cut.jpg", "cmyk.jpg", "gray.jpg", "palette.gif", "b.bmp"]
    names += ["text.png", "missing.jpg", "c.webp"]
    files = [str(tmp_path / name) for name in names]
    assert cli.main(["predict", str(run), *files, "--top", "2"]) == 1
    printed = capsys.readouterr()
    answered = [line.split("\t") for line in printed.out.splitlines()]
    bad = {"cut.jpg", "text.png", "missing.jpg"}
    assert [Path(row[0]).name for row in answered] == [n for n in names if n not in bad]
    assert all(row[1].startswith("flower 0.") for row in answered)
    assert all(len(row) == 3 for row in answered)
    errors = printed.err.splitlines()
    assert len(errors) == 3
    assert all(any(name in line for name in bad) for line in errors)


def test_an_exif_turn_counts(journey, tmp_path, capsys):
    run, _ = journey
    photograph = Image.fromarray(load_sample_images().images[0])
    exif = Image.Exif()
    exif[0x0112] = 6  # to be shown turned clockwise
    turned = photograph.transpose(Image.Transpose.ROTATE_90)
    turned.save(tmp_path / "turned.png", exif=exif)
    photograph.save(tmp_path / "upright.png")
    files = [str(tmp_path / name) for name in ("turned.png", "upright.png")]
    assert cli.main(["predict", str(run), *files, "--json"]) == 0
    rows = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    first, second = (row["predictions"][0]["probability"] for row in rows)
    assert first == pytest.approx(second, abs=1e-6)


_FRESH = """
import json, sys
import numpy as np
import tensorflow as tf
model = tf.saved_model.load(sys.argv[1])
files = tf.constant([open(path, 'rb').read() for path in sys.argv[3:]])
answer = model.signatures['serving_default'](image=files)
crops = np.load(sys.argv[2])
same = model.signatures['images'](image=tf.constant(crops))
assert 'kerastransfer' not in sys.modules
print(json.dumps({
    'label': [text.decode() for text in answer['label'].numpy()],
    'files': answer['probabilities'].numpy().tolist(),
    'features': list(answer['features'].shape),
    'crops': same['probabilities'].numpy().tolist(),
}))
"""


def test_the_saved_model_runs_where_kerastransfer_is_not(journey, tmp_path):
    import tensorflow as tf

    from kerastransfer import decoding, views
    from kerastransfer.backbones import image_ops
    from kerastransfer.features import inference
    from kerastransfer.records.write.stored_image import encode
    from kerastransfer.runs import finished

    run, _ = journey
    read = finished.read(run)
    facts = read.backbone.preprocessing
    photographs = [Image.fromarray(image) for image in load_sample_images().images]
    paths = [tmp_path / name for name in ("0.jpg", "1.png", "2.gif", "3.bmp")]
    for path, photograph in zip(paths, photographs * 2, strict=True):
        photograph.save(path)
    crops = np.stack(
        [
            image_ops.take_view(
                decoding.decode(encode(path.read_bytes()).data),
                facts,
                tf.constant(views.CENTRE),
            )
            for path in paths
        ]
    )
    np.save(tmp_path / "crops.npy", crops)
    batches = [(tf.constant(crops), tf.zeros(len(crops), tf.int64))]
    expected, _ = inference.probabilities(read.blocks(), facts, batches)
    code = tmp_path / "fresh.py"
    code.write_text(_FRESH)
    printed = subprocess.run(
        [
            sys.executable,
            "-P",
            str(code),
            str(run / "saved_model"),
            str(tmp_path / "crops.npy"),
            *map(str, paths),
        ],
        capture_output=True,
        text=True,
        check=True,
        cwd=tmp_path,
    ).stdout
    answer = json.loads(printed)
    # Of files the graph makes records as conversion does, but for some roundings.
    np.testing.assert_allclose(answer["files"], expected, atol=1e-3)
    np.testing.assert_allclose(answer["crops"], expected, atol=1e-5)
    assert answer["features"] == [4, 1280]
    assert answer["label"] == [read.classes[i] for i in expected.argmax(axis=1)]


def test_the_keras_file_needs_keras_alone(journey):
    run, _ = journey
    code = (
        "import sys, keras\n"
        f"model = keras.models.load_model({str(run / 'model.keras')!r})\n"
        "assert 'kerastransfer' not in sys.modules\n"
        "print(model.output_shape)\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    )
    assert done.stdout.strip() == "(None, 2)"


def test_bytes_of_an_unread_format_are_marked_by_the_graph(journey):
    import tensorflow as tf

    run, _ = journey
    buffer = io.BytesIO()
    Image.fromarray(load_sample_images().images[0]).save(buffer, "TIFF")
    model = tf.saved_model.load(str(run / "saved_model"))
    answer = model.signatures["serving_default"](image=tf.constant([buffer.getvalue()]))
    assert not answer["readable"].numpy().any()
    assert np.isnan(answer["probabilities"].numpy()).all()
