"""What a run writes while it trains: metrics.jsonl, TensorBoard, progress."""

import json
import math
import os
import shutil
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import IO, Any

import keras
import tensorflow as tf

from kerastransfer.errors import InputError
from kerastransfer.evaluation.intervals import wilson
from kerastransfer.evaluation.wording import percent
from kerastransfer.foundation import system
from kerastransfer.foundation.progress import make_bars
from kerastransfer.foundation.quoting import quoted
from kerastransfer.foundation.report import say

Logs = dict[str, Any] | None


class MetricsLog(keras.callbacks.Callback):
    """Append a JSON line for each step, and one for each epoch.

    Parameters
    ----------
    path : Path
        ``metrics.jsonl``.
    keep : int
        How many bytes of an existing file to keep; the rest is cut off.
    step : int
        Number of the first step that is logged.
    """

    def __init__(self, path: Path, keep: int = 0, step: int = 0) -> None:
        super().__init__()
        self._step = step
        self._epoch = 0
        self._file = path.open("ab")
        if (there := self.num_bytes()) < keep:
            raise InputError(
                f"Expected {keep:,} bytes in {quoted(path)}, as the checkpoint says, "
                f"got {there:,}; --restart trains from the beginning."
            )
        self._file.truncate(keep)

    def num_bytes(self) -> int:
        """Bring every line to the disk, and return how long the file is."""
        self._file.flush()
        system.sync(self._file.fileno())
        # Not tell: a file that was cut short keeps its place behind the end.
        return os.fstat(self._file.fileno()).st_size

    def on_epoch_begin(self, epoch: int, logs: Logs = None) -> None:
        """Remember the epoch."""
        self._epoch = epoch

    def on_train_batch_end(self, batch: int, logs: Logs = None) -> None:
        """Write a step."""
        self._write({"step": self._step, "epoch": self._epoch, **(logs or {})})
        self._step += 1

    def on_epoch_end(self, epoch: int, logs: Logs = None) -> None:
        """Write an epoch."""
        self._write({"epoch": epoch, "val": logs or {}})
        self._file.flush()

    def on_train_end(self, logs: Logs = None) -> None:
        """Close the file."""
        self._file.close()

    def _write(self, line: dict[str, Any]) -> None:
        self._file.write(json.dumps(line).encode() + b"\n")


class TensorBoardLog(keras.callbacks.Callback):
    """Write loss and rate by step, validation by epoch, for TensorBoard.

    Parameters
    ----------
    folder : Path
        ``tensorboard/``; what it held is deleted.
    metrics : Path, optional
        ``metrics.jsonl`` of the steps before; they are written first.
    """

    def __init__(self, folder: Path, metrics: Path | None = None) -> None:
        super().__init__()
        self._folder = folder
        self._metrics = metrics
        self._step = 0

    def on_train_begin(self, logs: Logs = None) -> None:
        """Open the log."""
        shutil.rmtree(self._folder, ignore_errors=True)
        self._writer = tf.summary.create_file_writer(str(self._folder))
        if self._metrics is not None:
            with self._metrics.open(encoding="utf-8") as lines:
                self._replay(json.loads(line) for line in lines)

    def on_train_batch_end(self, batch: int, logs: Logs = None) -> None:
        """Write a step."""
        self._write("train", logs, self._step)
        self._step += 1

    def on_epoch_end(self, epoch: int, logs: Logs = None) -> None:
        """Write an epoch."""
        self._write("val", logs, epoch)

    def on_train_end(self, logs: Logs = None) -> None:
        """Close the log."""
        self._writer.close()

    def _replay(self, lines: Iterable[dict[str, Any]]) -> None:
        for line in lines:
            if "val" in line:
                self.on_epoch_end(line["epoch"], line["val"])
            else:
                logs = {name: line[name] for name in ("loss", "learning_rate")}
                self.on_train_batch_end(0, logs)

    def _write(self, group: str, logs: Logs, step: int) -> None:
        with self._writer.as_default(step=step):
            for name, value in (logs or {}).items():
                tf.summary.scalar(f"{group}/{name}", value)


class TrainingProgress(keras.callbacks.Callback):
    """Show a bar on a terminal, and otherwise print a line for an epoch.

    Parameters
    ----------
    steps, epochs : int
        How many there are in all phases together.
    num_val : int
        Number of validation images; the intervals of accuracy follow from it.
    done : int
        Steps that an earlier process took.
    stream : text file, optional
        Where to write; by default standard error, so that results stay alone on
        standard output.
    """

    def __init__(
        self,
        steps: int,
        epochs: int,
        num_val: int,
        done: int = 0,
        stream: IO[str] | None = None,
    ) -> None:
        super().__init__()
        self._done = done
        self._steps = steps
        self._epochs = epochs
        self._num_val = num_val
        self._stream = sys.stderr if stream is None else stream
        self._losses: list[float] = []
        self._bar: Any = None

    def on_train_begin(self, logs: Logs = None) -> None:
        """Open the bar, on a terminal or in a notebook."""
        self._bar = make_bars(self._stream)
        if self._bar is not None:
            self._bar.start()
            self._task = self._bar.add_task(
                "training", total=self._steps, completed=self._done
            )

    def on_train_batch_end(self, batch: int, logs: Logs = None) -> None:
        """Count a step."""
        self._losses.append((logs or {})["loss"])
        if self._bar is not None:
            self._bar.advance(self._task)

    def on_epoch_end(self, epoch: int, logs: Logs = None) -> None:
        """Show an epoch's loss and validation metrics."""
        mean = sum(self._losses) / max(1, len(self._losses))
        self._losses = []
        line = f"epoch {epoch + 1}/{self._epochs}  loss {mean:.4f}"
        if logs:
            right = round(logs["accuracy"] * self._num_val)
            accuracy = percent(wilson(right, self._num_val).as_dict())
            line += f"  val accuracy {accuracy}  val nll {logs['nll']:.3f}"
        if self._bar is not None:
            self._bar.update(self._task, description=line)
        elif self._is_printed(epoch):
            say(line, stream=self._stream)

    def on_train_end(self, logs: Logs = None) -> None:
        """Close the bar."""
        if self._bar is not None:
            self._bar.stop()

    def _is_printed(self, epoch: int) -> bool:
        """Whether to print an epoch: at most twenty, evenly spaced, and the last."""
        apart = math.ceil(self._epochs / 20)
        return epoch % apart == 0 or epoch == self._epochs - 1
