"""Fine-tune image classifiers on new domains, block by block, by measurement.

::

    import kerastransfer as kt

    run = kt.train("digits", "F1-7R8", images_per_class=50)
    print(run.test.accuracy)  # 92.0 % (89.3 to 94.1), n = 500

The names below are loaded when they are first used; importing this package costs next
to nothing, and TensorFlow is imported by the first call that needs it.
"""

import importlib
import sys
import types
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from kerastransfer.advice.ranking import Ranking
    from kerastransfer.advice.recommendation import Recommendation
    from kerastransfer.api import (
        advise,
        convert,
        cross_validate,
        distance,
        features,
        inspect,
        load,
        open_run,
        plan,
        plan_study,
        predict,
        predict_table,
        rank,
        study,
        study_figures,
        train,
        tune,
    )
    from kerastransfer.config.train_config import TrainConfig
    from kerastransfer.distances.distance_table import Distances
    from kerastransfer.errors import (
        DataError,
        InputError,
        KerasTransferError,
        MissingError,
        RecipeError,
        Terminated,
        UnknownNameError,
        WeightsError,
    )
    from kerastransfer.evaluation.intervals import Estimate
    from kerastransfer.evaluation.metrics import Metrics
    from kerastransfer.foundation.report import KerasTransferWarning
    from kerastransfer.recipe import Recipe
    from kerastransfer.records.reader import Records
    from kerastransfer.runs.finished import Run
    from kerastransfer.runs.folds.cross_validation import CrossValidation

__version__ = "0.1.0"

# Each name's home. `tests/test_api.py` holds it against the imports above.
_HOMES = {
    **dict.fromkeys(
        (
            "advise",
            "convert",
            "cross_validate",
            "distance",
            "features",
            "inspect",
            "load",
            "open_run",
            "plan",
            "predict",
            "predict_table",
            "predict_table",
            "rank",
            "study",
            "plan_study",
            "study_figures",
            "train",
            "tune",
        ),
        "api",
    ),
    **dict.fromkeys(
        (
            "DataError",
            "InputError",
            "KerasTransferError",
            "MissingError",
            "RecipeError",
            "Terminated",
            "UnknownNameError",
            "WeightsError",
        ),
        "errors",
    ),
    "CrossValidation": "runs.folds.cross_validation",
    "Distances": "distances.distance_table",
    "Estimate": "evaluation.intervals",
    "KerasTransferWarning": "foundation.report",
    "Metrics": "evaluation.metrics",
    "Ranking": "advice.ranking",
    "Recipe": "recipe",
    "Recommendation": "advice.recommendation",
    "Records": "records.reader",
    "Run": "runs.finished",
    "TrainConfig": "config.train_config",
}

__all__ = [
    "CrossValidation",
    "DataError",
    "Distances",
    "Estimate",
    "InputError",
    "KerasTransferError",
    "KerasTransferWarning",
    "Metrics",
    "MissingError",
    "Ranking",
    "Recipe",
    "RecipeError",
    "Recommendation",
    "Records",
    "Run",
    "Terminated",
    "TrainConfig",
    "UnknownNameError",
    "WeightsError",
    "advise",
    "convert",
    "cross_validate",
    "distance",
    "features",
    "inspect",
    "load",
    "open_run",
    "plan",
    "plan_study",
    "predict",
    "predict_table",
    "rank",
    "study",
    "study_figures",
    "train",
    "tune",
]


def __getattr__(name: str) -> Any:
    """Load a public name from its home when it is first used."""
    home = _HOMES.get(name)
    if home is None:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = getattr(importlib.import_module(f"{__name__}.{home}"), name)
    globals()[name] = value
    return value


class _Package(types.ModuleType):
    """Keeps its public names: a part that is imported would take `features` away."""

    def __setattr__(self, name: str, value: Any) -> None:
        if not (name in _HOMES and isinstance(value, types.ModuleType)):
            super().__setattr__(name, value)


sys.modules[__name__].__class__ = _Package


def __dir__() -> list[str]:
    """List what completion offers."""
    return sorted([*globals(), *__all__])
