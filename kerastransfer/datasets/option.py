"""A dataset's own options: declared once, for flags, checks, messages and metadata."""

import dataclasses
from collections.abc import Mapping, Sequence

from kerastransfer.errors import InputError
from kerastransfer.foundation.quoting import quoted

OptionValue = bool | int | str | None
_MOST = 1 << 40


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Option:
    """One way in which a user may have a dataset read otherwise.

    Parameters
    ----------
    name : str
        As a keyword; ``convert`` spells it ``--patch-size`` for ``patch_size``.
    help : str
        What it does, with its unit, as the beginning of a sentence; the dataset's name
        and the default are added to it.
    value_type : type
        Of a value that is given: ``bool`` makes a flag without a value.
    default : bool, int, str or None
        What is taken where the user says nothing; None for "not used".
    default_words : str
        What ``--help`` says of None, where that is not "not used".
    choices : tuple of str
        All values there are.
    least, most : int
        The range of a number.
    metavar : str
        What ``--help`` shows in the place of a value.
    several : bool
        Whether the flag may be given more than once. The value is then one text, with a
        line for each; in Python a list will do.

    Examples
    --------
    >>> Option(name="patch_size", help="Side of a patch", value_type=int).flag
    '--patch-size'
    """

    name: str
    help: str
    value_type: type[bool] | type[int] | type[str] = str
    default: OptionValue = None
    default_words: str = ""
    choices: tuple[str, ...] = ()
    least: int = 1
    most: int = _MOST
    metavar: str = "N"
    several: bool = False

    @property
    def flag(self) -> str:
        """How the command line spells it."""
        return f"--{self.name.replace('_', '-')}"

    @property
    def shown_default(self) -> str:
        """What ``--help`` says of the default."""
        if self.default is None:
            return self.default_words or "not used"
        return "no" if self.default is False else str(self.default)

    @property
    def absent(self) -> OptionValue:
        """What the metadata of a dataset without this option says."""
        return False if self.value_type is bool else None

    def is_valid(self, value: object) -> bool:
        """Whether a value is of the right type; None stands for "not used"."""
        if self.value_type is bool:
            return isinstance(value, bool)
        if self.value_type is int:
            return value is None or (type(value) is int and 0 <= value <= _MOST)
        return value is None or isinstance(value, str)

    def check(self, dataset: str, value: OptionValue) -> None:
        """Refuse a value of the wrong type, out of range or none of the choices.

        Raises
        ------
        InputError
            In the words of the command line.
        """
        if self.choices and value not in (None, *self.choices):
            raise InputError(
                f"Expected {self.flag} of {quoted(dataset)} to be one of "
                f"{', '.join(self.choices)}, got {quoted(value)}."
            )
        is_whole = type(value) is int and self.least <= value <= self.most
        if self.value_type is int and value is not None and not is_whole:
            raise InputError(
                f"Expected {self.flag} from {self.least} to {self.most}, got {value}."
            )
        if self.value_type is bool and not isinstance(value, bool):
            raise InputError(f"Expected {self.flag} to be True or False, got {value}.")

    def refuse(self, dataset: str, value: OptionValue) -> InputError:
        """Make the error for a dataset that has no such option."""
        if self.choices:
            return InputError(
                f"Expected {self.flag} of {quoted(dataset)} to be left out, got "
                f"{quoted(value)}."
            )
        return InputError(
            f"{self.flag} does not go with {quoted(dataset)}: leave it out."
        )


def complete(
    dataset: str,
    declared: Sequence[Option],
    given: Mapping[str, OptionValue],
    known: Mapping[str, Option],
) -> dict[str, OptionValue]:
    """Check what a user gave, and add the defaults of what was left out.

    Parameters
    ----------
    dataset : str
        As the user named it, for messages.
    declared : sequence of Option
        Those of this dataset.
    given : mapping of str to value
        None and False stand for "left out".
    known : mapping of str to Option
        The options of all datasets, for messages.

    Returns
    -------
    dict of str to value
        One for each declared option.

    Raises
    ------
    InputError
        If a value does not fit, or an option is not this dataset's.

    Examples
    --------
    >>> side = Option(name="patch_size", help="Side", value_type=int, default=224)
    >>> complete("coral", [side], {}, {})
    {'patch_size': 224}
    >>> complete("coral", [side], {"patch_size": 64}, {})
    {'patch_size': 64}
    """
    own = {option.name: option for option in declared}
    values = {name: option.default for name, option in own.items()}
    for name, value in given.items():
        if value is None or value is False:
            continue
        if isinstance(value, list | tuple):
            value = "\n".join(map(str, value))
        if name not in own:
            option = known.get(name, Option(name=name, help=""))
            raise option.refuse(dataset, value)
        own[name].check(dataset, value)
        values[name] = value
    return values
