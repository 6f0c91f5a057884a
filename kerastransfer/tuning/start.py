"""Starting a search: sources checked, devices started, trials trained, best kept."""

import dataclasses
import shlex
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from kerastransfer.config.run_options import RunOptions
from kerastransfer.config.train_config import TrainConfig
from kerastransfer.distribution.choice import Choice
from kerastransfer.distribution.start import start
from kerastransfer.errors import InputError
from kerastransfer.foundation import atomic
from kerastransfer.foundation.report import Preformatted, say
from kerastransfer.records.find import find_or_convert
from kerastransfer.records.sizes import Sizes
from kerastransfer.runs.sources import Sources
from kerastransfer.runs.start import caching
from kerastransfer.tuning.search_plan import SearchPlan
from kerastransfer.tuning.trial_table import trial_table

if TYPE_CHECKING:
    from kerastransfer.training.setup import TrainSetup
    from kerastransfer.tuning.trials import Trial

BEST = "best.json"
_SHORT = 3  # Hyperband's trials are about a third of their length, on average


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Search(Preformatted):
    """What a search found.

    Parameters
    ----------
    trials : tuple of Trial
        The finished ones, the best first; empty in a worker, whose chief reports.
    folder : Path
        Keeps the search; its ``best.json`` is the config of the best trial.
    sources : tuple of (str, str)
        Flags that ``train`` needs beside the config, such as ``--records``.
    """

    trials: "tuple[Trial, ...]"
    folder: Path
    sources: tuple[tuple[str, str], ...] = ()

    @property
    def best(self) -> "Trial":
        """The trial of highest validation accuracy."""
        return self.trials[0]

    @property
    def command(self) -> str:
        """What trains the best, as a shell takes it."""
        words = ["kerastransfer", "train", "--config", str(self.folder / BEST)]
        return shlex.join([*words, *(word for pair in self.sources for word in pair)])

    def __str__(self) -> str:
        if not self.trials:
            return "No more trials; the chief reports."
        return "\n".join(
            [
                trial_table(list(self.trials)),
                "The best of many looks better than it is; the test set will tell:",
                self.command,
            ]
        )

    def as_dict(self) -> list[dict[str, Any]]:
        """Return the trials in plain Python, ready for JSON."""
        return [trial.as_dict() for trial in self.trials]


def tune(
    sources: Sources,
    recipes: Sequence[str],
    plan: SearchPlan,
    *,
    out: Path | None = None,
    records_folder: Path | None = None,
    options: RunOptions | None = None,
    flags: Sequence[tuple[str, str]] = (),
) -> Search:
    """Search for the best recipe and settings on the validation set.

    Parameters
    ----------
    sources : Sources
        Settings that were chosen do not vary.
    recipes : sequence of str
        In their canonical spelling.
    out : Path, optional
        Keeps the search; by default ``searches/DATASET_BACKBONE``.
    records_folder : Path, optional
        Holds converted datasets; by default the usual one.
    options : RunOptions, optional
        Of them the cache's, and whether to begin anew.
    flags : sequence of (str, str)
        What `Search.command` has to repeat.

    Raises
    ------
    InputError
        If there is no validation set, or a recipe makes no config.
    """
    options = options or RunOptions()
    replicas = start(Choice())
    from kerastransfer.training.setup import TrainSetup
    from kerastransfer.tuning import search, search_folder
    from kerastransfer.tuning.space import Space

    records = find_or_convert(sources.dataset, records_folder)
    if not records.size("val"):
        raise InputError("Expected a validation set to choose by, and it is empty.")
    sizes = Sizes.of_records(records)
    for recipe in recipes:  # before anything is trained, each must make a config
        sources.config(sizes, recipe)
    if not search_folder.is_worker():
        say(str(sizes.overview))
    runs = plan.trials / len(recipes) / (_SHORT if plan.tuner == "hyperband" else 1)
    shared = caching(options, sharing_runs=max(1, round(runs)))

    def trainer(config: TrainConfig) -> "TrainSetup":
        return TrainSetup.of(
            config,
            sources.backbone,
            records=records,
            source_weights=sources.weights,
            replicas=replicas,
            caching=shared,
        )

    out = out or Path("searches") / f"{records.name}_{sources.backbone.name}"
    space = Space(
        recipes=tuple(recipes),
        chosen=sources.settings,
        summary=sources.summary(sizes),
    )
    trials = search.search(space, plan, trainer, out, restart=options.restart)
    if search_folder.is_worker():
        say("No more trials; the chief reports.")
        trials = []
    elif not trials:
        raise InputError("Expected a finished trial, and there is none.")
    else:
        atomic.write_json(out / BEST, trials[0].config.as_dict())
    return Search(trials=tuple(trials), folder=out, sources=tuple(flags))
