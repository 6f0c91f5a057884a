"""Training of contenders: a run for each and each split, kept and resumed."""

import contextlib
import dataclasses
import io
import time
from pathlib import Path

import numpy as np

from kerastransfer.advice.contenders import Contender
from kerastransfer.advice.gains import Gains
from kerastransfer.advice.pilot.tried import State, Tried
from kerastransfer.advice.splits import MOST_FOLDS, Split
from kerastransfer.config.run_options import RunOptions
from kerastransfer.config.train_config import TrainConfig
from kerastransfer.distribution.replicas import Replicas
from kerastransfer.foundation.report import say
from kerastransfer.records.sizes import Sizes
from kerastransfer.runs import execution, finished
from kerastransfer.runs.predictions import FOLDER, read_right
from kerastransfer.runs.sources import Sources
from kerastransfer.runs.start import inputs_of, is_done
from kerastransfer.training.checkpoints.store import CheckpointStore
from kerastransfer.training.stopping import StopReason


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Conditions:
    """How contenders are trained.

    Parameters
    ----------
    sources : Sources
        Without a recipe in its settings.
    folder : Path
        Gets a folder for each contender, with a run for each split.
    deadline : float
        When it ends, by `time.monotonic`.
    margin : float
        Difference of accuracy, as a fraction, that does not matter.
    expected : Gains
        Of the tuned contenders, before they are tried.
    """

    sources: Sources
    sizes: Sizes
    replicas: Replicas
    folder: Path
    options: RunOptions
    deadline: float
    margin: float
    expected: Gains

    @property
    def left(self) -> float:
        """Seconds until the deadline."""
        return self.deadline - time.monotonic()

    def config(self, contender: Contender, split: Split) -> TrainConfig:
        """Return the config of a run."""
        sources = dataclasses.replace(
            self.sources, settings={**self.sources.settings, **contender.settings}
        )
        config = sources.config(self.sizes)
        return dataclasses.replace(config, records=split.records.fold_hash)


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Planned:
    """A run that is to be.

    Parameters
    ----------
    contender : Tried
    number : int
        Of the split, from 0.
    done : bool
        Whether it was trained before.
    spent : float
        Seconds that it was trained for before, if it was not finished.
    """

    contender: Tried
    number: int
    config: TrainConfig
    folder: Path
    done: bool
    spent: float


def plan(conditions: Conditions, one: Tried, split: Split, number: int) -> Planned:
    """Find a run in the folder that its settings and images name, as far as it is."""
    config = conditions.config(one.contender, split)
    name = str(one.contender).replace(" at ", "@").replace(", ", "_")
    folder = conditions.folder / name / f"round{number + 1}_{config.hash[:8]}"
    checkpoint = CheckpointStore(folder / "checkpoints", config.hash).newest()
    return Planned(
        contender=one,
        number=number,
        config=config,
        folder=folder,
        done=is_done(folder, None),
        spent=0.0 if checkpoint is None else checkpoint.seconds,
    )


def train(conditions: Conditions, planned: Planned, split: Split) -> Tried:
    """Train a contender on a split, and add its answers; unchanged without the time."""
    one = planned.contender
    if not planned.done:
        _train(conditions, planned, split)
    result = finished.read(planned.folder).result
    if result["stopped"] == StopReason.TIME_LIMIT:
        say(f"{one.contender} was not trained to its end: the time was up.")
        return one
    right = read_right(planned.folder / FOLDER / "test.csv")
    seconds = (one.seconds * one.rounds + result["seconds"]) / (one.rounds + 1)
    return dataclasses.replace(
        one,
        state=State.KEPT,
        rounds=one.rounds + 1,
        right=np.concatenate([one.right, right]),
        seconds=seconds,
    )


def _train(conditions: Conditions, planned: Planned, split: Split) -> None:
    left = max(conditions.left, 1.0)
    options = dataclasses.replace(
        conditions.options,
        time_limit=planned.spent + left,
        probe=False,
        export=False,
    )
    inputs = inputs_of(
        conditions.sources,
        split.records,
        options,
        conditions.replicas,
        (),
        sharing_runs=2 * MOST_FOLDS,
    )
    # What a run says of itself is left out: a pilot has a line a run.
    with contextlib.redirect_stderr(io.StringIO()):
        execution.train(planned.config, inputs, planned.folder)


def untried(contender: Contender) -> Tried:
    """Return what is known of a contender at first: nothing."""
    return Tried(
        contender=contender,
        state=State.UNTRIED,
        rounds=0,
        right=np.zeros(0, bool),
        seconds=0.0,
    )
