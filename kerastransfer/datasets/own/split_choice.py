"""Which of a source's splits is which of ours, as it names them or a user says."""

from collections.abc import Collection, Mapping
from typing import cast

from kerastransfer.datasets.listing import SplitName
from kerastransfer.datasets.own.folders.split_words import SPLITS, read_split
from kerastransfer.errors import DataError, InputError
from kerastransfer.foundation import report
from kerastransfer.foundation.quoting import quoted

SplitChoice = Mapping[str, SplitName]  # ours by theirs


def split_of(word: str) -> SplitName | None:
    """Return which split a word means; None where it means none.

    >>> [split_of(word) for word in ("Training", "test_set", "val2017", "extra")]
    ['train', 'test', 'val', None]
    """
    said = read_split(word.strip())
    if said is None or not said.is_plain or said.split == "either":
        return None
    return cast(SplitName, said.split)


def read_choice(text: str | None) -> SplitChoice | None:
    """Read ``--splits``; None where nobody gave it.

    Raises
    ------
    InputError
        If it is none, or leaves out train.

    Examples
    --------
    >>> read_choice("train=a+b,test=c")
    {'a': 'train', 'b': 'train', 'c': 'test'}
    """
    if text is None:
        return None
    choice: dict[str, SplitName] = {}
    for part in text.split(","):
        name, equals, theirs = part.partition("=")
        ours = SPLITS.get(name.strip().lower())
        words = [word.strip() for word in theirs.split("+")]
        if ours is None or not equals or not all(words) or choice.keys() & set(words):
            raise InputError(
                "Expected --splits such as train=a+b,test=c, with train, val and test "
                f"before an equals sign and each name once, got {quoted(text)}."
            )
        choice |= dict.fromkeys(words, ours)
    if "train" not in choice.values():
        raise InputError(f"Expected --splits to say what train is, got {quoted(text)}.")
    return choice


def understand(
    words: Collection[str], where: str, choice: SplitChoice | None = None
) -> dict[str, SplitName | None]:
    """Say which of ours each split of a source is; what is left out is not in it.

    Parameters
    ----------
    words : collection of str
        Names of the source's splits.
    where : str
        Names the source in messages.
    choice : SplitChoice, optional
        What the user says.

    Returns
    -------
    dict of str to split or None
        None for the one split of a source that has no official ones.

    Raises
    ------
    InputError
        If the user names a split that is not there.
    DataError
        If no split is one to train on, or several may be meant.

    Examples
    --------
    >>> understand(["train", "test", "extra"], "here")
    {'train': 'train', 'test': 'test'}
    """
    if choice is not None:
        return _chosen(words, where, choice)
    exact: dict[str, SplitName | None] = {
        word: SPLITS[word] for word in words if word in SPLITS
    }
    wide = _wide([word for word in words if word not in exact], where, exact.values())
    if wide:
        meant = ", ".join(f"{quoted(word)} is taken for {wide[word]}" for word in wide)
        report.say(f"Splits of {where}: {meant}.")
    elif not exact and len(words) == 1:
        report.say(f"{where} has no official splits: all of it is drawn from.")
        return dict.fromkeys(words)
    understood = exact | wide
    if "train" not in understood.values():
        raise _unclear(where, words, "none is one to train on")
    return understood


def _chosen(
    words: Collection[str], where: str, choice: SplitChoice
) -> dict[str, SplitName | None]:
    unknown = [word for word in choice if word not in words]
    if unknown:
        raise InputError(
            f"Expected --splits to name splits of {where}, which are {_listed(words)}, "
            f"got {quoted(unknown[0])}."
        )
    return {word: choice[word] for word in words if word in choice}


def _wide(
    words: Collection[str], where: str, known: Collection[SplitName | None]
) -> dict[str, SplitName | None]:
    """Return what else means a split that no word names just so."""
    wide: dict[str, SplitName | None] = {}
    for word in sorted(words):
        split = split_of(word)
        if split is None or split in known:
            continue
        if split in wide.values():
            raise _unclear(where, words, f"several may be {split}")
        wide[word] = split
    return wide


def _unclear(where: str, words: Collection[str], reason: str) -> DataError:
    return DataError(
        f"Expected splits of {where} named train, val and test, got {_listed(words)}, "
        f"of which {reason}; say which is which with 'convert --splits train=A,test=B'."
    )


def _listed(words: Collection[str]) -> str:
    return ", ".join(quoted(word) for word in sorted(words))
