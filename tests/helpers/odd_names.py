"""Names that no file has, and what stands where a file should."""

import os


def odd_paths(folder):
    """Names that no file has, and what stands where a file should."""
    (folder / "loop").symlink_to("loop")
    (folder / "file").write_text("a")
    os.mkfifo(folder / "pipe")
    return {
        "long": folder / ("a" * 5_000),
        "deep": folder / ("a/" * 3_000),
        "zero": folder / "a\0b",
        "loop": folder / "loop",
        "pipe": folder / "pipe",
        "folder": folder,
        "gone": folder / "gone",
        "below a file": folder / "file" / "x",
    }
