"""A search for the best config.

The test set is not read. A search goes on where it was left, within a trial too, and
can be shared by several processes: one is keras-tuner's chief, the others its workers.
"""

import contextlib
import dataclasses
import io
import json
import os
from pathlib import Path
from typing import Any

import grpc

from kerastransfer.errors import InputError
from kerastransfer.foundation.quoting import quoted
from kerastransfer.foundation.report import say
from kerastransfer.tuning import search_folder, trials
from kerastransfer.tuning.search_plan import SearchPlan
from kerastransfer.tuning.space import Space
from kerastransfer.tuning.trials import Trial
from kerastransfer.tuning.tuner import Stopped, Trainer, Tuner

_STATE = "trials"  # keras-tuner's folder within ours


def search(
    space: Space,
    plan: SearchPlan,
    trainer: Trainer,
    folder: Path,
    *,
    restart: bool = False,
) -> list[Trial]:
    """Search, or go on with a search.

    Parameters
    ----------
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
        If the folder holds another search, another process searches in it, its state
        cannot be read, a worker is to restart, three trials in a row fail, or the
        chief does not answer.
    Terminated
        If the process was told to end; the same search goes on from there.
    """
    identity = _identity(space, plan)
    address = search_folder.chiefs_address()
    if address:
        say(
            f"The chief listens at {address}, and nowhere else; it asks for no "
            "password: whoever reaches that address can take part."
        )
    with search_folder.taking_part(folder, identity, restart=restart):
        return _run(space, plan, trainer, folder / _STATE)


def _run(space: Space, plan: SearchPlan, trainer: Trainer, state: Path) -> list[Trial]:
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


def _open(space: Space, plan: SearchPlan, trainer: Trainer, state: Path) -> Tuner:
    try:
        return Tuner(space, plan, trainer, state)
    except (ValueError, KeyError, RuntimeError, TypeError) as error:
        raise InputError(
            f"Expected the state of a search in {quoted(state)}: {error}; --restart "
            "begins anew."
        ) from error


def _identity(space: Space, plan: SearchPlan) -> dict[str, Any]:
    """Return what makes it this search; more trials of a Bayesian one do not."""
    identity = {
        "recipes": space.recipes,
        "settings": dict(space.chosen),
        "data": dataclasses.asdict(space.summary),
        "tuner": plan.tuner,
        "seed": plan.seed,
        "rounds": plan.longest,
    }
    plain: dict[str, Any] = json.loads(json.dumps(identity))
    return plain


def _lost(error: grpc.RpcError) -> str:
    place = (os.environ.get(f"KERASTUNER_ORACLE_{x}", "") for x in ("IP", "PORT"))
    reason = error.details() if isinstance(error, grpc.Call) else error
    return (
        f"The chief at {':'.join(place)} does not answer ({reason}); start it again, "
        "and then this worker."
    )
