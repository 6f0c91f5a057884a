"""A pilot: contenders trained on the same splits, and compared image by image.

Each split is a round, in which the cheapest contender comes first. A contender whose
difference from the best lies below 0 for certain is left out of later rounds; it ends
when the time does, when one is left, or when those that are left are equivalent.
"""

import contextlib
import dataclasses
import io
import math
import time
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

import numpy as np

from kerastransfer.advice.contenders import Contender
from kerastransfer.advice.decision import weigh
from kerastransfer.advice.measured.prior import HALF_WIDTH, Normal
from kerastransfer.advice.question import INTERRUPTED, STOPPED
from kerastransfer.advice.splits import MOST_FOLDS, Split
from kerastransfer.advice.tried import Pilot, State, Tried
from kerastransfer.config.run_options import RunOptions
from kerastransfer.config.train_config import TrainConfig
from kerastransfer.distribution.replicas import Replicas
from kerastransfer.errors import Terminated
from kerastransfer.foundation.report import say
from kerastransfer.records.sizes import Sizes
from kerastransfer.runs import execution, finished
from kerastransfer.runs.predictions import FOLDER, read_right
from kerastransfer.runs.sources import Sources
from kerastransfer.runs.start import inputs_of, is_done
from kerastransfer.training.checkpoints import CheckpointStore
from kerastransfer.training.stopping import StopReason

_GROWTH = 2.0  # a contender takes longer than the one before it


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
    priors : mapping
        What contenders are expected to gain over the frozen recipe.
    """

    sources: Sources
    sizes: Sizes
    replicas: Replicas
    folder: Path
    options: RunOptions
    deadline: float
    margin: float
    priors: Mapping[Contender, Normal] = dataclasses.field(default_factory=dict)

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


def run(
    conditions: Conditions, splits: Sequence[Split], contenders: Sequence[Contender]
) -> Pilot:
    """Try contenders until the time is up or the matter is decided.

    What was trained before is not trained again. Ctrl-C ends it with what there is.

    Parameters
    ----------
    splits : sequence of Split
        A round each.
    contenders : sequence of Contender
        The cheapest first.

    Raises
    ------
    Terminated
        If the process was told to end otherwise; the same pilot goes on from there.
    """
    units = np.concatenate([split.units[split.fold.held_out] for split in splits])
    pilot = Pilot(tried=tuple(map(untried, contenders)), units=units, ended="")
    for number, split in enumerate(splits):
        try:
            for after in _round(conditions, pilot, split, number, len(splits)):
                pilot = after
        except (Terminated, KeyboardInterrupt) as error:
            if isinstance(error, Terminated) and error.code != INTERRUPTED:
                raise
            tried = without_those_behind(pilot, conditions.margin)
            return dataclasses.replace(pilot, tried=tried, ended=STOPPED)
        tried = without_those_behind(pilot, conditions.margin)
        pilot = dataclasses.replace(pilot, tried=tried)
        ended = _reason_to_end(conditions, pilot)
        if ended:
            return dataclasses.replace(pilot, ended=ended)
    return dataclasses.replace(pilot, ended="every image was judged once")


def untried(contender: Contender) -> Tried:
    """Return what is known of a contender at first: nothing."""
    return Tried(
        contender=contender,
        state=State.UNTRIED,
        rounds=0,
        right=np.zeros(0, bool),
        seconds=0.0,
    )


def _round(
    conditions: Conditions, pilot: Pilot, split: Split, number: int, count: int
) -> Iterator[Pilot]:
    """Train each contender on a split that is to be; yield the pilot after each."""
    for place, one in enumerate(pilot.tried):
        if one.rounds < number or one.state is State.BEHIND:
            continue
        expected = _expected_seconds(one, pilot.tried[:place])
        planned = _plan(conditions, one, split, number)
        if not one.rounds and is_unlikely(pilot, one, conditions.priors):
            say(f"{one.contender} is left out: measured cells speak against it.")
            after = dataclasses.replace(one, state=State.UNLIKELY)
        elif conditions.left <= expected - planned.spent and not planned.done:
            say(f"{one.contender} is left out: it may take {expected:.0f} s.")
            continue
        else:
            title = f"Round {number + 1} of {count}: {one.contender}"
            after = _train(conditions, one, split, planned, title)
        tried = list(pilot.tried)
        tried[place] = after
        pilot = dataclasses.replace(pilot, tried=tuple(tried))
        yield pilot


def is_unlikely(pilot: Pilot, one: Tried, priors: Mapping[Contender, Normal]) -> bool:
    """Say whether measured cells put a contender below one that was tried, for certain.

    That is where the 95 % interval of their difference lies below 0, with what the
    cells let expect of the one, and what they and the pilot say of the other.
    """
    expected = priors.get(one.contender)
    if expected is None or pilot.tried[0].rounds == 0:
        return False
    known = [Normal(0.0, 0.0)]  # the frozen recipe's gain over itself
    for each in pilot.tried[1:]:
        gain = pilot.difference(each, pilot.tried[0])
        if gain is not None:
            known.append(Normal.of(weigh(gain, priors.get(each.contender)) or gain))
    return any(
        expected.mean + HALF_WIDTH * math.hypot(expected.sd, other.sd) < other.mean
        for other in known
    )


def _expected_seconds(one: Tried, cheaper: Sequence[Tried]) -> float:
    """Predict how long a run takes: as at other rates, or longer than cheaper ones."""
    if one.rounds:
        return one.seconds
    for each in reversed(cheaper):
        if each.rounds and each.contender.recipe == one.contender.recipe:
            return each.seconds
    return _GROWTH * max((each.seconds for each in cheaper), default=0.0)


def without_those_behind(pilot: Pilot, margin: float) -> tuple[Tried, ...]:
    """Mark the contenders that are behind the best for certain, by what matters."""
    best = pilot.best
    marked = []
    for each in pilot.tried:
        gap = None if best in (None, each) else pilot.difference(best, each)
        behind = gap is not None and gap.low > 0 and gap.high > margin
        marked.append(dataclasses.replace(each, state=State.BEHIND) if behind else each)
    return tuple(marked)


def _reason_to_end(conditions: Conditions, pilot: Pilot) -> str:
    """Say why no further round is needed, or possible; nothing where one is."""
    best = pilot.best
    others = [each for each in pilot.tried if each.rounds and each is not best]
    kept = [each for each in others if each.state is State.KEPT]
    gaps = [pilot.difference(each, best) for each in kept if best is not None]
    if others and not kept:
        return "one was ahead of all that were tried, for certain"
    margin = conditions.margin
    if gaps and all(g and -margin <= g.low and g.high <= margin for g in gaps):
        return "those that are left are equivalent"
    return "the time was up" if conditions.left <= 0 else ""


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class _Planned:
    """A run that is to be; `spent` are the seconds that it was trained for before."""

    config: TrainConfig
    folder: Path
    done: bool
    spent: float


def _plan(conditions: Conditions, one: Tried, split: Split, number: int) -> _Planned:
    """Find a run in the folder that its settings and images name, as far as it is."""
    config = conditions.config(one.contender, split)
    name = str(one.contender).replace(" at ", "@").replace(", ", "_")
    folder = conditions.folder / name / f"round{number + 1}_{config.hash[:8]}"
    checkpoint = CheckpointStore(folder / "checkpoints", config.hash).newest()
    return _Planned(
        config=config,
        folder=folder,
        done=is_done(folder, None),
        spent=0.0 if checkpoint is None else checkpoint.seconds,
    )


def _train(
    conditions: Conditions, one: Tried, split: Split, planned: _Planned, title: str
) -> Tried:
    """Train a contender on a split, and add its answers; unchanged without the time."""
    if not planned.done:
        left = max(conditions.left, 1.0)
        say(f"{title}, {left:.0f} s left")
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
        with _quietly():
            execution.train(planned.config, inputs, planned.folder)
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


@contextlib.contextmanager
def _quietly() -> Iterator[None]:
    """Leave out what a run says of itself: a pilot has a line a run."""
    with contextlib.redirect_stderr(io.StringIO()):
        yield
