"""How a setting is declared: default, range, sentence of help and search, in one line.

`setting` makes a dataclass field that carries its `Setting`. Checks, ``--help``, the
search space of ``tune`` and the table in ``docs/settings.md`` are all read from it.
"""

import dataclasses
import enum
import math
import typing
from collections.abc import Callable, Mapping
from typing import Any

from kerastransfer.errors import InputError
from kerastransfer.foundation.quoting import quoted
from kerastransfer.recipe import Recipe


class Group(enum.Enum):
    """Under which heading ``--help`` shows a setting."""

    DATA = "data"
    RECIPE = "recipe"
    SCHEDULE = "schedule and optimiser"
    IMAGES = "what the network sees"
    CACHE = "cache of frozen blocks"


class SearchScale(enum.Enum):
    """How ``tune`` varies a setting that the user left open."""

    LOG_SCALE = "from a tenth of its default to ten times it, on a log scale"
    HALF_TO_DOUBLE = "half, all or twice its default"
    ALL_CHOICES = "every choice"


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Range:
    """The numbers that a setting may be, as words and as a check.

    Parameters
    ----------
    words : str
        Such as ``"1 or more"``; stands in messages and in ``--help``.
    """

    words: str
    holds: Callable[[float], bool]


ABOVE_ZERO = Range(words="above 0", holds=lambda x: 0 < x < math.inf)
NOT_NEGATIVE = Range(words=">= 0", holds=lambda x: 0 <= x < math.inf)
ONE_OR_MORE = Range(words="1 or more", holds=lambda x: x >= 1)
ZERO_OR_MORE = Range(words="0 or more", holds=lambda x: x >= 0)
FRACTION = Range(words="from 0 to below 1", holds=lambda x: 0 <= x < 1)
SEED = Range(words=">= 0 and below 2**32", holds=lambda x: 0 <= x < 2**32)  # NumPy's


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Setting:
    """What is known of one field of `TrainConfig`.

    Parameters
    ----------
    help : str
        One sentence, with the unit.
    group : Group or None
        None where there is no flag: hashes are found, not chosen.
    metavar : str
        What ``--help`` shows in the place of a value.
    range : Range, optional
        Of the number, or of each where there is one for each phase.
    choices : tuple
        All values that there are.
    default_words : str
        What the default is, where it is not a constant.
    search : SearchScale, optional
        How ``tune`` varies it; None for not at all.
    later : bool
        Whether there were runs before the setting: at its default it is left out of a
        config's hash, so that those keep their names.
    """

    help: str
    group: Group | None = None
    metavar: str = ""
    range: Range | None = None
    choices: tuple[Any, ...] = ()
    default_words: str = ""
    search: SearchScale | None = None
    later: bool = False


_KEY = "setting"


def setting(default: Any = dataclasses.MISSING, **about: Any) -> Any:
    """Declare a field of a config.

    Parameters
    ----------
    default
        Left out where the default depends on data or on other settings.
    **about
        Fields of `Setting`.

    Examples
    --------
    >>> @dataclasses.dataclass
    ... class Config:
    ...     momentum: float = setting(0.9, help="Momentum of SGD", range=FRACTION)
    >>> Config().momentum
    0.9
    >>> (field,) = dataclasses.fields(Config)
    >>> setting_of(field).range.words
    'from 0 to below 1'
    >>> check_range(field, 1.5)
    Traceback (most recent call last):
    kerastransfer.errors.InputError: Expected --momentum from 0 to below 1, got 1.5.
    """
    return dataclasses.field(default=default, metadata={_KEY: Setting(**about)})


def setting_of(field: dataclasses.Field[Any]) -> Setting:
    """Return what a field's declaration says."""
    declared: Setting = field.metadata[_KEY]
    return declared


def flag_of(name: str) -> str:
    """Spell a field as the command line does.

    >>> flag_of("batch_size")
    '--batch-size'
    """
    return f"--{name.replace('_', '-')}"


def command_words(chosen: Mapping[str, Any]) -> list[str]:
    """Spell settings as the command line takes them.

    >>> command_words({"batch_size": 8, "epochs": (3, 2), "mirror": True})
    ['--batch-size', '8', '--epochs', '3,2', '--mirror', 'yes']
    """
    words = []
    for name, value in chosen.items():
        text = str(value)
        if isinstance(value, bool):
            text = "yes" if value else "no"
        elif isinstance(value, tuple | list):
            text = ",".join(map(str, value))
        if value is not None:
            words += [flag_of(name), text]
    return words


def default_words(field: dataclasses.Field[Any]) -> str:
    """Say what a field's default is."""
    words = setting_of(field).default_words
    if words:
        return words
    return f"{field.default:g}" if _is_number(field.default) else str(field.default)


def is_per_phase(field: dataclasses.Field[Any]) -> bool:
    """Return whether a field holds a number for each phase."""
    return field.type in (tuple[int, ...], tuple[float, ...])


def value_type(field: dataclasses.Field[Any]) -> Any:
    """Return the type of a field's values; of named choices, that they are text."""
    return str if typing.get_origin(field.type) is typing.Literal else field.type


def check_types(config: type, fields: Mapping[str, Any]) -> None:
    """Refuse values of another type than their field's; ranges are not looked at.

    Parameters
    ----------
    config : type
        The dataclass whose fields were declared by `setting`.
    fields : mapping
        Some of them, as JSON, flags or keywords gave them; others are passed over.

    Raises
    ------
    InputError
        Naming the first that does not fit.
    """
    for field in dataclasses.fields(config):
        words, holds = _TYPES[value_type(field)]
        if field.name in fields and not holds(fields[field.name]):
            name = flag_of(field.name) if setting_of(field).group else field.name
            got = fields[field.name]
            raise InputError(f"Expected {name} to be {words}, got {quoted(got)}.")


def check_range(field: dataclasses.Field[Any], value: Any) -> None:
    """Refuse a value that is out of its field's range or none of its choices.

    Raises
    ------
    InputError
        In the words of the command line.
    """
    declared, flag = setting_of(field), flag_of(field.name)
    if declared.range and not declared.range.holds(value):
        raise InputError(f"Expected {flag} {declared.range.words}, got {value}.")
    if declared.choices and value not in declared.choices:
        raise InputError(
            f"Expected {flag} to be one of {declared.choices}, got {quoted(value)}."
        )


def check_phases(
    field: dataclasses.Field[Any], values: tuple[float, ...], recipe: Recipe
) -> None:
    """Refuse numbers that are not one for each phase, or out of range.

    Raises
    ------
    InputError
        In the words of the command line.
    """
    declared = setting_of(field)
    if not values and field.default == ():
        return
    count = len(recipe.phases)
    assert declared.range is not None
    if len(values) != count or not all(map(declared.range.holds, values)):
        raise InputError(
            f"Expected {count} {flag_of(field.name)}, each {declared.range.words}, "
            f"for recipe {quoted(str(recipe))}, got {list(values)}."
        )


def _is_text(value: Any) -> bool:
    return isinstance(value, str)


def _is_whole(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _all(holds: Callable[[Any], bool], values: Any) -> bool:
    return isinstance(values, list | tuple) and all(map(holds, values))


# What a field's type means to a user, and a check, for JSON holds anything.
_TYPES: dict[Any, tuple[str, Callable[[Any], bool]]] = {
    str: ("text", _is_text),
    Recipe: ("text", lambda x: isinstance(x, str | Recipe)),
    bool: ("yes or no (true or false in JSON)", lambda x: isinstance(x, bool)),
    int: ("a whole number", _is_whole),
    int | None: ("a whole number", lambda x: x is None or _is_whole(x)),
    float: ("a number", _is_number),
    tuple[int, ...]: ("a list of whole numbers", lambda x: _all(_is_whole, x)),
    tuple[float, ...]: ("a list of numbers", lambda x: _all(_is_number, x)),
}
