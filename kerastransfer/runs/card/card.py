"""A model card, in Markdown with the header that the Hugging Face Hub reads."""

import dataclasses
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from kerastransfer.foundation import atomic
from kerastransfer.records.reader import Records
from kerastransfer.runs.card import exported, header, origins, sections
from kerastransfer.runs.card.exported import Exported

if TYPE_CHECKING:
    from kerastransfer.runs.finished import Run


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class ModelCard:
    """What a run's model is, for whoever is given it; ``str`` is the whole file.

    Parameters
    ----------
    header : str
        YAML, between two lines of dashes.
    text : str
        Markdown.
    """

    header: str
    text: str

    def __str__(self) -> str:
        return f"{self.header}\n\n{self.text}"

    def _repr_markdown_(self) -> str:
        """Show the card in a notebook, without its header."""
        return self.text

    def save(self, path: str | Path) -> Path:
        """Write the card, whole or not at all; ``README.md`` is what the Hub reads."""
        atomic.write_text(Path(path), str(self))
        return Path(path)


def card(
    run: "Run",
    records: Records | Path | None = None,
    export: Exported | None = None,
) -> ModelCard:
    """Write a run's card from what its folder holds and from its records.

    Parameters
    ----------
    records : Records or path, optional
        The records that it was trained on, or the folder that holds converted
        datasets; by default they are looked for in the usual one.
    export : Exported, optional
        What is said of an export that the card lies in.
    """
    from_where = origins.of(run, records)
    parts: Sequence[str] = (
        sections.title(run),
        exported.use(run, export),
        sections.classes(run),
        sections.data(run, from_where),
        sections.training(run),
        sections.results(run),
        sections.distance_from_source(run),
        exported.trust(export),
        sections.limits(run, from_where, export),
        sections.licences(run, from_where),
        sections.versions(run),
    )
    formats = ("saved_model",) if export is None else export.formats
    text = "\n\n".join(part for part in parts if part) + "\n"
    return ModelCard(header=header.header(run, formats), text=text)
