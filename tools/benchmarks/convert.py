"""Conversion of photographs that must be encoded anew, and its memory.

Ours, with two workers, against a plain TFDS builder that decodes, shrinks and encodes
with Pillow in one process. The peak of memory is that of all processes together, above
what they take before the first image; its row holds it against the bound.
"""

import atexit
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from benchmarks.row import Row

_PHOTOGRAPHS = 4_000
_SIZE = (500, 375)
_WORKERS = 2
_SMALL = 100_000
_BOUND = 1.5  # GB

# Converts a folder in a process of its own, and prints the peak above the start, in GB.
_WEIGH = """
import os, sys, threading, time, warnings
from pathlib import Path
from kerastransfer.datasets.table import resolve
from kerastransfer.records.write.convert import convert

def resident():
    pages = 0
    me = os.getpid()
    children = Path(f"/proc/{me}/task/{me}/children").read_text().split()
    for process in (me, *children):
        try:
            pages += int(Path(f"/proc/{process}/statm").read_text().split()[1])
        except FileNotFoundError:
            pass
    return pages * os.sysconf("SC_PAGE_SIZE")

def watch(peak, stop):
    while not stop.wait(0.05):
        peak[0] = max(peak[0], resident())

if __name__ == "__main__":
    import tensorflow_datasets
    import tensorflow
    start = resident()
    peak, stop = [start], threading.Event()
    threading.Thread(target=watch, args=(peak, stop), daemon=True).start()
    warnings.simplefilter("ignore")
    begin = time.monotonic()
    dataset = resolve(f"folder:{sys.argv[1]}")
    convert(dataset, Path(sys.argv[2]), workers=2, max_per_class="all")
    print((peak[0] - start) / 1e9, time.monotonic() - begin)
    stop.set()
"""


def rows() -> list[Row]:
    """List the comparisons.

    Returns
    -------
    list of Row
    """
    place = Path(tempfile.mkdtemp(prefix="kerastransfer-benchmark-"))
    atexit.register(shutil.rmtree, place, ignore_errors=True)
    _write(place / "photographs", _PHOTOGRAPHS, _SIZE)
    return [
        Row(
            name=f"convert, re-encoding, {_WORKERS} workers, against a plain builder",
            aim=1.7,
            unit="images/s",
            ours=_ours(place),
            theirs=_plain(place),
        ),
        Row(
            name=f"convert {_SMALL:,} small images: peak memory, against the bound",
            aim=1.0,
            unit="1/GB",
            ours=_weighed(place),
            theirs=lambda: 1 / _BOUND,
        ),
    ]


def _write(root: Path, count: int, size: tuple[int, int]) -> None:
    """Write images of ten classes, with detail on every scale."""
    rng = np.random.default_rng(0)
    for i in range(count):
        folder = root / f"class{i % 10}"
        folder.mkdir(parents=True, exist_ok=True)
        parts = [
            Image.fromarray(rng.integers(0, 256, (side, side, 3), np.uint8))
            for side in (5, 40)
        ]
        coarse, fine = (part.resize(size, Image.Resampling.BICUBIC) for part in parts)
        Image.blend(coarse, fine, 0.4).save(folder / f"{i:06d}.jpg", quality=90)


def _ours(place: Path) -> Callable[[], float]:
    from kerastransfer.datasets.table import resolve
    from kerastransfer.records.write.convert import convert

    def run() -> float:
        with tempfile.TemporaryDirectory(dir=place) as out:
            start = time.perf_counter()
            dataset = resolve(f"folder:{place / 'photographs'}")
            convert(dataset, Path(out), workers=_WORKERS)
            return _PHOTOGRAPHS / (time.perf_counter() - start)

    return run


def _plain(place: Path) -> Callable[[], float]:
    """Write a builder as its users do."""
    import io

    import tensorflow_datasets as tfds

    files = sorted((place / "photographs").glob("*/*.jpg"))

    class Plain(tfds.core.GeneratorBasedBuilder, skip_registration=True):  # type: ignore[misc,call-arg]
        VERSION = tfds.core.Version("1.0.0")

        def _info(self) -> Any:
            features = {
                "image": tfds.features.Image(),
                "label": tfds.features.ClassLabel(num_classes=10),
            }
            return tfds.core.DatasetInfo(
                builder=self, features=tfds.features.FeaturesDict(features)
            )

        def _split_generators(self, dl_manager: Any) -> Any:
            return {"train": self._generate_examples()}

        def _generate_examples(self) -> Iterator[Any]:
            for path in files:
                with Image.open(path) as image:
                    rgb = image.convert("RGB")
                ratio = 256 / min(rgb.size)
                size = [round(side * ratio) for side in rgb.size]
                out = io.BytesIO()
                small = rgb.resize(size, Image.Resampling.LANCZOS)
                small.save(out, "JPEG", quality=95, subsampling=0)
                label = int(path.parent.name[-1])
                yield path.name, {"image": out.getvalue(), "label": label}

    def run() -> float:
        tfds.disable_progress_bar()
        with tempfile.TemporaryDirectory(dir=place) as out, _quiet():
            start = time.perf_counter()
            Plain(data_dir=out).download_and_prepare()
            return len(files) / (time.perf_counter() - start)

    return run


def _quiet() -> Any:
    """Keep what TFDS tells of its work out of the rows."""
    import contextlib
    import io

    return contextlib.redirect_stdout(io.StringIO())


def _weighed(place: Path) -> Callable[[], float]:
    small = place / "small"

    def run() -> float:
        if not small.exists():
            _write(small, _SMALL, (64, 64))
        script = place / "weigh.py"
        script.write_text(_WEIGH)
        with tempfile.TemporaryDirectory(dir=place) as out:
            done = subprocess.run(
                [sys.executable, str(script), str(small), out],
                check=True,
                capture_output=True,
                text=True,
                env={**os.environ, "TF_CPP_MIN_LOG_LEVEL": "3"},
            )
        peak, seconds = map(float, done.stdout.split())
        rate = _SMALL / seconds
        print(f"{_SMALL:,} small images: {rate:,.0f} images/s", file=sys.stderr)
        return 1 / peak

    return run
