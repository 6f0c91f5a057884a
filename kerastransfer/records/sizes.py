"""How many images there are, from records or, before there are any, from a plan."""

import dataclasses
from collections.abc import Sequence
from pathlib import Path

from kerastransfer.datasets.dataset import Dataset
from kerastransfer.errors import InputError
from kerastransfer.foundation import system
from kerastransfer.foundation.home import records_home
from kerastransfer.records.reader import Records, open_records
from kerastransfer.records.remembered import refuse_other_options
from kerastransfer.records.split.overview import Overview
from kerastransfer.records.split.plan import SplitPlan
from kerastransfer.records.write.convert import records_path


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Sizes:
    """What a config depends on of the data.

    Parameters
    ----------
    train_counts : tuple of int
        Training images of each class.
    num_val : int
        Images for validation.
    content_hash : str
        Of the records; empty where they are not made yet.
    overview : Overview, optional
        The images of each class in each split, and where the splits come from.
    """

    classes: tuple[str, ...]
    train_counts: tuple[int, ...]
    num_val: int
    mirror_keeps_class: bool
    content_hash: str
    overview: Overview | None = None

    @classmethod
    def of_records(cls, records: Records) -> "Sizes":
        """Take the sizes from records."""
        counts: Sequence[int] = records.class_counts("train").tolist()
        return cls(
            classes=records.classes,
            train_counts=tuple(counts),
            num_val=records.size("val"),
            mirror_keeps_class=bool(records.metadata["mirror_keeps_class"]),
            content_hash=records.content_hash,
            overview=Overview.of_metadata(records.metadata),
        )

    @classmethod
    def of_dataset(cls, dataset: Dataset, folder: Path | None = None) -> "Sizes":
        """Take the sizes from a dataset's records, or from the plan they would follow.

        Parameters
        ----------
        folder : Path, optional
            That holds converted datasets; by default the usual one.
        """
        path = records_path(dataset, folder or records_home())
        if system.is_folder(path):
            records = open_records(path)
            refuse_other_options(dataset, records.metadata, path)
            return cls.of_records(records)
        listing = dataset.listing()
        plan = SplitPlan.of(dataset, listing)
        return cls(
            classes=plan.classes,
            train_counts=tuple(plan.counts["train"]),
            num_val=sum(plan.counts["val"]),
            mirror_keeps_class=dataset.info.mirror_keeps_class,
            content_hash="",
            overview=Overview.of_plan(plan, listing, dataset.info),
        )

    def variant_counts(self, images_per_class: int | None) -> dict[str, int]:
        """Count the images of each class in a variant.

        Raises
        ------
        InputError
            If no class has that many.
        """
        most = max(self.train_counts)
        if images_per_class is not None and not 1 <= images_per_class <= most:
            raise InputError(
                f"Expected --images-per-class from 1 to {most:,}, the training images "
                f"of the largest class, got {images_per_class:,}."
            )
        return {
            name: min(count, images_per_class or count)
            for name, count in zip(self.classes, self.train_counts, strict=True)
        }
