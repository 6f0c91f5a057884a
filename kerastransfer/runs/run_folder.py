"""A run's folder before training: a run is begun, resumed, or refused."""

import contextlib
import json
import math
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from kerastransfer.backbones.network import Network
from kerastransfer.config.train_config import HASHES, TrainConfig
from kerastransfer.distribution.replicas import Replicas
from kerastransfer.errors import InputError
from kerastransfer.export.seals import CONFIG, LABELS, METRICS, RESULT
from kerastransfer.foundation import atomic, json_file, locks, system
from kerastransfer.foundation.formats import seal
from kerastransfer.foundation.quoting import quoted
from kerastransfer.foundation.report import say
from kerastransfer.training.checkpoints.store import START, Checkpoint, CheckpointStore
from kerastransfer.training.phase import PhaseResults, score
from kerastransfer.training.stopping import StopReason

_HDF5_BYTES = 8192  # around each array, more or less


@contextlib.contextmanager
def locked(folder: Path) -> Iterator[None]:
    """Lock a run's folder, so that no other process trains the same run.

    Parameters
    ----------
    folder : Path
        Made where it is missing.

    Raises
    ------
    InputError
        If another process trains it.
    """
    folder.mkdir(parents=True, exist_ok=True)
    refusal = f"Another process trains this run in {quoted(folder)}; wait for it."
    with locks.held(folder, refusal=refusal):
        yield


def prepare(
    folder: Path, config: TrainConfig, classes: tuple[str, ...], *, restart: bool
) -> tuple[CheckpointStore, Checkpoint]:
    """Make a run's folder, or find out where the run in it was left.

    Parameters
    ----------
    restart : bool
        Whether to forget what is there.

    Returns
    -------
    store : CheckpointStore
        Of the run's checkpoints.
    checkpoint : Checkpoint
        Where to go on.

    Raises
    ------
    InputError
        If the folder holds another run, or one that was begun from other records or
        weights has not finished.
    """
    store = CheckpointStore(folder / "checkpoints", config.hash)
    if restart:
        store.clear()
    else:
        _refuse_others(folder, config)
    atomic.remove_scratch(folder)
    checkpoint = store.newest()
    if checkpoint is not None:
        say(
            f"Going on in phase {checkpoint.phase + 1} after "
            f"{checkpoint.phase_steps:,} of its steps; --restart trains from the "
            "beginning."
        )
    elif (folder / METRICS).exists() and not (folder / RESULT).exists():
        say("A run without a checkpoint is here; it is trained from the beginning.")
    (folder / RESULT).unlink(missing_ok=True)
    atomic.write_json(folder / CONFIG, config.as_dict())
    atomic.write_text(folder / LABELS, "".join(f"{name}\n" for name in classes))
    return store, checkpoint or START


def weights_path(folder: Path, phase: int) -> Path:
    """Return where a phase's best weights are, by its number from 1."""
    return folder / "checkpoints" / f"phase{phase}.weights.h5"


def save_weights(folder: Path, phase: int, network: Network) -> None:
    """Write a phase's best weights, whole or not at all; its number is from 1."""
    path = weights_path(folder, phase)
    with atomic.replacing(path, ".weights.h5", size=file_size(network)) as scratch:
        try:
            network.whole().save_weights(scratch)
        except OSError as error:
            with _elsewhere(error) as copy:
                network.whole().save_weights(copy)
                shutil.copyfile(copy, scratch)
    seal.add(path.parent, path.name)


def file_size(network: Network) -> int:
    """Return how many bytes Keras takes for a network's weights, or a few more."""
    variables = network.whole().variables
    return sum(math.prod(v.shape) * 4 + _HDF5_BYTES for v in variables)


def load_weights(folder: Path, phase: int, network: Network) -> None:
    """Read a phase's best weights; its number is from 1.

    Raises
    ------
    DataError
        If they are not those that were written.
    """
    path = weights_path(folder, phase)
    seal.check(path.parent, "--restart trains the run again")
    try:
        network.whole().load_weights(path)
    except OSError as error:
        with _elsewhere(error) as copy:
            shutil.copyfile(path, copy)
            network.whole().load_weights(copy)


def keep_better(folder: Path, network: Network, results: PhaseResults) -> int:
    """Choose between a phase whose time was up and the one before it.

    Parameters
    ----------
    folder : Path
        The run's, with the weights that earlier phases left.
    network : Network
        With the last phase's best weights; gets the earlier ones where those are
        better on the validation set.
    results : tuple of PhaseResult
        Of the phases that were begun.

    Returns
    -------
    int
        Number, from 1, of the phase whose weights the network holds.
    """
    last = len(results)
    if last < 2 or results[-1].stopped is not StopReason.TIME_LIMIT:
        return last
    if score(results[-1].val) >= score(results[-2].val):
        return last
    say(f"Phase {last} has not come as far as phase {last - 1}, which is kept.")
    load_weights(folder, last - 1, network)
    return last - 1


@contextlib.contextmanager
def _elsewhere(error: OSError) -> Iterator[Path]:
    """Give a place for weights where HDF5 cannot open them, if for want of locks.

    HDF5 locks what it opens, and goes without locks at one error number alone.
    """
    if error.errno not in system.UNSUPPORTED:
        raise error
    with tempfile.TemporaryDirectory() as folder:
        try:
            yield Path(folder, "copy.weights.h5")
        except OSError as again:
            if again.errno not in system.UNSUPPORTED:
                raise
            raise InputError(
                f"HDF5 cannot lock files here, nor in {quoted(tempfile.gettempdir())}; "
                "set HDF5_USE_FILE_LOCKING=FALSE, or TMPDIR to a folder on a local "
                "disk."
            ) from None


def share(checkpoint: Checkpoint, replicas: Replicas) -> Checkpoint:
    """Give every process the checkpoint that the chief read.

    Parameters
    ----------
    checkpoint : Checkpoint
        In the other processes it does not count.
    """
    if not replicas.several_processes:
        return checkpoint
    arrays = {**checkpoint.arrays(), **checkpoint.best_arrays()}
    shapes = {name: (str(a.dtype), a.shape) for name, a in arrays.items()}
    state, shapes = replicas.broadcast_json([checkpoint.state(), shapes])
    shared = {
        name: replicas.broadcast(np.asarray(arrays.get(name, np.zeros(shape, dtype))))
        for name, (dtype, shape) in shapes.items()
    }
    return Checkpoint.of(state, shared)


def agree(config: TrainConfig, replicas: Replicas) -> None:
    """Refuse to train together with processes that would train something else.

    Raises
    ------
    InputError
        In the processes whose config is not the chief's, and in the chief.
    """
    chiefs = replicas.broadcast_json(config.as_dict())
    mine = json.loads(json.dumps(config.as_dict()))
    odd = sorted(name for name in mine if mine[name] != chiefs.get(name))
    if replicas.sum(float(bool(odd))) > 0:
        which = f"; here {', '.join(odd)} differ from the chief's" if odd else ""
        raise InputError(f"Expected the same command and data in every worker{which}.")


def _refuse_others(folder: Path, config: TrainConfig) -> None:
    """Refuse if this folder, or an unfinished run beside it, has another config."""
    settings = json.loads(json.dumps(config.as_dict()))
    own = folder / CONFIG
    odd = _differences(own, settings) if own.exists() else []
    if odd:
        raise InputError(
            f"Expected this run's config in {quoted(own)}, and {', '.join(odd)} "
            "differ; --restart trains it from the beginning."
        )
    if (folder / METRICS).exists():
        return  # begun, whatever else there is
    stem = folder.name.removesuffix(config.hash[:8])
    for path in folder.parent.glob(f"{stem}*/{CONFIG}"):
        begun = (path.parent / METRICS).exists()
        odd = _differences(path, settings)
        if (path.parent / RESULT).exists() or not begun:
            continue
        if odd and set(odd) <= set(HASHES):
            raise InputError(
                f"The same command was begun in {quoted(path.parent)} with other "
                f"{' and '.join(odd)}, and has not finished; bring those back to go "
                "on, or pass --restart to train with these."
            )


def _differences(path: Path, settings: dict[str, Any]) -> list[str]:
    """List the settings in which a config file differs."""
    try:
        there = json_file.read_object(path)
    except ValueError:
        return ["all of it"]
    names = sorted(set(there) | set(settings))
    return [name for name in names if there.get(name) != settings.get(name)]
