"""Print ``docs/settings.md``: every setting of a run, as its declaration has it.

python tools/settings_table.py > docs/settings.md
"""

import dataclasses

from kerastransfer.config import settings
from kerastransfer.config.train_config import TrainConfig

_INTRODUCTION = """\
# Settings of a run

What decides a run's result, and nothing else: devices, folders and caches are not
settings. Each is a flag of `kerastransfer train` and `tune`, a keyword of
`kerastransfer.train`, and a field of `config.json`. "For each phase" means one number
for every phase of the recipe, or one for all of them.

This page is made from the declarations in `kerastransfer/config/train_config.py` by
`python tools/settings_table.py > docs/settings.md`; a test holds the two together.
"""


def table() -> str:
    """Return the page."""
    lines = [_INTRODUCTION]
    for group in settings.Group:
        lines += [
            f"## {group.value[0].upper()}{group.value[1:]}",
            "",
            "| setting | what it is | range | default | `tune` varies it |",
            "|---|---|---|---|---|",
        ]
        for field in dataclasses.fields(TrainConfig):
            if settings.setting_of(field).group is group:
                lines.append(_row(field))
        lines.append("")
    return "\n".join(lines)


def _row(field: dataclasses.Field[object]) -> str:
    declared = settings.setting_of(field)
    allowed = declared.range.words if declared.range else ""
    if declared.choices:
        allowed = ", ".join(f"`{choice}`" for choice in declared.choices)
    cells = (
        f"`{field.name}`",
        declared.help,
        allowed,
        settings.default_words(field),
        declared.search.value if declared.search else "",
    )
    return "| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |"


if __name__ == "__main__":
    print(table(), end="")
