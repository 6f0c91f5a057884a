"""Hyperband's size against keras-tuner's own bookkeeping."""

import keras_tuner
import pytest

from kerastransfer.errors import InputError
from kerastransfer.tuning.search_plan import SearchPlan, hyperband_trials


@pytest.mark.parametrize(("longest", "trials"), [(3, 6), (9, 23), (27, 70)])
def test_as_many_trials_as_keras_tuner_asks_for(longest, trials, tmp_path):
    hp = keras_tuner.HyperParameters()
    hp.Float("x", 0.0, 1.0)
    oracle = keras_tuner.oracles.HyperbandOracle(
        objective=keras_tuner.Objective("score", "max"),
        max_epochs=longest,
        factor=3,
        hyperparameters=hp,
        seed=1,
    )
    oracle.verbose = 0
    oracle._set_project_dir(str(tmp_path), "x")
    lengths = []
    while (trial := oracle.create_trial("one")).status != "STOPPED":
        lengths.append(trial.hyperparameters.values["tuner/epochs"])
        oracle.update_trial(trial.trial_id, {"score": trial.hyperparameters["x"]})
        trial.status = "COMPLETED"
        oracle.end_trial(trial)
    assert len(lengths) == trials == hyperband_trials(longest)
    assert max(lengths) == longest


@pytest.mark.parametrize(
    ("trials", "longest"), [(6, 3), (22, 3), (23, 9), (69, 9), (70, 27)]
)
def test_the_largest_search_that_fits(trials, longest):
    assert SearchPlan(tuner="hyperband", trials=trials).longest == longest


def test_bayesian_trials_are_whole():
    assert SearchPlan(tuner="bayesian", trials=70).longest == 1


def test_too_few_trials_are_refused():
    with pytest.raises(InputError, match=r"--trials of 6 or more, got 5; --tuner bay"):
        SearchPlan(tuner="hyperband", trials=5)
    with pytest.raises(InputError, match="--trials of 1 or more, got 0"):
        SearchPlan(tuner="bayesian", trials=0)
