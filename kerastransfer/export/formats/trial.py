"""Runs one exported model in a process of its own, without kerastransfer.

    python trial.py FORMAT MODEL IMAGES.npy OUT.npz REPEATS

reads float32 images, writes ``probabilities``, ``features``, ``labels`` (where the
format has names of classes) and what it took: ``seconds_1`` and
``seconds_32``, times of single calls with a batch of so many, and ``peak_1`` and
``peak_32``, the most memory that the process held by then, in bytes.
"""

import sys
import time
from collections.abc import Callable
from typing import Any

import numpy as np

Answering = Callable[[Any], Any]

BATCHES = (1, 32)


def saved_model(path: str) -> Answering:
    """Answer with TensorFlow alone."""
    import tensorflow as tf

    model = tf.saved_model.load(path)

    def answer(images: Any) -> Any:
        # By the model, which has to live as long as its signatures are called.
        answers = model.signatures["images"](image=tf.constant(images))
        return {name: value.numpy() for name, value in answers.items()}

    return answer


def litert(path: str) -> Answering:
    """Answer with LiteRT alone."""
    from ai_edge_litert.interpreter import Interpreter

    runner = Interpreter(model_path=path).get_signature_runner("images")
    return lambda images: runner(image=images)


def onnx(path: str) -> Answering:
    """Answer with onnxruntime alone."""
    import onnxruntime

    session = onnxruntime.InferenceSession(path, providers=["CPUExecutionProvider"])
    names = [each.name for each in session.get_outputs()]
    return lambda images: dict(
        zip(names, session.run(names, {"image": images}), strict=True)
    )


def peak() -> int:
    """Return the most memory that this process has held, in bytes; 0 if unknown."""
    try:
        # Not by getrusage, whose figure a process inherits from the one it began as.
        with open("/proc/self/status", encoding="ascii") as file:  # noqa: PTH123
            lines = [line for line in file if line.startswith("VmHWM:")]
        return 1024 * int(lines[0].split()[1])
    except (OSError, IndexError, ValueError):
        return _peak_on_macos()


def _peak_on_macos() -> int:
    if sys.platform != "darwin":
        return 0
    import resource

    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss


def main() -> None:
    """Read the command line, answer, and take the times."""
    kind, path, images_file, out, repeats = sys.argv[1:]
    images = np.load(images_file, mmap_mode="r", allow_pickle=False)
    answer = {"saved_model": saved_model, "litert": litert, "onnx": onnx}[kind](path)
    taken: dict[str, Any] = {}
    for size in BATCHES:
        shape = (size, *images.shape[1:])
        batch = np.ascontiguousarray(np.resize(images[:size], shape))
        answer(batch)  # the first call is slower
        seconds = []
        for _ in range(int(repeats)):
            begin = time.perf_counter()
            answer(batch)
            seconds.append(time.perf_counter() - begin)
        taken[f"seconds_{size}"], taken[f"peak_{size}"] = seconds, peak()
    step = BATCHES[-1]
    parts = [
        answer(np.ascontiguousarray(images[i : i + step]))
        for i in range(0, len(images), step)
    ]
    for name in ("probabilities", "features"):
        taken[name] = np.concatenate([part[name] for part in parts])
    if "label" in parts[0]:
        names = np.concatenate([np.asarray(part["label"]) for part in parts])
        taken["labels"] = np.array([bytes(name).decode() for name in names])
    np.savez(out, **taken)


if __name__ == "__main__":
    main()
