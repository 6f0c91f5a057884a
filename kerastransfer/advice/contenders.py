"""What a pilot tries: recipes and learning rates, the cheapest first."""

import dataclasses
import math

from kerastransfer.recipe import Recipe

# Training times of the study in ``docs/studies/modern``, medians, by the number of
# blocks that stay frozen to the end; FT1-7R8 takes 1.
_PRICES = {0: 1.0, 5: 0.17, 7: 0.02}
_BLOCKS, _FIFTHS, _PHASES = 10.0, math.log(5), 2.0  # what makes contenders unlike


@dataclasses.dataclass(frozen=True, slots=True)
class Contender:
    """A recipe, and the rates at which it is tried.

    Parameters
    ----------
    recipe : str
    rates : tuple of float
        Of each phase; empty for the recipe's own.

    Examples
    --------
    >>> print(Contender("FT1-7R8", (1e-4,)))
    FT1-7R8 at 0.0001
    """

    recipe: str
    rates: tuple[float, ...] = ()

    def __str__(self) -> str:
        rates = ", ".join(f"{rate:g}" for rate in self.rates)
        return f"{self.recipe} at {rates}" if rates else self.recipe

    @property
    def settings(self) -> dict[str, object]:
        """Fields of `TrainConfig`."""
        rates = {"learning_rate": self.rates} if self.rates else {}
        return {"recipe": self.recipe, **rates}

    @property
    def price(self) -> float:
        """About how long a run takes, where one of FT1-7R8 takes 1.

        Examples
        --------
        >>> Contender("F1-5FT6-7R8", (1e-4,)).price
        0.17
        """
        frozen = Recipe.parse(self.recipe).phases[-1].frozen_prefix
        return min(price for known, price in _PRICES.items() if known <= frozen)

    @property
    def coordinates(self) -> tuple[float, ...]:
        """Where it stands among tuned contenders; near ones gain alike.

        How deep it tunes, at which rate, and after how many phases.

        Examples
        --------
        >>> Contender("FT1-7R8", (1e-4,)).coordinates
        (0.0, 0.0, 0.5)
        """
        phases = Recipe.parse(self.recipe).phases
        rate = self.rates[-1] if self.rates else 1e-4
        return (
            phases[-1].frozen_prefix / _BLOCKS,
            math.log(rate / 1e-4) / _FIFTHS,
            len(phases) / _PHASES,
        )


FROZEN = Contender("F1-7R8")
# One rate is no fair trial of tuning, which may win at 1e-4 and lose at 5e-4.
CONTENDERS = (
    FROZEN,
    Contender("F1-5FT6-7R8", (5e-4,)),
    Contender("F1-5FT6-7R8", (1e-4,)),
    Contender("FT1-7R8", (1e-4,)),
    Contender("F1-7R8+FT1-8", (2e-3, 1e-4)),
    Contender("FT1-7R8", (5e-4,)),
)
