"""The datasets that kerastransfer knows, and how a user's text names one."""

from collections.abc import Callable
from pathlib import Path

from kerastransfer.datasets import csv_file, digits, fashion_mnist, folder
from kerastransfer.datasets.facts import Dataset, Facts, Source
from kerastransfer.errors import InputError, UnknownNameError

DATASETS: dict[str, Facts] = {
    "digits": digits.FACTS,
    "fashion_mnist": fashion_mnist.FACTS,
}
# From the folder that --archives names (None: the usual place) to what reads it.
_SOURCES: dict[str, Callable[[Path | None], Source]] = {
    "digits": digits.source,
    "fashion_mnist": fashion_mnist.source,
}
_OWN: dict[str, Callable[[str], Dataset]] = {
    "folder": folder.dataset,
    "csv": csv_file.dataset,
}


def resolve(text: str, archives: Path | None = None) -> Dataset:
    """Return the dataset that a user's text names.

    Parameters
    ----------
    text : str
        A name in `DATASETS`, ``folder:DIR`` or ``csv:FILE``.
    archives : Path, optional
        The folder that holds a known dataset's files; None for the usual place.

    Returns
    -------
    Dataset
        Nothing of it has been read yet.

    Raises
    ------
    UnknownNameError
        If there is no such dataset.
    InputError
        If nothing follows the colon, or `archives` does not go with the dataset.
    """
    kind, colon, rest = text.partition(":")
    if colon and kind in _OWN:
        if archives is not None:
            raise InputError(f"--archives does not go with {text!r}; leave it out.")
        return _OWN[kind](rest)
    if text not in DATASETS:
        raise UnknownNameError("dataset", text, (*DATASETS, "folder:DIR", "csv:FILE"))
    return Dataset(
        name=text, spec=text, facts=DATASETS[text], source=_SOURCES[text](archives)
    )
