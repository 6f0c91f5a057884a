"""Model cards, read by the parser of the Hugging Face Hub."""

import dataclasses
import json
import shutil

import numpy as np
import pytest
import yaml
from helpers import miniature
from helpers.small_home import small_home
from huggingface_hub import ModelCard
from huggingface_hub.repocard_data import model_index_to_eval_results

import kerastransfer as kt
from kerastransfer import cli
from kerastransfer.export.confidence import Confidence
from kerastransfer.runs.card.card import card
from kerastransfer.runs.card.exported import Exported
from kerastransfer.weights import port_file, table

HOSTILE = ("a|b`c", "---\nlicense: mit", "<script>x</script> [y](http://e.example)")


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    with small_home(tmp_path_factory.mktemp("card")) as place:
        yield place


def weights_file(place):
    file = place / "mine.npz"
    port_file.save_npz(miniature.source_weights(), file, {"source": "drawn"})
    return file


@pytest.fixture(scope="module")
def run(place):
    return kt.train(
        place / "images",
        "F1-7R8",
        backbone="miniature",
        runs=place / "runs",
        epochs=(3,),
        weights=weights_file(place),
        export=False,
    )


def parsed(text):
    """Read a card as the Hub does, without asking it."""
    there = ModelCard(str(text), ignore_metadata_errors=False)
    results = there.data.eval_results
    assert results, "the model index was not read"
    return there, results


def test_the_hubs_parser_reads_the_test_metrics_with_their_intervals(run):
    there, results = parsed(run.card())
    assert there.data.pipeline_tag == "image-classification"
    assert there.data.license == "unknown"
    (accuracy,) = [each for each in results if each.metric_type == "accuracy"]
    assert accuracy.metric_value == pytest.approx(run.test.accuracy.value, abs=1e-6)
    assert accuracy.metric_args["low"] == pytest.approx(run.test.accuracy.low, abs=1e-6)
    assert accuracy.metric_args["n"] == run.test.accuracy.n
    assert accuracy.dataset_split == "test"
    assert accuracy.dataset_revision == run.config.records
    index = yaml.safe_load(str(there.data))["model-index"]
    name, again = model_index_to_eval_results(index)
    assert name == run.config.run_name and again == results


def test_a_card_says_what_was_measured_and_what_was_not(run):
    text = run.card().text
    for figure in (run.test.accuracy, run.val.accuracy, run.to_beat.test.accuracy):
        percent = str(figure).partition(",")[0]
        assert percent in text
    assert "logistic regression on frozen features, test" in text
    assert f"| test | {run.test.accuracy.n} |" in text
    assert "Seed of the splits: 0. The images have no groups" in text
    assert "## Distance from the source\n\nNot measured" in text
    assert "weights: unknown, for no published file is known" in text
    assert "- Images: unknown." in text
    assert "## Certificate" not in text  # of an export alone
    assert str(run.card()).startswith("---\n") and run.card()._repr_markdown_() == text


def test_published_weights_have_their_licence(run):
    published = table.get("efficientnet_lite0")
    (checksum,) = published.checksums
    config = dataclasses.replace(run.config, weights=checksum.digest)
    text = dataclasses.replace(run, config=config).card().text
    assert "Pretrained weights: Apache-2.0 (`efficientnet_lite0`)" in text
    # Published with a SHA-1: a run keeps the SHA-256, which proves nothing.
    config = dataclasses.replace(run.config, backbone="caffenet", weights="0" * 64)
    text = dataclasses.replace(run, config=config).card().text
    assert "published for this network: `caffenet` unrestricted use)" in text
    config = dataclasses.replace(run.config, weights="")
    text = dataclasses.replace(run, config=config).card().text
    assert "trained from random weights" in text and "weights: none were used" in text


def test_names_that_are_markdown_or_yaml_change_nothing(run):
    plain = str(run.card()).splitlines()
    config = dataclasses.replace(run.config, dataset=f"folder:/home/ann/{HOSTILE[1]}")
    hostile = dataclasses.replace(run, classes=HOSTILE, config=config)
    text = str(card(hostile))
    there, results = parsed(text)
    assert there.data.license == "unknown"
    assert results[0].dataset_name == "folder:---\\nlicense: mit"
    heads = [line for line in text.splitlines() if line.startswith(("#", "---"))]
    assert len(heads) == sum(line.startswith(("#", "---")) for line in plain)
    assert "\n---\nlicense: mit" not in text and "ann" not in text


def test_no_path_and_no_user_is_in_a_card(run, place, monkeypatch):
    text = str(run.card())
    assert str(place) not in text and "/tmp" not in text and "/root" not in text
    assert "folder:images" in text
    own = dataclasses.replace(
        run.backbone, name="keras:/home/ann/`lab`.keras?size=96", title="`lab`.keras"
    )
    monkeypatch.setattr(type(run), "backbone", own)
    text = str(run.card())
    assert "``keras:`lab`.keras?size=96``" in text and "/home" not in text


def test_records_that_are_gone_or_others_are_said_to_be(run, place, tmp_path):
    text = run.card(tmp_path / "nowhere").text
    assert "The records were not at hand" in text
    assert f"| train | {sum(run.result['train_counts'].values())} |" in text
    config = dataclasses.replace(run.config, records="f" * 64)
    assert "not at hand" in dataclasses.replace(run, config=config).card().text
    moved = place / "moved"
    (place / "images").rename(moved)
    try:
        assert parsed(run.card())
    finally:
        moved.rename(place / "images")


@pytest.mark.parametrize("kind", ["advice", "study"])
def test_a_distance_that_was_measured_is_given(run, tmp_path, kind):
    folder = tmp_path / "study" / "run"
    shutil.copytree(run.folder, folder)
    cosine = {"value": 0.251, "low": 0.2, "high": 0.31, "n": 9, "method": "x"}
    if kind == "advice":
        content = {"distance": {"source": "", "cosine": cosine}}
        (folder / "advice.json").write_text(json.dumps(content))
    else:
        entry = {"dataset": "folder:images", "backbone": "miniature", "fit": "crop"}
        entries = [{**entry, "backbone": "alexnet"}, 7, {**entry, "source": "a|b"}]
        entries[0]["metrics"] = {"cosine": {**cosine, "value": 0.9}}
        entries[2]["metrics"] = {"cosine": cosine}
        place = folder.parent / "distances.json"
        place.write_text(json.dumps({"datasets": entries}))
    text = kt.open_run(folder).card().text
    assert "0.251 (95 % interval 0.200 to 0.310)" in text
    for content in ("{", "[]", '{"distance": {"cosine": {"value": "x"}}}', "null"):
        for name in (folder / "advice.json", folder.parent / "distances.json"):
            name.write_text(content)
        assert "Not measured" in kt.open_run(folder).card().text


def test_an_export_holds_its_card_and_what_is_certified(run, place, tmp_path):
    one = run.export(tmp_path / "one")
    text = (one / "README.md").read_text(encoding="utf-8")
    there, _ = parsed(text)
    assert "tensorflow" in there.data.tags
    assert "Not calibrated" in text and "None: the export was not tried" in text
    run.export(tmp_path / "one")  # a card of ours may be replaced
    several = run.export(tmp_path / "several", formats=("litert", "onnx"), samples=4)
    text = (several / "README.md").read_text(encoding="utf-8")
    there, _ = parsed(text)
    assert {"tflite", "onnx"} <= set(there.data.tags)
    assert "On 4 test images" in text and "| litert |" in text and "| onnx |" in text
    sums = (several / "SHA256SUMS").read_text()
    assert "README.md" in sums
    assert kt.open_run(run.folder).export(several, formats=("litert",), samples=3)


def test_calibration_is_summed_up(run):
    rng = np.random.default_rng(0)
    rows = rng.dirichlet([0.3] * 3, 200)
    labels = [rng.choice(3, p=row) for row in rows]
    confidence = Confidence.fitted(
        rows**2 / (rows**2).sum(1, keepdims=True), labels, 0.5
    )
    text = card(run, export=Exported(confidence=confidence)).text
    assert f"divided by {confidence.temperature:.3f}" in text
    assert 'the answer is "don\'t know"' in text
    assert "| before | " in text and "| after | " in text
    assert "but for those below the probability" in text


def test_the_command_prints_a_card_or_writes_it(run, tmp_path, capsys):
    assert cli.main(["card", str(run.folder)]) == 0
    printed = capsys.readouterr().out
    assert printed.rstrip() == str(run.card()).rstrip()
    file = tmp_path / "README.md"
    assert cli.main(["card", str(run.folder), "--out", str(file)]) == 0
    assert capsys.readouterr().out.strip() == str(file)
    assert file.read_text(encoding="utf-8") == str(run.card())
    parsed(ModelCard.load(file).content)
    assert cli.main(["card", str(tmp_path)]) == 1
    assert "Expected a finished run" in capsys.readouterr().err
