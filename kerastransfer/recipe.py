"""Recipes: what happens to each of a backbone's eight blocks, phase by phase.

The grammar, with blocks named once each and in order::

    recipe = phase { "+" phase }
    phase  = group { group }
    group  = ( "F" | "FT" | "T" | "R" ) blocks [ "@" factor ]
    blocks = number [ "-" number ]

``F`` freezes, ``FT`` (or ``T``) fine-tunes, ``R`` re-draws at random and trains;
``@0.1`` multiplies the group's learning rate. Case, blanks and brackets are ignored;
``str`` gives the canonical spelling.
"""

import dataclasses
import enum
import itertools
import math
import re
from typing import NoReturn, Self

from kerastransfer.errors import RecipeError
from kerastransfer.foundation.quoting import quoted

NUM_BLOCKS = 8


class Action(enum.Enum):
    """What happens to a block's weights."""

    FREEZE = "F"  # kept as they are, not trained
    FINE_TUNE = "FT"  # kept as they are, trained
    REDRAW = "R"  # drawn at random, trained


_ACTIONS = {action.value: action for action in Action} | {"T": Action.FINE_TUNE}
_ACTION = re.compile(r"FT|F|T|R")
_NUMBER = re.compile(r"[0-9]+")
_FACTOR = re.compile(r"([0-9]+(\.[0-9]*)?|\.[0-9]+)(E[+-]?[0-9]+)?")


@dataclasses.dataclass(frozen=True, slots=True)
class Step:
    """What one phase does to one block.

    Parameters
    ----------
    factor : float
        Multiplies the phase's learning rate for this block. Dimensionless.
    """

    action: Action
    factor: float = 1.0

    def __post_init__(self) -> None:
        if not 0 < self.factor < math.inf:
            raise RecipeError(
                "Expected a finite learning-rate factor above 0, got "
                f"{quoted(self.factor)}; to leave a block as it is, freeze it (F)."
            )
        if self.action is Action.FREEZE and self.factor != 1:
            raise RecipeError(
                f"Expected no factor for a frozen block, got {quoted(self.factor)}; it "
                "has no learning rate."
            )


@dataclasses.dataclass(frozen=True, slots=True)
class Phase:
    """One step for each of the eight blocks, which are trained together.

    Parameters
    ----------
    steps : tuple of Step, of length 8
        Block 1 first.
    """

    steps: tuple[Step, ...]

    def __post_init__(self) -> None:
        if len(self.steps) != NUM_BLOCKS:
            raise RecipeError(f"Expected {NUM_BLOCKS} blocks, got {len(self.steps)}.")

    def __str__(self) -> str:
        text, first = "", 1
        for step, run in itertools.groupby(self.steps):
            last = first + len(list(run)) - 1
            text += step.action.value + str(first)
            text += f"-{last}" if last > first else ""
            text += f"@{_spell(step.factor)}" if step.factor != 1 else ""
            first = last + 1
        return text

    @property
    def frozen_prefix(self) -> int:
        """Number of consecutive frozen blocks, counted from block 1.

        >>> Recipe.parse("F1-3FT4F5-7R8").phases[0].frozen_prefix
        3
        """
        frozen = itertools.takewhile(lambda s: s.action is Action.FREEZE, self.steps)
        return len(list(frozen))


@dataclasses.dataclass(frozen=True, slots=True)
class Recipe:
    """One or more phases, such as ``F1-7R8+FT1-8``.

    Parameters
    ----------
    phases : tuple of Phase
        In the order in which they are trained.
    """

    phases: tuple[Phase, ...]

    def __post_init__(self) -> None:
        if not self.phases:
            raise RecipeError("Expected one phase or more, got none.")

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read a recipe; the inverse of ``str``.

        Parameters
        ----------
        text : str
            Such as ``F1-3FT4-7@0.1R8`` or ``F1-7R8+FT1-8``.

        Raises
        ------
        RecipeError
            If the text does not follow the grammar, leaves a block out or names one
            twice.

        Examples
        --------
        >>> recipe = Recipe.parse("f(1-7) r(8) + FT1-8@0.1")
        >>> [str(phase) for phase in recipe.phases]
        ['F1-7R8', 'FT1-8@0.1']
        >>> Recipe.parse("F1-5R8")
        Traceback (most recent call last):
        kerastransfer.errors.RecipeError: Recipe 'F1-5R8': expected block 6 next, ...
        """
        return cls(_Reader(text).recipe())

    @classmethod
    def of(cls, recipe: "str | Recipe") -> "Recipe":
        """Return a recipe unchanged, or parse its text."""
        return recipe if isinstance(recipe, Recipe) else cls.parse(recipe)

    def __str__(self) -> str:
        return "+".join(str(phase) for phase in self.phases)

    def check(self, num_classes: int, source_classes: int) -> None:
        """Check that the recipe can be trained for these numbers of classes.

        Parameters
        ----------
        num_classes, source_classes : int
            Numbers of classes of the target and of the data that the backbone was
            pretrained on.

        Raises
        ------
        RecipeError
            If a phase freezes every block; or if block 8 is not re-drawn in the first
            phase and the two numbers differ.

        Examples
        --------
        >>> Recipe.parse("FT1-8").check(num_classes=10, source_classes=1000)
        Traceback (most recent call last):
        kerastransfer.errors.RecipeError: Recipe 'FT1-8' keeps the source's ...
        """
        for phase in self.phases:
            if phase.frozen_prefix == NUM_BLOCKS:
                raise RecipeError(
                    f"Recipe {quoted(str(self))} freezes every block in one phase, "
                    "which would train nothing; fine-tune (FT) or re-draw (R) at least "
                    "one."
                )
        head = self.phases[0].steps[-1].action
        if head is not Action.REDRAW and num_classes != source_classes:
            raise RecipeError(
                f"Recipe {quoted(str(self))} keeps the source's classifier "
                f"({head.value}8) with {source_classes:,} classes, but the target has "
                f"{num_classes:,}; re-draw it in the first phase with R8."
            )


def _spell(factor: float) -> str:
    """Return the shortest text that reads back as `factor`."""
    return repr(float(factor)).removesuffix(".0")


class _Reader:
    """A cursor over a recipe's text; errors point at the place."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.compact = re.sub(r"[\s()\[\]]", "", text).upper()
        self.place = 0

    def recipe(self) -> tuple[Phase, ...]:
        if not self.compact:
            raise RecipeError(
                "Expected a recipe such as 'F1-7R8' "
                "(F freezes, FT fine-tunes, R re-draws), got an empty one."
            )
        phases = [self.phase()]
        while self.take("+"):
            phases.append(self.phase())
        return tuple(phases)

    def phase(self) -> Phase:
        steps: list[Step] = []
        while self.place < len(self.compact) and self.compact[self.place] != "+":
            steps += self.group(len(steps) + 1)
        if len(steps) != NUM_BLOCKS:
            self.fail(
                f"expected block {len(steps) + 1} next, for a phase names each of the "
                f"{NUM_BLOCKS} blocks once"
            )
        return Phase(tuple(steps))

    def group(self, expected: int) -> list[Step]:
        start = self.place
        action = self.action(expected)
        first = self.number("a block number")
        last = self.number("the range's last block") if self.take("-") else first
        factor = self.factor(action) if self.take("@") else 1.0
        self.check_order(self.compact[start : self.place], first, last, expected)
        return [Step(action, factor)] * (last - first + 1)

    def action(self, expected: int) -> Action:
        match = _ACTION.match(self.compact, self.place)
        if match is None:
            if expected > NUM_BLOCKS:
                self.fail("expected '+' and another phase, or the end")
            self.fail(f"expected F, FT or R for block {expected}")
        self.place = match.end()
        return _ACTIONS[match.group()]

    def number(self, name: str) -> int:
        match = _NUMBER.match(self.compact, self.place)
        if match is None:
            self.fail(f"expected {name} (1 to {NUM_BLOCKS})")
        digits = match.group().lstrip("0")  # int() of thousands of them would raise
        if len(digits) != 1 or int(digits) > NUM_BLOCKS:
            self.fail(f"expected {name} from 1 to {NUM_BLOCKS}", match.group())
        self.place = match.end()
        return int(digits)

    def factor(self, action: Action) -> float:
        match = _FACTOR.match(self.compact, self.place)
        if match is None:
            self.fail("expected a learning-rate factor such as 0.1 after '@'")
        factor = float(match.group())
        if action is Action.FREEZE:
            self.fail("expected no '@', for a frozen block has no learning rate")
        if not 0 < factor < math.inf:
            self.fail("expected a finite factor above 0 (F freezes)", match.group())
        self.place = match.end()
        return factor

    def check_order(self, group: str, first: int, last: int, expected: int) -> None:
        if expected > NUM_BLOCKS:
            self.fail(
                f"expected '+' or the end, for all {NUM_BLOCKS} blocks are named, got "
                f"{quoted(group)}",
                end=True,
            )
        if last < first:
            self.fail(f"expected a range that rises, got {quoted(group)}", end=True)
        if first < expected:
            self.fail(
                f"expected block {expected} next, but {quoted(group)} names block "
                f"{first} again",
                end=True,
            )
        if first > expected:
            several = first - 1 > expected
            gap = f"blocks {expected}-{first - 1}" if several else f"block {expected}"
            self.fail(
                f"expected block {expected} next, but {quoted(group)} leaves out {gap}",
                end=True,
            )

    def take(self, sign: str) -> bool:
        taken = self.compact.startswith(sign, self.place)
        self.place += len(sign) * taken
        return taken

    def fail(self, reason: str, got: str = "", end: bool = False) -> NoReturn:
        rest = got or self.compact[self.place :]
        tail = "" if end else f", got {quoted(rest)}" if rest else ", got the end"
        read = self.compact[: self.place]
        after = f" (after {quoted(read)})" if read and not end else ""
        raise RecipeError(f"Recipe {quoted(self.text)}: {reason}{tail}{after}.")
