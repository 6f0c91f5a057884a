"""Bombs that hold what they declare: no decoder has a reason to stop.

Making them takes more memory than reading may, so they are made on import.
"""

from fuzzing.bombs import full_png, gif, jpeg, webp

FILES = (
    full_png(11_000, 11_000, 8, 6),
    full_png(30_000, 30_000, 1, 0),
    full_png(13_000, 13_000, 8, 2),
    full_png(9_000, 9_000, 16, 2),
    full_png(300, 400_000, 8, 0),
    full_png(400_000, 300, 8, 2),
    gif(1, 20_000),
    gif(4_000, 40),
    gif(14_000, 1),
    webp(8_000, 1),
    webp(2_000, 40),
    jpeg(13_000, 13_000),
    jpeg(65_000, 9_000),
    jpeg(65_000, 300),
)
