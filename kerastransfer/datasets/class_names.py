"""Names of classes that are alike but not equal: matched across splits, or told."""

import re
import unicodedata
from collections import defaultdict
from collections.abc import Collection, Mapping
from typing import NamedTuple

from kerastransfer.foundation import report
from kerastransfer.foundation.quoting import quoted

_WHOLE = re.compile(r"0*(\d+)(?:\.0*)?")
_GAPS = re.compile(r"[\s_\-]+")
_SHOWN = 5


class Matched(NamedTuple):
    """Which names are taken for which, and what to tell of it.

    Parameters
    ----------
    names : dict of (group, str) to str
        The class that a name stands for in a group; only where it is another.
    warnings : list of str
        One sentence each.
    """

    names: dict[tuple[str, str], str]
    warnings: list[str]


def match(groups: Mapping[str, Collection[str]], *, numbers: bool = False) -> Matched:
    """Match the names of classes that differ in their spelling alone.

    Names that are the same text in another encoding of Unicode, or but for blanks at
    the ends, are one class. Names that differ in case, in separators or as ``1`` and
    ``1.0`` do are one class where no group holds both; else they stay apart, and are
    told.

    Parameters
    ----------
    groups : mapping of str to collection of str
        Names in each of several splits; those of the first decide the spelling.
    numbers : bool
        Whether ``1`` and ``1.0`` are one class within a group too, as in a table.

    Examples
    --------
    >>> matched = match({"train": ["Cat", "dog"], "test": ["cat", "dog"]})
    >>> matched.names
    {('test', 'cat'): 'Cat'}
    >>> match({"": ["Cat", "cat"]}).names
    {}
    """
    spelled = _same_texts(groups, numbers=numbers)
    alike: dict[str, dict[str, list[str]]] = defaultdict(lambda: defaultdict(list))
    for (group, _), name in spelled.items():
        if name not in alike[_fold(name)][group]:
            alike[_fold(name)][group].append(name)
    apart, canonical = [], dict[str, str]()
    for by_group in alike.values():
        names = list(dict.fromkeys(name for each in by_group.values() for name in each))
        if any(len(each) > 1 for each in by_group.values()):
            apart.append(names)
        else:
            canonical |= dict.fromkeys(names, names[0])
    changed = {
        key: canonical.get(name, name)
        for key, name in spelled.items()
        if canonical.get(name, name) != key[1]
    }
    warnings = _tell_matched(changed)
    for names in apart[:_SHOWN]:
        warnings.append(
            f"Classes {' and '.join(map(repr, names))} look alike, and are kept apart; "
            "rename one if they are the same."
        )
    return Matched(changed, warnings)


def match_rows(rows: Collection[tuple[str, str]]) -> dict[tuple[str, str], str]:
    """Match the labels of a table's rows, and warn of what was matched.

    Parameters
    ----------
    rows : collection of (str, str)
        The split of each, empty where it has none, and its label.

    Returns
    -------
    dict of (str, str) to str
        From a split and a label to the class.
    """
    groups: dict[str, dict[str, None]] = {"train": {}}
    for split, label in rows:
        groups.setdefault(split, {})[label] = None
    matched = match(groups, numbers=True)
    for sentence in matched.warnings:
        report.warn(sentence)
    return {key: matched.names.get(key, key[1]) for key in rows}


def _same_texts(
    groups: Mapping[str, Collection[str]], *, numbers: bool
) -> dict[tuple[str, str], str]:
    """Choose one spelling for names that are the same text, by group and name."""
    keys = [(group, name) for group, names in groups.items() for name in sorted(names)]
    spellings: dict[str, list[str]] = defaultdict(list)
    for _, name in keys:
        if name not in spellings[_text(name, numbers)]:
            spellings[_text(name, numbers)].append(name)
    # what nothing else is alike to stays as it is: odd blanks are refused later
    return {
        (group, name): name if len(same) < 2 else _clean(same[0])
        for group, name in keys
        for same in (spellings[_text(name, numbers)],)
    }


def _clean(name: str) -> str:
    return unicodedata.normalize("NFC", name).strip()


def _text(name: str, numbers: bool) -> str:
    text = _clean(name)
    return _number(text) if numbers else text


def _number(text: str) -> str:
    """Write ``1.0`` as ``1``."""
    whole, point, rest = text.partition(".")
    return whole if point and whole.isdigit() and not rest.strip("0") else text


def _fold(name: str) -> str:
    text = _GAPS.sub(" ", unicodedata.normalize("NFKC", name).casefold()).strip()
    number = _WHOLE.fullmatch(text)
    return number.group(1) if number else text


def _shown(name: str, other: str) -> str:
    """Quote a name; by its codes where another looks just the same."""
    return ascii(name) if _clean(name) == _clean(other) else quoted(name)


def _tell_matched(names: Mapping[tuple[str, str], str]) -> list[str]:
    if not names:
        return []
    shown = [
        f"{_shown(name, as_)}{f' in {group}' if group else ''} as {_shown(as_, name)}"
        for (group, name), as_ in list(names.items())[:_SHOWN]
    ]
    more = f" and {len(names) - _SHOWN:,} more" if len(names) > _SHOWN else ""
    return [
        "Names of classes that differ in their spelling alone were taken for one: "
        f"{', '.join(shown)}{more}."
    ]
