"""What one file of this folder declares: everything that is one dataset's own."""

import dataclasses
from collections.abc import Callable, Mapping
from pathlib import Path

from kerastransfer.datasets.archived.layout import Layout
from kerastransfer.datasets.archived.source import ArchiveSource
from kerastransfer.datasets.class_counts import ClassCount, at_least_one
from kerastransfer.datasets.dataset import Dataset, DatasetInfo, ImageSource
from kerastransfer.datasets.option import Option, OptionValue
from kerastransfer.errors import InputError
from kerastransfer.foundation.home import archives_home
from kerastransfer.foundation.quoting import quoted


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class KnownDataset:
    """A published dataset, to be named after ``--dataset``.

    Parameters
    ----------
    name : str
        Lower-case letters, digits and underscores. It decides the splits, so it never
        changes.
    layout : callable, optional
        From the dataset's options, as keywords, to how it lies in its archives.
    source : callable, optional
        In place of `layout`, where there are no archives: from the folder that
        ``--archives`` names, or None, to what lists and reads the images.
    options : tuple of Option
        How a user may have it read otherwise.
    info_with : callable, optional
        From the options to the facts, where an option changes them.
    published_counts : tuple of ClassCount
        Images of each class, as published.
    in_study : bool
        Whether it is one of the seven datasets of the study that this package follows.
    """

    name: str
    info: DatasetInfo
    layout: Callable[..., Layout] | None = None
    source: Callable[[Path | None], ImageSource] | None = None
    options: tuple[Option, ...] = ()
    info_with: Callable[..., DatasetInfo] | None = None
    published_counts: tuple[ClassCount, ...] = ()
    in_study: bool = False

    def open(
        self, archives: Path | None, options: Mapping[str, OptionValue]
    ) -> Dataset:
        """Return the dataset as its options have it; nothing is read.

        Parameters
        ----------
        archives : Path or None
            The folder that holds its files; None for the usual place.
        options : mapping of str to value
            One for each of its options.

        Raises
        ------
        InputError
            If `archives` is given and it has none.
        """
        info = self.info_with(**options) if self.info_with else self.info
        return Dataset(
            name=self.name,
            spec=self.name,
            info=info,
            source=self._source(info, archives, options),
            options=options,
            published_counts=self.published_counts or at_least_one(info.classes or ()),
        )

    def _source(
        self,
        info: DatasetInfo,
        archives: Path | None,
        options: Mapping[str, OptionValue],
    ) -> ImageSource:
        if self.source is not None:
            return self.source(archives)
        if self.layout is None:
            raise InputError(f"Expected a layout or a source of {quoted(self.name)}.")
        usual = archives_home() / self.name
        return ArchiveSource(
            name=self.name,
            folder=archives.expanduser().absolute() if archives else usual,
            parts=info.parts,
            layout=self.layout(**options),
            steps=info.steps,
        )
