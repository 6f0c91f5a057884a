"""Checkpoints: files from which a run is resumed as if it had never stopped.

A file's name ends with the beginning of its SHA-256, and a state names the file of the
best weights that belongs to it: whatever is damaged is not what it is called.
"""

import dataclasses
import importlib.metadata
import json
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from kerastransfer import __version__
from kerastransfer.errors import InputError
from kerastransfer.foundation import numpy_files, report
from kerastransfer.foundation.formats import seal
from kerastransfer.foundation.quoting import quoted
from kerastransfer.training.phase import PhaseProgress, PhaseResult, PhaseResults

FORMAT = 3  # 2: of JPEGs decoded accurately; 3: named by what they hold
_KEPT = 2
_MOST_ARRAYS = 10_000
_STATE = "facts"  # the array that holds, as JSON, all that is not an array
_DIGITS = 32  # of the SHA-256 in a name
_NAMED = re.compile(rf"(?:state|best)-[a-z0-9-]+-([0-9a-f]{{{_DIGITS}}})\.npz")

Arrays = dict[str, NDArray[Any]]
Blocks = Mapping[int, Mapping[str, NDArray[Any]]]


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Checkpoint:
    """Everything that resuming a run needs, beside the config, the data and the source.

    Parameters
    ----------
    phase : int
        From 0: the one that is under way, or comes next.
    progress : PhaseProgress or None
        Within that phase; None where it has not begun.
    results : tuple of PhaseResult
        Of the phases before it.
    cached : bool or None
        Whether its frozen prefix is computed once; None where that is not decided.
    seconds : float
        Seconds of training so far.
    metrics_bytes : int
        How much of ``metrics.jsonl`` belongs to what was done.
    weights : mapping of int to mapping of str to array
        By number, the weights of every block that a phase has trained or drawn.
    optimizer : tuple of array
        The optimiser's variables.
    best : mapping of int to mapping of str to array
        The best epoch's weights, by block.
    """

    phase: int
    progress: PhaseProgress | None
    results: PhaseResults
    cached: bool | None
    seconds: float
    metrics_bytes: int
    weights: Blocks
    optimizer: tuple[NDArray[Any], ...] = ()
    best: Blocks = dataclasses.field(default_factory=dict)

    @property
    def name(self) -> str:
        """A name that sorts by progress."""
        return f"state-phase{self.phase + 1:04}-step{self.phase_steps:09}"

    @property
    def phase_steps(self) -> int:
        """Steps taken in the phase that is under way."""
        return self.progress.step if self.progress else 0

    @property
    def steps(self) -> int:
        """Steps taken in all phases."""
        return self.phase_steps + sum(result.steps for result in self.results)

    def state(self) -> dict[str, Any]:
        """Return what is not an array, as JSON can hold it."""
        return {
            "phase": self.phase,
            "position": self.progress and dataclasses.asdict(self.progress),
            "outcomes": [result.as_dict() for result in self.results],
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
        progress = state["position"]
        slots = sorted(name for name in arrays if name.startswith("optimizer/"))
        return cls(
            phase=state["phase"],
            progress=None if progress is None else PhaseProgress(**progress),
            results=tuple(map(PhaseResult.from_dict, state["outcomes"])),
            cached=state["cached"],
            seconds=state["seconds"],
            metrics_bytes=state["metrics_bytes"],
            weights=_blocks("weights", arrays),
            optimizer=tuple(arrays[name] for name in slots),
            best=_blocks("best", arrays),
        )


# Where a run that nobody began is to go on.
START = Checkpoint(
    phase=0,
    progress=None,
    results=(),
    cached=None,
    seconds=0.0,
    metrics_bytes=0,
    weights={},
)


class CheckpointStore:
    """The checkpoints of one run.

    Parameters
    ----------
    folder : Path
        ``checkpoints/``.
    config_hash : str
        Hash of the run's config; checkpoints of another one are refused.
    """

    def __init__(self, folder: Path, config_hash: str) -> None:
        self.folder = folder
        self._hash = config_hash
        self._best = ""  # file of best weights that is known to be there
        self._needed: dict[str, str] = {}  # by state, its file of best weights

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
        }
        arrays = {_STATE: np.array(json.dumps(state)), **checkpoint.arrays()}
        self._needed[self._write(checkpoint.name, arrays)] = state["best_file"]
        self._prune()

    def newest(self) -> Checkpoint | None:
        """Read the last checkpoint that is whole; None where there is none.

        Raises InputError if it is of another format or run.
        """
        for path in reversed(self._states()):
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
        for field, expected in (("format", FORMAT), ("config", self._hash)):
            if state[field] != expected:
                raise InputError(
                    f"Expected a checkpoint of {field} {quoted(expected)} in {path}, "
                    f"got {quoted(state[field])}; --restart trains from the beginning."
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
            arrays |= _read_whole(self.folder / Path(state["best_file"]).name)
            self._best = state["best_file"]
        return Checkpoint.of(state, arrays)

    def _write_best(self, checkpoint: Checkpoint) -> str:
        """Write the best epoch's weights, if they are not there; return their file."""
        if not checkpoint.best or checkpoint.progress is None:
            return ""
        epoch = checkpoint.progress.best_epoch
        stem = f"best-phase{checkpoint.phase + 1:04}-epoch{epoch:06}"
        if not self._best.startswith(f"{stem}-"):
            self._best = self._write(stem, checkpoint.best_arrays())
        return self._best

    def _write(self, stem: str, arrays: Arrays) -> str:
        """Write arrays to a file that is named by its content; return its name."""
        scratch = self.folder / f".part-{stem}.npz"
        numpy_files.write_npz(scratch, arrays)
        path = self.folder / f"{stem}-{seal.sha256(scratch)[:_DIGITS]}.npz"
        return scratch.replace(path).name

    def _states(self) -> list[Path]:
        """Return the files of states, the last one last."""
        return sorted(self.folder.glob("state-*.npz"))

    def _best_of(self, path: Path) -> str:
        """Return which best weights a state needs; only others' files are read."""
        if path.name not in self._needed:
            self._needed[path.name] = json.loads(str(_open(path)[_STATE]))["best_file"]
        return self._needed[path.name]

    def _prune(self) -> None:
        paths = self._states()
        try:
            needed = {self._best_of(path) for path in paths[-_KEPT:]}
        except Exception:  # one is damaged: nobody knows what it needs
            return
        for path in paths[:-_KEPT]:
            path.unlink(missing_ok=True)
        for path in self.folder.glob("best-*.npz"):
            if path.name not in needed:
                path.unlink(missing_ok=True)


def _open(path: Path) -> Arrays:
    return numpy_files.read_npz(
        path, kind="a checkpoint", cure="", most_arrays=_MOST_ARRAYS
    )


def _read_whole(path: Path) -> Arrays:
    """Read an archive that is what its name says."""
    named = _NAMED.fullmatch(path.name)
    if named is None:
        raise InputError(
            f"Expected a checkpoint of format {FORMAT}, got {quoted(path)} of an "
            "earlier release; --restart trains from the beginning."
        )
    if not seal.sha256(path).startswith(named[1]):
        raise ValueError("its content is not what its name says")
    return _open(path)


def _flat(group: str, blocks: Blocks) -> Arrays:
    return {
        f"{group}/{block}/{name}": array
        for block, weights in blocks.items()
        for name, array in weights.items()
    }


def _blocks(group: str, arrays: Arrays) -> dict[int, dict[str, NDArray[Any]]]:
    """Gather by block what `_flat` named."""
    blocks: dict[int, dict[str, NDArray[Any]]] = {}
    for name, array in arrays.items():
        start, _, rest = name.partition("/")
        if start == group:
            block, _, name = rest.partition("/")
            blocks.setdefault(int(block), {})[name] = array
    return blocks


def _versions() -> dict[str, str]:
    names = ("tensorflow", "keras", "numpy")
    versions = {name: importlib.metadata.version(name) for name in names}
    return {"kerastransfer": __version__, **versions}
