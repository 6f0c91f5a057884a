"""Runs one exported model in a process of its own, without kerastransfer.

    python trial.py FORMAT MODEL IMAGES.npy OUT.npz REPEATS

reads float32 images, writes ``probabilities`` and what it took: ``seconds_1`` and
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
    """Answering with TensorFlow alone."""
    import tensorflow as tf

    model = tf.saved_model.load(path)

    def answer(images: Any) -> Any:
        # By the model, which has to live as long as its signatures are called.
        signature = model.signatures["images"]
        return signature(image=tf.constant(images))["probabilities"].numpy()

    return answer


def litert(path: str) -> Answering:
    """Answering with LiteRT alone."""
    from ai_edge_litert.interpreter import Interpreter

    runner = Interpreter(model_path=path).get_signature_runner("images")
    return lambda images: runner(image=images)["probabilities"]


def onnx(path: str) -> Answering:
    """Answering with onnxruntime alone."""
    import onnxruntime

    session = onnxruntime.InferenceSession(path, providers=["CPUExecutionProvider"])
    return lambda images: session.run(["probabilities"], {"image": images})[0]


def peak() -> int:
    """Return the most memory that this process has held, in bytes; 0 if unknown."""
    try:
        import resource
    except ImportError:  # Windows
        return 0
    unit = 1 if sys.platform == "darwin" else 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit


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
    np.savez(out, probabilities=np.concatenate(parts), **taken)


if __name__ == "__main__":
    main()
