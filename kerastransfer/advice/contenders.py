"""What a pilot tries: recipes and learning rates, the cheapest first."""

import dataclasses


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
