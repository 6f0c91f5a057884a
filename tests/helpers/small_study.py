"""A whole study of the miniature backbone in a process of its own, to be killed.

python small_study.py PLACE OUT: images and records are in PLACE.
"""

import pathlib
import sys

sys.path.insert(0, str(pathlib.Path(__file__).parent.parent))

import kerastransfer as kt
from kerastransfer.study import results

TIMES = ("seconds", "training_seconds")


def table(out: pathlib.Path) -> list[dict[str, object]]:
    """Return a study's rows without what another clock would say."""
    return [
        {name: value for name, value in row.items() if name not in TIMES}
        for row in results.read(out)
    ]


def main(place: pathlib.Path, out: pathlib.Path, **options) -> None:
    """Train a recipe that needs no pretrained weights on two draws."""
    from helpers import miniature
    from kerastransfer.backbones import table

    table.BACKBONES["miniature"] = miniature.BACKBONE
    kt.study(
        [f"folder:{place / 'images'}"],
        recipes=("R1-8",),
        images_per_class=(6,),
        draws=2,
        epochs=(2,),
        batch_size=4,
        backbone="miniature",
        checkpoint_every=0.001,
        probe=False,
        distances=False,
        out=out,
        **options,
    )


if __name__ == "__main__":
    main(*map(pathlib.Path, sys.argv[1:]))
