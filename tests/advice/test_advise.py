"""Advice from images to a command, on the miniature backbone."""

import dataclasses
import json
import signal
import time

import numpy as np
import pytest
from helpers import miniature
from PIL import Image

import kerastransfer as kt
from kerastransfer.advice import advise, splits
from kerastransfer.advice.contenders import CONTENDERS
from kerastransfer.advice.decision import decide
from kerastransfer.advice.gains import flat
from kerastransfer.advice.measured.cells import MeasuredCell
from kerastransfer.advice.pilot import search, training
from kerastransfer.advice.pilot.tried import Pilot, State, Tried
from kerastransfer.advice.question import Question
from kerastransfer.backbones import table
from kerastransfer.config.run_options import RunOptions
from kerastransfer.datasets.table import resolve
from kerastransfer.distribution.replicas import single
from kerastransfer.errors import DataError, InputError, Terminated
from kerastransfer.records.find import find_or_convert
from kerastransfer.records.sizes import Sizes
from kerastransfer.runs.sources import Sources
from kerastransfer.training import engine as engine_module

EACH = 20


def make_images(root, classes=miniature.CLASSES, each=EACH, step=70, groups=False):
    rng = np.random.default_rng(0)
    for label, name in enumerate(classes):
        for number in range(each):
            low = step * label
            pixels = rng.integers(low, low + 110, (20, 24, 3), np.uint8)
            group = f"{name}{number // 4}" if groups else ""
            file = root / name / group / f"{number:02}.png"
            file.parent.mkdir(parents=True, exist_ok=True)
            Image.fromarray(pixels).save(file)
    return root


@pytest.fixture
def place(tmp_path, monkeypatch):
    """A home of its own, and a pilot that is soon over."""
    monkeypatch.setitem(table.BACKBONES, "miniature", miniature.BACKBONE)
    monkeypatch.setenv("KERASTRANSFER_HOME", str(tmp_path / "home"))
    monkeypatch.setattr(advise, "CONTENDERS", (*CONTENDERS[:2], CONTENDERS[3]))
    return tmp_path


def sources(root, **options):
    dataset = resolve(f"folder:{root}", options=options)
    return Sources(
        dataset=dataset,
        settings={
            "dataset": dataset.spec,
            "backbone": "miniature",
            "batch_size": 8,
            "views": 1,
            "epochs": (2,),
        },
        backbone=miniature.BACKBONE,
        weights=miniature.source_weights(),
        mean_image=None,
        hashes={"weights": "0" * 64},
    )


def ask(place, root, *, minutes=5.0, number=None, **options):
    question = Question(
        images_per_class=number, minutes=minutes, words=("--dataset", "mine")
    )
    return advise.advise(sources(root, **options), question, out=place / "advice")


def without_times(recommendation):
    told = recommendation.as_dict()
    for each in told["pilot"]["contenders"]:
        each.pop("seconds")
    return told


def test_advice_from_images_to_a_command(place, monkeypatch):
    monkeypatch.setattr(advise, "CONTENDERS", CONTENDERS)
    monkeypatch.setattr(splits, "MOST_FOLDS", 2)  # five take twice as long
    monkeypatch.setattr(search, "_WORTH", 1e-6)  # curious
    root = make_images(place / "images", step=12)
    advice = ask(place, root)
    tried = {each.contender: each for each in advice.pilot.tried}
    assert set(tried) == set(CONTENDERS)
    assert sum(each.rounds for each in tried.values()) > len(CONTENDERS)
    kept = [each for each in tried.values() if each.state is State.KEPT]
    assert advice.pilot.best in kept
    assert advice.decision.contender in {each.contender for each in kept}
    assert advice.command.startswith("kerastransfer train --dataset mine --recipe ")
    told = json.loads((place / "advice" / "advice.json").read_text())
    assert told == json.loads(json.dumps(advice.as_dict()))
    text = str(advice)
    for word in (
        "the test set is not read",
        "Verdict: ",
        "More labels",
        "Measured before: nothing that is like these images",
        "assumed was +0.0 points",
        advice.command,
    ):
        assert word in text


def test_the_test_set_is_not_read(place):
    root = make_images(place / "images")
    before = without_times(ask(place, root, number=4))
    (shard,) = (place / "home" / "records").rglob("*-test.tfrecord*")
    shard.write_bytes(b"\xff" * shard.stat().st_size)
    (place / "advice").rename(place / "before")
    assert without_times(ask(place, root, number=4)) == before


def test_every_image_of_train_and_val_is_judged_once_and_no_group_is_on_both_sides(
    place,
):
    root = make_images(place / "images", groups=True)
    records = find_or_convert(resolve(f"folder:{root}", options={"group_by": "folder"}))
    cut = splits.make_splits(records, None)
    judged = np.concatenate([each.fold.held_out for each in cut])
    assert sorted(judged) == list(range(records.size("train") + records.size("val")))
    for each in cut:
        seen = np.concatenate([each.fold.train, each.fold.val])
        assert not set(each.units[seen]) & set(each.units[each.fold.held_out])
        assert not set(seen) & set(each.fold.held_out)


def test_a_number_of_images_is_tried_with_two_draws_of_so_many(place):
    root = make_images(place / "images")
    records = find_or_convert(resolve(f"folder:{root}"))
    one, two = splits.make_splits(records, 5)
    for each in (one, two):
        counts = np.bincount(each.pool.labels[each.fold.train])
        assert counts.tolist() == [5, 5, 5]
        seen = np.concatenate([each.fold.train, each.fold.val])
        assert not set(each.units[seen]) & set(each.units[each.fold.held_out])
    judged = [set(each.units[each.fold.held_out]) for each in (one, two)]
    assert not judged[0] & judged[1]
    assert len(judged[0] | judged[1]) == records.size("val")
    assert one.pool.content_hash != two.pool.content_hash


def prior_cells(gains, probe, sd=0.02):
    """Cells of made-up sets that are like any images."""
    return [
        MeasuredCell(
            dataset=f"set {number}",
            backbone="miniature",
            weights="",
            recipe=contender.recipe,
            rate=contender.rates[-1],
            images_per_class=4,
            classes=3,
            draws=1,
            cosine=0.3,
            probe=probe,
            gain=gain,
            low=gain - 2 * sd,
            high=gain + 2 * sd,
            sd=sd,
        )
        for contender, gain in gains.items()
        for number in range(6)
    ]


def test_what_is_not_worth_a_trial_is_not_tried(place):
    root = make_images(place / "images", step=5)  # hard: chance is a third
    _, shallow, deep = advise.CONTENDERS
    cells = prior_cells({shallow: 0.0, deep: -0.4}, probe=0.4)
    question = Question(images_per_class=4, minutes=5.0)
    advice = advise.advise(sources(root), question, out=place / "advice", cells=cells)
    by_name = {each.contender: each for each in advice.pilot.tried}
    assert by_name[deep].state is State.UNNEEDED and not by_name[deep].rounds
    assert by_name[shallow].rounds
    assert "not tried: a trial is not worth its time" in str(advice)
    assert "measured cells let expect" in str(advice)


def test_with_no_time_measured_cells_answer_alone(place):
    root = make_images(place / "images")
    _, shallow, _ = advise.CONTENDERS
    question = Question(images_per_class=4, minutes=1e-6)
    advice = advise.advise(
        sources(root),
        question,
        out=place / "advice",
        cells=prior_cells({shallow: 0.4}, probe=0.83, sd=0.005),
    )
    assert advice.decision.contender == shallow
    assert "it was not tried, and measured cells let expect" in str(advice)
    assert "not tried itself" in advice.decision.verdict


def test_what_was_tried_is_not_tried_again(place, monkeypatch):
    root = make_images(place / "images")
    before = ask(place, root, number=4)
    monkeypatch.setattr(training.execution, "train", None)  # would raise
    assert ask(place, root, number=4).as_dict() == before.as_dict()


def test_with_no_time_the_features_answer_alone(place):
    root = make_images(place / "images")
    advice = ask(place, root, minutes=1e-6)
    assert all(each.state is State.UNTRIED for each in advice.pilot.tried)
    assert advice.pilot.ended == "the time was up"
    assert advice.decision.accuracy is None
    assert "without evidence" in str(advice)
    assert advice.curve.accuracy.n == len(advice.curve.units)


def test_an_interrupt_gives_the_best_answer_so_far(place, monkeypatch):
    monkeypatch.setattr(search, "_WORTH", -1.0)  # everything is worth its time
    root, train = make_images(place / "images"), training.execution.train

    def interrupted(config, inputs, folder):
        if str(config.recipe) == "FT1-7R8":
            signal.raise_signal(signal.SIGINT)
            time.sleep(1)
        return train(config, inputs, folder)

    monkeypatch.setattr(training.execution, "train", interrupted)
    # What was started in the background of a shell is not interrupted.
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        advice = ask(place, root)
    finally:
        signal.signal(signal.SIGINT, before)
    assert advice.pilot.ended == "it was interrupted"
    assert [each.rounds for each in advice.pilot.tried][-1] == 0
    assert advice.pilot.tried[0].rounds
    assert advice.decision.accuracy is not None


@pytest.mark.parametrize(
    ("made", "error", "words"),
    [
        ({"classes": ("dark",)}, DataError, "class"),
        ({"each": 1}, DataError, "image"),
        ({"step": 0, "black": True}, InputError, "equal rows"),
    ],
    ids=["one class", "one image a class", "all black"],
)
def test_what_cannot_be_compared_is_refused(place, made, error, words):
    black = made.pop("black", False)
    root = make_images(place / "images", **made)
    if black:
        for number, file in enumerate(sorted(root.rglob("*.png"))):
            # Of other sizes, or they would be copies of one image.
            Image.new("RGB", (20 + number, 20 + number)).save(file)
    with pytest.raises(error, match=words):
        ask(place, root)
    assert not (place / "advice" / "advice.json").exists()


def test_other_images_or_settings_are_tried_anew(place, monkeypatch):
    trained, train = [], training.execution.train

    def counted(config, inputs, folder):
        trained.append(folder)
        return train(config, inputs, folder)

    monkeypatch.setattr(training.execution, "train", counted)
    monkeypatch.setattr(advise, "CONTENDERS", CONTENDERS[:1])
    for root in (make_images(place / "images"), make_images(place / "other", step=60)):
        ask(place, root, number=4)
    assert len(trained) == len(set(trained)) == 2


def test_a_run_that_the_time_limit_ended_goes_on_with_the_next(place, monkeypatch):
    root, steps = make_images(place / "images"), []
    run_sources = sources(root)
    records = find_or_convert(run_sources.dataset)
    cut = splits.make_splits(records, 4)[:1]
    take = engine_module.Engine.take

    def counted(self, batches, **named):
        steps.append(named["first_step"])
        time.sleep(0.9)
        return take(self, batches, **named)

    monkeypatch.setattr(engine_module.Engine, "take", counted)

    def two_seconds():
        conditions = training.Conditions(
            sources=dataclasses.replace(
                run_sources, settings={**run_sources.settings, "images_per_class": 4}
            ),
            sizes=Sizes.of_records(records),
            replicas=single(),
            folder=place / "pilot",
            options=RunOptions(),
            deadline=time.monotonic() + 2.0,
            margin=0.01,
            expected=flat([]),
        )
        return search.run(conditions, cut, CONTENDERS[:1]).tried[0].rounds

    # Four steps, of which no two seconds hold more than three.
    assert two_seconds() == 0 and steps[0] == 0
    for _ in range(8):
        if two_seconds():
            break
    assert sorted(set(steps)) == [0, 1, 2, 3]
    assert len(steps) == 4  # none was taken twice


def test_an_interrupt_after_a_clear_win_does_not_recommend_the_loser(place):
    places = np.arange(100)
    won = [
        tried_by_hand(CONTENDERS[0], places < 50),
        tried_by_hand(CONTENDERS[1], places < 90),
    ]
    made = Pilot(tried=tuple(won), units=places, ended="")
    marked = search.without_those_behind(made, 0.01)
    decided = decide(
        dataclasses.replace(made, tried=marked), 0.01, flat(CONTENDERS[1:2])
    )
    assert decided.contender == CONTENDERS[1]
    # A difference that does not matter drops nobody, however certain it is.
    close = dataclasses.replace(
        made,
        units=np.arange(10_000),
        tried=(
            tried_by_hand(CONTENDERS[0], np.arange(10_000) < 9_000),
            tried_by_hand(CONTENDERS[1], np.arange(10_000) < 9_050),
        ),
    )
    kept = search.without_those_behind(close, 0.01)
    assert [each.state for each in kept] == [State.KEPT, State.KEPT]
    decided = decide(
        dataclasses.replace(close, tried=kept), 0.01, flat(CONTENDERS[1:2])
    )
    assert decided.contender == CONTENDERS[0]
    assert decided.verdict.startswith("equivalent")


def tried_by_hand(contender, right):
    return Tried(
        contender=contender, state=State.KEPT, rounds=1, right=right, seconds=1.0
    )


def test_being_told_to_end_ends(place, monkeypatch):
    def ended(config, inputs, folder):
        raise Terminated(143)

    monkeypatch.setattr(training.execution, "train", ended)
    with pytest.raises(Terminated) as caught:
        ask(place, make_images(place / "images"), number=4)
    assert caught.value.code == 143


def test_few_images_are_refused_in_words_of_advice(place):
    root = make_images(place / "images", each=12)  # one of each class in val
    advice = ask(place, root, number=4, minutes=1e-6)
    assert advice.judged == 3
    with pytest.raises(DataError, match=r"Too few images|at least 2 images") as caught:
        ask(place, make_images(place / "fewer", each=3))
    assert "--folds" not in str(caught.value)


def test_the_front_door_refuses_before_anything_is_read(place):
    with pytest.raises(InputError, match="--time-limit above 0, got 0"):
        kt.advise("digits", time_limit=0)
    with pytest.raises(InputError, match="--margin between 0 and 1, got 1"):
        kt.advise("digits", margin=1)
    with pytest.raises(InputError, match="no --learning-rate"):
        kt.advise("digits", learning_rate=(0.1,))
    with pytest.raises(InputError, match="no devices with a recipe of auto"):
        kt.train("digits", "auto", devices=2)


def test_auto_trains_what_is_recommended_and_keeps_why(place, monkeypatch):
    root = make_images(place / "images")
    monkeypatch.chdir(place)
    given = {"epochs": (1,), "export": False, "probe": False}
    source = kt.train(root, "R1-8", backbone="miniature", runs="source", **given)
    run = kt.train(root, "auto", weights=source.folder, images_per_class=4, **given)
    (file,) = place.glob("advice/*_miniature_n4/advice.json")
    advice = json.loads(file.read_text())
    assert json.loads((run.folder / "advice.json").read_text()) == advice
    assert str(run.config.recipe) == advice["decision"]["recipe"]
    assert run.config.images_per_class == 4
    assert f"--weights {source.folder}" in advice["command"]
    assert "--images-per-class 4" in advice["command"]
    assert "--epochs 1" in advice["command"]
    assert kt.open_run(run.folder).test.accuracy == run.test.accuracy
