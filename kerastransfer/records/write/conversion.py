"""A conversion's work: encode what the plan wants, plan again, write."""

import dataclasses
from collections.abc import Collection, Mapping, Sequence
from pathlib import Path
from typing import Any

from kerastransfer.datasets.dataset import Dataset
from kerastransfer.datasets.listing import Listing
from kerastransfer.errors import DataError, InputError
from kerastransfer.foundation import report
from kerastransfer.foundation.progress import OnProgress
from kerastransfer.records import manifest
from kerastransfer.records.images.rendering import Rendering
from kerastransfer.records.manifest import Options
from kerastransfer.records.split.overview import Overview
from kerastransfer.records.split.plan import SPLITS, SplitPlan
from kerastransfer.records.write.encoding import Encoding, tell
from kerastransfer.records.write.losses import refuse_losses
from kerastransfer.records.write.spool import Spool


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Conversion:
    """One conversion.

    Parameters
    ----------
    strict : bool
        Whether an image that cannot be decoded is an error.
    workers : int or None
        Processes that encode; None for as many as there are cores.
    shards : int or None
        Files a split; None for TFDS's choice.
    file_format : {'tfrecord', 'array_record'}
    stamp : str
        Of the source before anything of it was read.
    differences : sequence of str
        From what was published.
    encoding, writing : callable or None
        Told how many images are encoded, or written, and of how many.
    """

    dataset: Dataset
    options: Options
    strict: bool
    workers: int | None
    shards: int | None
    file_format: str
    stamp: str
    differences: Sequence[str]
    encoding: OnProgress | None
    writing: OnProgress | None

    def run(self, listing: Listing, folder: Path) -> Path:
        """Plan, encode and write, without the images that prove to be undecodable.

        Each is encoded once: what an earlier plan wanted and a later one wants too is
        kept.
        """
        rejected: dict[str, str] = {}
        plan = self._plan(listing)
        overview = Overview.of_plan(plan, listing, self.dataset.info)
        report.say(f"{self.dataset.spec}\n{overview}")
        with Spool(folder / "images") as spool:
            encoding = self._encoding(spool)
            while True:
                self._check_shards(plan)
                placed = [p.path for split in SPLITS for p in plan.places(split)]
                paths = placed
                if self.dataset.source.sequential:
                    # Reading some costs as much as reading all; then it is done once.
                    paths = [item.path for item in listing.items]
                paths = [path for path in paths if path not in rejected]
                undecodable = encoding.add(paths)
                if not undecodable:
                    break
                if self.strict:
                    raise DataError(tell(undecodable))
                rejected |= undecodable
                refuse_losses(
                    listing,
                    self.dataset.info,
                    rejected,
                    may_drop=self.options.short_classes == "drop",
                )
                report.warn(f"{tell(undecodable)} Left out; planning again.")
                plan = self._plan(_without(listing, rejected))
            self._tell_untrained(plan)
            encoding.add_deep(placed)
            images = encoding.counts(placed)
            about = self._metadata(plan, listing, rejected, encoding.rendering, images)
            return self._write(plan, spool, about, folder)

    def _encoding(self, spool: Spool) -> Encoding:
        options = self.options
        return Encoding(
            self.dataset.source,
            spool,
            image_size=options.image_size,
            rendering=Rendering.of_options(options.white_level, options.background),
            workers=self.workers,
            progress=self.encoding,
        )

    def _plan(self, listing: Listing) -> SplitPlan:
        return SplitPlan.of(
            self.dataset,
            listing,
            split_seed=self.options.split_seed,
            max_per_class=self.options.max_per_class,
            short_classes=self.options.short_classes,
        )

    def _tell_untrained(self, plan: SplitPlan) -> None:
        """Warn of classes that even ``cap`` leaves out."""
        lost = [name for name, images in plan.short.items() if images == 0]
        if lost and self.options.short_classes == "cap":
            report.warn(
                f"Left out {len(lost):,} classes without an image to train on: "
                f"{', '.join(map(repr, lost))}."
            )

    def _check_shards(self, plan: SplitPlan) -> None:
        least = min(len(plan.places(split)) for split in SPLITS)
        if self.shards is not None and self.shards > least:
            raise InputError(
                f"Expected shards of at most {least:,}, the images of the smallest "
                f"split, got {self.shards:,}."
            )

    def _metadata(
        self,
        plan: SplitPlan,
        listing: Listing,
        rejected: Mapping[str, str],
        rendering: Rendering,
        images: Mapping[str, int],
    ) -> dict[str, Any]:
        return manifest.describe(
            self.dataset,
            plan,
            self.options,
            listing=listing,
            rejected=rejected,
            differences=self.differences,
            # Records of files that changed meanwhile are not those of any files.
            stamp=self.stamp if self.dataset.source.stamp() == self.stamp else "",
            ungrouped=self._ungrouped(_without(listing, rejected)),
            rendering=rendering,
            images=images,
        )

    def _write(
        self, plan: SplitPlan, spool: Spool, metadata: Mapping[str, Any], folder: Path
    ) -> Path:
        from kerastransfer.records.write import builder  # TFDS: once the plan holds

        return builder.write(
            plan,
            spool.read,
            info=self.dataset.source.described(self.dataset.info),
            metadata=metadata,
            folder=folder,
            shards=self.shards,
            file_format=self.file_format,
            progress=self.writing,
        )

    def _ungrouped(self, listing: Listing) -> dict[str, int] | None:
        """Count the splits that there would be if groups were not kept together."""
        if all(item.group is None for item in listing.items):
            return None
        items = tuple(item._replace(group=None) for item in listing.items)
        try:
            plan = self._plan(dataclasses.replace(listing, items=items))
        except DataError:  # a class that only whole groups leave enough images
            return None
        return {split: len(plan.places(split)) for split in SPLITS}


def _without(listing: Listing, rejected: Collection[str]) -> Listing:
    items = tuple(item for item in listing.items if item.path not in rejected)
    return dataclasses.replace(listing, items=items)
