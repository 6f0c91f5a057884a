"""The one white level of a dataset's deep images, from all of their values.

Whole numbers: the smallest of 255, 1,023, 4,095, 16,383 and 65,535 (8, 10, 12, 14 and
16 bits) that holds the greatest value of all images. Floating-point numbers: 1 where
the greatest value is above one half and at most 1, and 255 where it is above 127.5 and
at most 255. Anything else is refused until the user says which value is white.
"""

from collections.abc import Collection, Mapping

from kerastransfer.errors import DataError
from kerastransfer.foundation import report
from kerastransfer.foundation.quoting import quoted
from kerastransfer.records.images.samples import ValueRange

_LEVELS = tuple(2**bits - 1 for bits in (8, 10, 12, 14, 16))
_FLOATING = (1, 255)
_FEW = 0.01  # of the images, that alone are brighter than the next lower level


def choose(ranges: Mapping[str, ValueRange]) -> dict[str, int | None]:
    """Choose white levels, and warn where a few images alone decide on one.

    Parameters
    ----------
    ranges : mapping of str to ValueRange
        By path, of all images whose white level is not known.

    Returns
    -------
    dict of str to int
        By kind of number; None for a kind that no image is of.

    Raises
    ------
    DataError
        If the values fit to no level.

    Examples
    --------
    >>> choose({"a": ValueRange("integer", 3000), "b": ValueRange("integer", 9)})
    {'integer': 4095, 'floating': None}
    """
    whole = {p: r.greatest for p, r in ranges.items() if r.kind == "integer"}
    floating = {p: r.greatest for p, r in ranges.items() if r.kind == "floating"}
    return {
        "integer": _integer(whole) if whole else None,
        "floating": _floating(floating) if floating else None,
    }


def _integer(greatest: Mapping[str, float]) -> int:
    path = max(greatest, key=lambda name: greatest[name])
    most = greatest[path]
    if most > _LEVELS[-1]:
        expected = f"whole numbers up to {_LEVELS[-1]:,}"
        raise _refusal(path, most, len(greatest), expected)
    chosen = min(level for level in _LEVELS if level >= most)
    _warn_of_few(greatest.values(), chosen, path)
    return chosen


def _warn_of_few(values: Collection[float], chosen: int, path: str) -> None:
    """Warn where nearly all images would be brighter with a lower level."""
    for lower in _LEVELS:
        bright = sum(value > lower for value in values)
        if lower < chosen and bright < _FEW * len(values):
            report.warn(
                f"Of {len(values):,} deep images only {bright:,}, such as "
                f"{quoted(path)}, have values above {lower:,}, and make {chosen:,} "
                f"white; if those are faults, pass --white-level {lower}."
            )
            return


def _floating(greatest: Mapping[str, float]) -> int:
    path = max(greatest, key=lambda name: greatest[name])
    for level in _FLOATING:
        if level / 2 < greatest[path] <= level:
            return level
    raise _refusal(
        path, greatest[path], len(greatest), "floating-point values from 0 to 1 or 255"
    )


def _refusal(path: str, most: float, count: int, expected: str) -> DataError:
    return DataError(
        f"Expected {expected} in the {count:,} deep images, got up to {most:,.6g} (in "
        f"{quoted(path)}); say which value is white with --white-level N."
    )
