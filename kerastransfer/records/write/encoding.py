"""A dataset's images encoded into the spool: plain ones at once, deep ones together.

What is white in deep images follows from the values of all of them, so none is encoded
before the last one was looked at.
"""

import collections
import dataclasses
from collections.abc import Collection, Mapping

from kerastransfer.datasets.dataset import ImageSource
from kerastransfer.errors import DataError
from kerastransfer.foundation import report
from kerastransfer.foundation.progress import OnProgress
from kerastransfer.foundation.quoting import quoted
from kerastransfer.records.images import white_levels
from kerastransfer.records.images.rendering import Rendering
from kerastransfer.records.images.samples import ValueRange
from kerastransfer.records.write.encoder import Rejected, make_encoder
from kerastransfer.records.write.spool import Spool
from kerastransfer.records.write.stored_image import Stored

_NAMED = 5  # rejected files that a message names


class Encoding:
    """Encodes images; what an earlier plan wanted and a later one wants too is kept.

    Parameters
    ----------
    image_size : int
        The shorter side of larger images, in pixels.
    rendering : Rendering
        What the user says of deep and transparent images.
    workers : int or None
        Processes; None for as many as there are cores.
    progress : callable or None
        Told how many images are encoded, and of how many.
    """

    def __init__(
        self,
        source: ImageSource,
        spool: Spool,
        *,
        image_size: int,
        rendering: Rendering,
        workers: int | None,
        progress: OnProgress | None,
    ) -> None:
        self.rendering = rendering
        self._source, self._spool = source, spool
        self._image_size, self._workers = image_size, workers
        self._progress = progress
        self._ranges: dict[str, ValueRange] = {}
        self._notes: dict[str, frozenset[str]] = {}

    def add(self, paths: Collection[str]) -> dict[str, str]:
        """Encode images, but for deep ones; return those that cannot be had, and why.

        Parameters
        ----------
        paths : collection of str
            Those that were encoded before are left as they are.
        """
        missing = self._spool.missing(paths)
        return self._encode([path for path in missing if path not in self._ranges])

    def add_deep(self, paths: Collection[str]) -> None:
        """Encode the deep ones of some images, by the values of all of these.

        Parameters
        ----------
        paths : collection of str
            All images of the records.

        Raises
        ------
        DataError
            If the values fit to no white level, or a file has changed.
        """
        deep = {path: self._ranges[path] for path in paths if path in self._ranges}
        if not deep:
            return
        levels = white_levels.choose(deep)
        if len(deep) < len(paths):
            report.warn(
                f"{len(deep):,} of {len(paths):,} images are deeper than 8 bits; white "
                "is 255 in the others, or what their files say. Where both come from "
                "one camera, that makes them differ in brightness."
            )
        self.rendering = dataclasses.replace(
            self.rendering, integer=levels["integer"], floating=levels["floating"]
        )
        lost = self._encode(list(deep))
        if lost:
            raise DataError(
                f"Files have changed while they were converted: {tell(lost)} Convert "
                "again."
            )

    def counts(self, paths: Collection[str]) -> dict[str, int]:
        """Count what is noted of some images."""
        counter: collections.Counter[str] = collections.Counter()
        for path in paths:
            counter.update(self._notes.get(path, ()))
        return dict(sorted(counter.items()))

    def _encode(self, paths: Collection[str]) -> dict[str, str]:
        if not paths:
            return {}
        reasons = dict.fromkeys(paths, "the file is not there any more")
        encoder = make_encoder(
            self._image_size,
            rendering=self.rendering,
            images=len(paths),
            workers=self._workers,
        )
        with encoder:
            results = encoder(self._source.image_files(paths))
            for done, (path, result) in enumerate(results, start=1):
                if isinstance(result, Rejected):
                    reasons[path] = result.reason
                else:
                    del reasons[path]
                    self._keep(path, result)
                if self._progress is not None:
                    self._progress(done, len(paths))
        return reasons

    def _keep(self, path: str, result: Stored | ValueRange) -> None:
        if isinstance(result, ValueRange):
            self._ranges[path] = result
            return
        self._spool.add(path, result.image)
        if result.notes:
            self._notes[path] = result.notes


def tell(reasons: Mapping[str, str]) -> str:
    """Name images that cannot be decoded, and why."""
    named = [f"{quoted(path)}: {reasons[path]}" for path in sorted(reasons)[:_NAMED]]
    more = f"; and {len(reasons) - _NAMED:,} more" if len(reasons) > _NAMED else ""
    return f"{len(reasons):,} images cannot be decoded ({'; '.join(named)}{more})."
