import os
import subprocess
import sys

import pytest

# Writes 60,000 tiny records; their images need no files.
WRITE = """
import dataclasses, io, resource, sys
from pathlib import Path
from PIL import Image
from kerastransfer.datasets.image_file import whole
from kerastransfer.datasets.dataset import Dataset, DatasetInfo, ImageSource
from kerastransfer.datasets.listing import Item, make_listing
from kerastransfer.records.write import builder
from kerastransfer.records.write.convert import convert
from kerastransfer.records.reader import open_records

SIZE = 60_000

@dataclasses.dataclass(frozen=True)
class Dot:
    path: str

    def read(self):
        out = io.BytesIO()
        Image.new("RGB", (2, 2), int(self.path[2:8]) % 251).save(out, "PNG")
        return out.getvalue()

@dataclasses.dataclass(frozen=True)
class Tiny(ImageSource):
    def listing(self, watch=None):
        items = (Item(f"{i % 10}/{i:06d}.png", i % 10) for i in range(SIZE))
        return make_listing("0123456789", items, "0" * 64, where="tiny")

    def image_files(self, paths):
        return (whole(path, Dot(path)) for path in paths)

def peak():  # bytes
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024

if __name__ == "__main__":
    import tensorflow as tf
    before = peak()
    facts = DatasetInfo(description="tiny")
    dataset = Dataset(name="tiny", spec="tiny", info=facts, source=Tiny())
    path = convert(dataset, Path(sys.argv[1]), workers=1)
    print(peak() - before, open_records(path).size("train"))
"""


@pytest.mark.slow
def test_60_000_tiny_records_are_written_in_bounded_memory(tmp_path):
    script = tmp_path / "write.py"
    script.write_text(WRITE)
    done = subprocess.run(
        [sys.executable, script, tmp_path / "out"],
        check=True,
        capture_output=True,
        text=True,
        env={**os.environ, "TF_CPP_MIN_LOG_LEVEL": "3"},
    )
    grown, size = map(int, done.stdout.split())
    assert size == 60_000 - 10 * (50 + 10)
    assert grown < 3e8
