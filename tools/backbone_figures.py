"""Write kerastransfer/backbones/applications/figures.json from the built networks.

python tools/backbone_figures.py: after a row of the table was added or cut otherwise.
"""

import json
from pathlib import Path

from kerastransfer.backbones.applications import info, network
from kerastransfer.backbones.applications.rows import ROWS
from kerastransfer.foundation import atomic


def main() -> None:
    """Count every row and write the file, a line for each block."""
    rows = []
    for row in ROWS:
        figures = network.figures(row, row.size)
        blocks = ",\n  ".join(json.dumps(block) for block in figures["blocks"])
        dropout = json.dumps(figures["dropout"])
        rows.append(
            f' "{row.name}": {{"dropout": {dropout}, "blocks": [\n  {blocks}]}}'
        )
        print(row.name, flush=True)
    text = "{\n" + ",\n".join(rows) + "\n}\n"
    atomic.write_text(Path(info.__file__).with_name(info.FIGURES), text)


if __name__ == "__main__":
    main()
