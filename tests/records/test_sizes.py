import numpy as np
from PIL import Image

from kerastransfer.datasets.table import resolve
from kerastransfer.records.find import find_or_convert
from kerastransfer.records.sizes import Sizes


def grouped_csv(folder):
    """142 images in 24 groups of very different sizes, of three classes."""
    sizes = [1 + (7 * group) % 11 for group in range(24)]
    sizes[-1] += 142 - sum(sizes)
    rows = ["path,label,group"]
    for group, size in enumerate(sizes):
        for i in range(size):
            name = f"{group:02d}_{i:02d}.png"
            pixels = np.full((8, 8, 3), (group * 10, i * 9, 7), np.uint8)
            Image.fromarray(pixels).save(folder / name)
            rows.append(f"{name},{'abc'[group % 3]},g{group}")
    assert len(rows) == 143
    (folder / "grouped.csv").write_text("\n".join(rows))
    return folder / "grouped.csv"


def test_counts_before_a_conversion_are_those_after_it(tmp_path):
    dataset = resolve(f"csv:{grouped_csv(tmp_path)}")
    before = Sizes.of_dataset(dataset, tmp_path / "records")
    assert before.content_hash == ""
    records = find_or_convert(dataset, tmp_path / "records", workers=1)
    assert list(before.train_counts) == records.class_counts("train").tolist()
    assert before.num_val == records.size("val")
    after = Sizes.of_dataset(dataset, tmp_path / "records")
    assert after == Sizes.of_records(records)
    assert after.content_hash == records.content_hash
    assert (after.classes, after.train_counts) == (before.classes, before.train_counts)
