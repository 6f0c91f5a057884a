"""What a study will take, from a few steps of each recipe."""

import pytest
from helpers import miniature
from helpers.small_home import small_home

import kerastransfer as kt
from kerastransfer import cli


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    with small_home(tmp_path_factory.mktemp("prediction")) as place:
        yield place


@pytest.mark.slow
def test_a_study_takes_what_its_steps_take(place, monkeypatch):
    from kerastransfer.runs import start
    from kerastransfer.runs.cost import PhaseCost
    from kerastransfer.runs.plan import RunCost

    def measured(setup, sources, *, probe):
        phase = PhaseCost(
            phase="R1-8",
            cached=True,
            filling=80.0,
            step=2.0,
            validation=5.0,
            seconds=0.0,
        )
        return RunCost(phases=(phase,), features=40.0, peak_bytes=None)

    monkeypatch.setattr(start, "_measure", measured)
    plan = kt.plan_study(
        [f"folder:{place / 'images'}"],
        recipes=["R1-8"],
        images_per_class=[2, 8],
        draws=[2, 1],
        seeds=2,
        epochs=(10,),
        batch_size=4,
        backbone="miniature",
    )
    # Of three classes 24 images are 6 steps of 4 in an epoch, and 6 are 2 steps. Caches
    # are filled once for both seeds: of all images, and of a quarter for either draw.
    large, small = 10 * (6 * 2 + 5), 10 * (2 * 2 + 5)
    filling = (80 + 40) * (1 + 2 / 4)
    (seconds,) = plan.seconds.values()
    assert seconds == pytest.approx(2 * large + 4 * small + filling)
    assert list(plan.runs.values()) == [6]
    parameters = sum(miniature.BACKBONE.parameters(n, 3) for n in range(1, 9))
    assert plan.disk == 6 * 2 * 4 * parameters
    assert "6 runs, about 14 min" in str(plan)


@pytest.mark.slow
def test_the_command_measures_and_trains_nothing(place, tmp_path, capsys):
    words = ["study", "run", "--datasets", f"folder:{place / 'images'}"]
    grid = "--recipes R1-8 --images-per-class 3 --backbone miniature --epochs 1"
    out = ["--out", str(tmp_path / "study"), "--dry-run", "--measure"]
    assert cli.main([*words, *grid.split(), *out]) == 0
    assert "1 run, about" in capsys.readouterr().out
    assert not (tmp_path / "study").exists()


def test_measuring_without_a_dry_run_is_refused(capsys):
    words = "study run --datasets digits --recipes R1-8 --images-per-class 1 --measure"
    assert cli.main(words.split()) == 1
    assert "--measure goes with --dry-run" in capsys.readouterr().err
