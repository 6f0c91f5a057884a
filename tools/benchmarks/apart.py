"""Sides of a comparison that run in a process of their own, PyTorch's above all."""

import functools
import importlib.util
import json
import subprocess
import sys
import time
from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from benchmarks.row import Row
from benchmarks.steps import DECAY, RATE, STEPS, rate


def run(script: str, *arguments: str) -> Any:
    """Run a script in a process of its own, and read the JSON in its last line.

    TensorFlow and PyTorch in one process may crash, and share no threads well.

    Parameters
    ----------
    script : str
        Path.
    *arguments : str

    Returns
    -------
    object
    """
    command = [sys.executable, script, *arguments]
    done = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True)
    return json.loads(done.stdout.splitlines()[-1])


def against_torch(
    name: str, aim: float, script: str, needs: str, ours: Callable[[], float]
) -> list[Row]:
    """List the comparison with PyTorch, if this machine can make it.

    Parameters
    ----------
    name : str
    aim : float
    script : str
        What trains there and prints images a second.
    needs : str
        The package that it needs.
    ours : callable

    Returns
    -------
    list of Row
        Of one, or of none and a line on stderr.
    """
    if importlib.util.find_spec(needs) is None:
        print(f"{name}: left out, no {needs} here", file=sys.stderr)
        return []
    theirs = functools.partial(run, script)
    return [Row(name=name, aim=aim, unit="images/s", ours=ours, theirs=theirs)]


def torch_rate(model: Any, inputs: NDArray[Any], classes: NDArray[np.int64]) -> float:
    """Train a PyTorch network on one batch with AdamW; return images a second.

    Parameters
    ----------
    model : torch.nn.Module
        With channels last in memory.
    inputs : array of shape (n, side, side, 3), float32
        Normalised.
    classes : array of shape (n,)

    Returns
    -------
    float
    """
    import torch

    optimizer = torch.optim.AdamW(model.parameters(), RATE, weight_decay=DECAY)
    # Transposed and not copied: channels last in memory already.
    images = torch.from_numpy(inputs).permute(0, 3, 1, 2)
    labels = torch.from_numpy(classes)

    def step() -> float:
        optimizer.zero_grad()
        torch.nn.functional.cross_entropy(model(images), labels).backward()
        optimizer.step()
        return time.perf_counter()

    return rate(len(classes), [step() for _ in range(STEPS + 1)])
