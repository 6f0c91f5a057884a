"""A search for the best config: its folder, and who takes part.

The test set is not read. A search goes on where it was left, within a trial too, and
can be shared by several processes: one is keras-tuner's chief, the others its workers.
"""

import contextlib
import dataclasses
import io
import json
import os
import shutil
from pathlib import Path
from typing import Any

import grpc

from kerastransfer import atomic
from kerastransfer.errors import InputError
from kerastransfer.tuning import trials
from kerastransfer.tuning.plan import Plan
from kerastransfer.tuning.space import Space
from kerastransfer.tuning.trials import Trial
from kerastransfer.tuning.tuner import Stopped, Trainer, Tuner

_SEARCH = "search.json"
_STATE = "trials"  # keras-tuner's folder within ours


def search(
    space: Space, plan: Plan, trainer: Trainer, folder: Path, *, restart: bool = False
) -> list[Trial]:
    """Search, or go on with a search.

    Parameters
    ----------
    space : Space
    plan : Plan
    trainer : callable
        Gives what a config is trained on.
    folder : Path
        Gets ``search.json``, keras-tuner's state, and a folder for each trial. Shared
        by all processes that take part.
    restart : bool
        Whether to forget what is there.

    Returns
    -------
    list of Trial
        The finished ones, the best first.

    Raises
    ------
    InputError
        If the folder holds another search, its state cannot be read, three trials in
        a row fail, or the chief does not answer.
    Terminated
        If the process was told to end; the same search goes on from there.
    """
    if restart and folder.is_dir():
        _agree(folder, None)
        shutil.rmtree(folder)
    folder.mkdir(parents=True, exist_ok=True)
    _agree(folder, _identity(space, plan))
    state = folder / _STATE
    with contextlib.redirect_stdout(io.StringIO()):  # keras-tuner's own lines
        tuner = _open(space, plan, trainer, state)
        try:
            tuner.search(verbose=0)
        except Stopped as stopped:
            raise stopped.reason from None
        except grpc.RpcError as error:
            raise InputError(_lost(error)) from None
        except RuntimeError:
            if not tuner.failures:
                raise
            raise InputError(
                f"Three trials in a row failed, the last so: {tuner.failures[-1]}"
            ) from None
    return trials.read(state)


def is_worker() -> bool:
    """Return whether another process is the search's chief."""
    named = "KERASTUNER_ORACLE_IP" in os.environ
    return named and "chief" not in os.environ.get("KERASTUNER_TUNER_ID", "")


def _open(space: Space, plan: Plan, trainer: Trainer, state: Path) -> Tuner:
    try:
        return Tuner(space, plan, trainer, state)
    except (ValueError, KeyError, RuntimeError, TypeError) as error:
        raise InputError(
            f"Expected the state of a search in {str(state)!r}: {error}; --restart "
            "begins anew."
        ) from error


def _identity(space: Space, plan: Plan) -> dict[str, Any]:
    """Return what makes it this search; more trials of a Bayesian one do not."""
    found = {
        "recipes": space.recipes,
        "settings": dict(space.chosen),
        "data": dataclasses.asdict(space.facts),
        "tuner": plan.tuner,
        "seed": plan.seed,
        "rounds": plan.longest,
    }
    plain: dict[str, Any] = json.loads(json.dumps(found))
    return plain


def _agree(folder: Path, wanted: dict[str, Any] | None) -> None:
    """Write down which search the folder holds; refuse another, and what is none."""
    path = folder / _SEARCH
    if not path.exists():
        if any(folder.iterdir()):
            raise InputError(
                f"Expected a search or nothing in {str(folder)!r}; name another --out."
            )
        if wanted is not None:
            atomic.write_json(path, wanted)
        return
    if wanted is None:
        return
    found = json.loads(path.read_text(encoding="utf-8"))
    odd = sorted(name for name in wanted if found.get(name) != wanted[name])
    if odd:
        raise InputError(
            f"Expected this search in {str(folder)!r}, and {', '.join(odd)} differ; "
            "name another --out, or pass --restart to forget it."
        )


def _lost(error: grpc.RpcError) -> str:
    place = (os.environ.get(f"KERASTUNER_ORACLE_{x}", "") for x in ("IP", "PORT"))
    reason = error.details() if isinstance(error, grpc.Call) else error
    return (
        f"The chief at {':'.join(place)} does not answer ({reason}); start it again, "
        "and then this worker."
    )
