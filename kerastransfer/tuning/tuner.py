"""keras-tuner's side of a search: what is tried next, and running it."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import keras
import keras_tuner
import numpy as np
from keras_tuner import errors

from kerastransfer.backbones import image_ops
from kerastransfer.backbones.network import Network
from kerastransfer.config.train_config import TrainConfig
from kerastransfer.errors import InputError
from kerastransfer.evaluation.wording import percent
from kerastransfer.foundation import atomic
from kerastransfer.foundation.report import say
from kerastransfer.training import frozen_prefix, phase_loop
from kerastransfer.training.checkpoints.saver import CheckpointSaver
from kerastransfer.training.checkpoints.store import START, CheckpointStore
from kerastransfer.training.phase import PhaseResult
from kerastransfer.training.setup import TrainSetup
from kerastransfer.training.stopping import StopSignal
from kerastransfer.tuning import trials
from kerastransfer.tuning.search_plan import FACTOR, SearchPlan
from kerastransfer.tuning.space import Space
from kerastransfer.tuning.trials import Trial

_SCORE = keras_tuner.Objective("score", direction="max")
_MOST_NLL = 10.0  # of what breaks ties between equal accuracies
Trainer = Callable[[TrainConfig], TrainSetup]


class Stopped(errors.FatalError):
    """Ends a search; keras-tuner takes any other exception for a failed trial."""

    def __init__(self, reason: Exception) -> None:
        super().__init__(str(reason))
        self.reason = reason


class _Whole:
    """An oracle whose files are whole or not there."""

    def save(self) -> None:
        """Write the oracle's state."""
        path = Path(self._get_oracle_fname())  # type: ignore[attr-defined]
        atomic.write_text(path, json.dumps(self.get_state()))  # type: ignore[attr-defined]

    def _save_trial(self, trial: Any) -> None:
        folder = Path(self._get_trial_dir(trial.trial_id))  # type: ignore[attr-defined]
        atomic.write_text(folder / "trial.json", json.dumps(trial.get_state()))


class _Hyperband(_Whole, keras_tuner.oracles.HyperbandOracle):  # type: ignore[misc]
    pass


class _Bayesian(_Whole, keras_tuner.oracles.BayesianOptimizationOracle):  # type: ignore[misc]
    pass


class Tuner(keras_tuner.engine.base_tuner.BaseTuner):  # type: ignore[misc]
    """Trains a trial's config and reports its validation score.

    Parameters
    ----------
    trainer : callable
        Gives what a config is trained on.
    folder : Path
        Gets keras-tuner's state, and a folder for each trial.
    """

    def __init__(
        self, space: Space, plan: SearchPlan, trainer: Trainer, folder: Path
    ) -> None:
        self._space, self._plan, self._trainer = space, plan, trainer
        self.failures: list[str] = []
        super().__init__(
            oracle=self._make_oracle(),
            directory=str(folder.parent),
            project_name=folder.name,
        )
        self.save()  # or a search that is killed in its first trial would be forgotten

    def run_trial(self, trial: Any, **options: Any) -> dict[str, float]:
        """Train; what would be lost by a kill is kept in the trial's folder."""
        number = int(trial.trial_id) + 1
        values = trial.hyperparameters.values
        share = values.get("tuner/epochs", 1) / self._plan.longest
        config = self._space.config(values, share)
        say(f"Trial {number}: {describe(config)}")
        try:
            folder = Path(self.get_trial_dir(trial.trial_id))
            # There already, if the process was killed before the oracle heard of it.
            done = trials.find(folder) or self._train(config, folder, number, share)
        except InputError as error:  # such as a loss that is not finite
            say(f"Trial {number} failed: {error}")
            self.failures.append(str(error))
            raise errors.FailedTrialError(str(error)) from None
        except Exception as error:
            raise Stopped(error) from error
        accuracy = percent(done.accuracy.as_dict())
        say(f"Trial {number}: validation accuracy {accuracy}, {done.seconds:.0f} s")
        # Equal accuracies are told apart by likelihood, as a phase's epochs are.
        tie = min(done.nll, _MOST_NLL) / _MOST_NLL / (2 * done.num_val)
        return {"score": done.accuracy.value - tie}

    def load_model(self, trial: Any) -> None:
        """Do nothing: trials begin anew."""

    def save_model(self, trial_id: str, model: Any, step: int = 0) -> None:
        """Do nothing: checkpoints are kept in training."""

    def _make_oracle(self) -> Any:
        options = {
            "objective": _SCORE,
            "hyperparameters": self._space.declare(),
            "seed": self._plan.seed + 1,  # keras-tuner takes 0 for none
        }
        if self._plan.tuner == "hyperband":
            return _Hyperband(max_epochs=self._plan.longest, factor=FACTOR, **options)
        return _Bayesian(max_trials=self._plan.trials, **options)

    def _train(
        self, config: TrainConfig, folder: Path, number: int, share: float
    ) -> Trial:
        keras.utils.set_random_seed(config.seed)
        store = CheckpointStore(folder / "checkpoints", config.hash)
        checkpoint = store.newest() or START
        setup = self._trainer(config)
        stop_signal = StopSignal(spent=checkpoint.seconds)
        saver = CheckpointSaver(
            store,
            every=self._plan.checkpoint_every,
            stop_signal=stop_signal,
            checkpoint=checkpoint,
        )
        network = setup.make_network()
        saver.restore(network)
        with stop_signal.listening():
            results = phase_loop.train_phases(
                setup,
                network,
                callbacks=keras.callbacks.CallbackList([]),
                saver=saver,
                stop_signal=stop_signal,
            )
        trial = Trial(
            number=number,
            config=config,
            wrong=_wrong(setup, network, results[-1]),
            num_val=len(setup.positions["val"]),
            nll=results[-1].val["nll"],
            share=share,
            seconds=round(stop_signal.seconds, 1),
        )
        trials.write(trial, folder)
        store.clear()
        return trial


def describe(config: TrainConfig) -> str:
    """Spell what varies between trials, in a line."""
    rates = ",".join(f"{rate:g}" for rate in config.learning_rate)
    epochs = ",".join(map(str, config.epochs))
    return (
        f"{config.recipe}, rate {rates}, decay {config.weight_decay:g}, {epochs} "
        f"epochs, views {config.views}"
    )


def _wrong(setup: TrainSetup, network: Network, result: PhaseResult) -> tuple[int, ...]:
    """List the validation images that the trained network takes for another class."""
    last = len(setup.config.recipe.phases) - 1
    source = frozen_prefix.choose_source(setup, network, last, cached=result.cached)
    wrong = []
    for inputs, labels in source.val():
        if source.first == 1:
            inputs = image_ops.normalise(inputs, setup.backbone.preprocessing)
        logits = network.forward(inputs, first=source.first)
        wrong.append(logits.numpy().argmax(axis=-1) != np.asarray(labels))
    return tuple(np.flatnonzero(np.concatenate(wrong)).tolist())
