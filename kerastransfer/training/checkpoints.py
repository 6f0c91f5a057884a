"""Checkpoints: files from which a run goes on as if it had never stopped."""

import dataclasses
import importlib.metadata
import json
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from kerastransfer import __version__
from kerastransfer.errors import InputError
from kerastransfer.foundation import numpy_files, report
from kerastransfer.training.phase import PhaseProgress, PhaseResult

FORMAT = 1
_KEPT = 2
_MOST_ARRAYS = 10_000
_STATE = "facts"

Arrays = dict[str, NDArray[Any]]
Blocks = Mapping[int, Mapping[str, NDArray[Any]]]


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Checkpoint:
    """Everything that going on needs, beside the config, the data and the source.

    Parameters
    ----------
    phase : int
        From 0: the one that is under way, or comes next.
    position : PhaseProgress or None
        Within it; None where it has not begun.
    outcomes : tuple of PhaseResult
        Of the phases before it.
    cached : bool or None
        Whether its prefix is computed once; None where that is not decided.
    seconds : float
        Of training so far.
    metrics_bytes : int
        How much of ``metrics.jsonl`` belongs to what was done.
    weights : mapping of int to mapping of str to array
        Of every block that a phase has trained or drawn, by number.
    optimizer : tuple of array
        The optimiser's variables.
    best : mapping of int to mapping of str to array
        The best epoch's weights.
    """

    phase: int
    position: PhaseProgress | None
    outcomes: tuple[PhaseResult, ...]
    cached: bool | None
    seconds: float
    metrics_bytes: int
    weights: Blocks
    optimizer: tuple[NDArray[Any], ...] = ()
    best: Blocks = dataclasses.field(default_factory=dict)

    @property
    def name(self) -> str:
        """A name that sorts by progress."""
        step = self.position.step if self.position else 0
        return f"state-phase{self.phase + 1:04}-step{step:09}"

    def state(self) -> dict[str, Any]:
        """Return what is not an array, as JSON can hold it."""
        position = self.position and dataclasses.asdict(self.position)
        return {
            "phase": self.phase,
            "position": position,
            "outcomes": [dataclasses.asdict(outcome) for outcome in self.outcomes],
            "cached": self.cached,
            "seconds": self.seconds,
            "metrics_bytes": self.metrics_bytes,
        }

    def arrays(self) -> Arrays:
        """Return the arrays by name, those of the best epoch left out."""
        slots = {f"optimizer/{i:05}": a for i, a in enumerate(self.optimizer)}
        return {**_flat("weights", self.weights), **slots}

    def best_arrays(self) -> Arrays:
        """Return the best epoch's weights by name."""
        return _flat("best", self.best)

    @classmethod
    def of(cls, state: Mapping[str, Any], arrays: Arrays) -> Self:
        """Put together what `state`, `arrays` and `best_arrays` took apart."""
        position = state["position"]
        slots = sorted(name for name in arrays if name.startswith("optimizer/"))
        return cls(
            phase=state["phase"],
            position=None if position is None else PhaseProgress(**position),
            outcomes=tuple(PhaseResult(**outcome) for outcome in state["outcomes"]),
            cached=state["cached"],
            seconds=state["seconds"],
            metrics_bytes=state["metrics_bytes"],
            weights=_blocks("weights", arrays),
            optimizer=tuple(arrays[name] for name in slots),
            best=_blocks("best", arrays),
        )


class CheckpointStore:
    """The checkpoints of one run.

    Parameters
    ----------
    folder : Path
        ``checkpoints/``.
    config_hash : str
        The run's.
    """

    def __init__(self, folder: Path, config_hash: str) -> None:
        self.folder = folder
        self._hash = config_hash
        self._whole: set[str] = set()  # best weights that are known to be there

    def write(self, checkpoint: Checkpoint) -> None:
        """Keep a checkpoint, and then forget all but the last two.

        Raises
        ------
        OSError
            If the disk is full; those that were there are there still.
        """
        state = {
            **checkpoint.state(),
            "format": FORMAT,
            "config": self._hash,
            "versions": _versions(),
            "best_file": self._write_best(checkpoint),
            "arrays": sorted((*checkpoint.arrays(), *checkpoint.best_arrays())),
        }
        arrays = {_STATE: np.array(json.dumps(state)), **checkpoint.arrays()}
        numpy_files.write_npz(self.folder / f"{checkpoint.name}.npz", arrays)
        self._prune()

    def newest(self) -> Checkpoint | None:
        """Read the last checkpoint that is whole; None where there is none.

        Returns
        -------
        Checkpoint or None

        Raises
        ------
        InputError
            If it is of another format or run.
        """
        for path in sorted(self.folder.glob("state-*.npz"), reverse=True):
            try:
                return self._read(path)
            except InputError:
                raise
            except Exception as error:  # readers raise anything on a damaged file
                reason = str(error).removesuffix(".")
                report.warn(f"{path} is damaged ({reason}); an earlier one is used.")
        return None

    def clear(self) -> None:
        """Forget all of them."""
        for path in self.folder.glob("*.npz"):
            path.unlink(missing_ok=True)

    def _read(self, path: Path) -> Checkpoint:
        arrays = _read_whole(path)
        state = json.loads(str(arrays.pop(_STATE)))
        for what, expected in (("format", FORMAT), ("config", self._hash)):
            if state[what] != expected:
                raise InputError(
                    f"Expected a checkpoint of {what} {expected!r} in {path}, got "
                    f"{state[what]!r}; --restart trains from the beginning."
                )
        changed = {
            name: f"{name} {state['versions'].get(name)} then, {version} now"
            for name, version in _versions().items()
            if state["versions"].get(name) != version
        }
        if changed:
            report.warn(
                f"This run was begun with other releases ({'; '.join(changed.values())}"
                "): it goes on, and may not end with the same bits."
            )
        if state["best_file"]:
            arrays |= _read_whole(self.folder / state["best_file"])
        if sorted(arrays) != state["arrays"]:  # a damaged directory hides members
            raise ValueError("some of its arrays are missing")
        if state["best_file"]:
            self._whole.add(state["best_file"])
        return Checkpoint.of(state, arrays)

    def _write_best(self, checkpoint: Checkpoint) -> str:
        if not checkpoint.best or checkpoint.position is None:
            return ""
        epoch = checkpoint.position.best_epoch
        name = f"best-phase{checkpoint.phase + 1:04}-epoch{epoch:06}.npz"
        path = self.folder / name
        if path.name not in self._whole:
            numpy_files.write_npz(path, checkpoint.best_arrays())
            self._whole.add(path.name)
        return path.name

    def _prune(self) -> None:
        paths = sorted(self.folder.glob("state-*.npz"))
        try:
            wanted = {_read_facts(path)["best_file"] for path in paths[-_KEPT:]}
        except Exception:  # one is damaged: nobody knows what it needs
            return
        for path in paths[:-_KEPT]:
            path.unlink(missing_ok=True)
        for path in self.folder.glob("best-*.npz"):
            if path.name not in wanted:
                path.unlink(missing_ok=True)
                self._whole.discard(path.name)


def steps_of(checkpoint: Checkpoint | None) -> int:
    """Count the steps that a run has behind it; 0 where there is no checkpoint."""
    if checkpoint is None:
        return 0
    under_way = checkpoint.position.step if checkpoint.position else 0
    return under_way + sum(outcome.steps for outcome in checkpoint.outcomes)


def _read_facts(path: Path) -> dict[str, Any]:
    state: dict[str, Any] = json.loads(str(_open(path)[_STATE]))
    return state


def _open(path: Path) -> Arrays:
    return numpy_files.read_npz(
        path, kind="a checkpoint", cure="", most_arrays=_MOST_ARRAYS
    )


def _read_whole(path: Path) -> Arrays:
    """Read an archive whose checksums all hold."""
    arrays = _open(path)
    with zipfile.ZipFile(path) as file:
        damaged = file.testzip()
    if damaged is not None:
        raise ValueError(f"the checksum of {damaged!r} does not hold")
    return arrays


def _flat(group: str, blocks: Blocks) -> Arrays:
    return {
        f"{group}/{number}/{name}": array
        for number, weights in blocks.items()
        for name, array in weights.items()
    }


def _blocks(group: str, arrays: Arrays) -> dict[int, dict[str, NDArray[Any]]]:
    found: dict[int, dict[str, NDArray[Any]]] = {}
    for name, array in arrays.items():
        start, _, rest = name.partition("/")
        if start == group:
            number, _, name = rest.partition("/")
            found.setdefault(int(number), {})[name] = array
    return found


def _versions() -> dict[str, str]:
    names = ("tensorflow", "keras", "numpy")
    found = {name: importlib.metadata.version(name) for name in names}
    return {"kerastransfer": __version__, **found}
