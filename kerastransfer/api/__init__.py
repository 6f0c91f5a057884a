"""The front door: what a Python program calls, and what every command calls.

Nothing is decided here. Each function finds what the caller means, hands it to the
part that does the work, and returns a value that prints. `import kerastransfer` offers
all of it.
"""

from kerastransfer.api.advice import advise, rank
from kerastransfer.api.data import convert, inspect, load
from kerastransfer.api.folds import cross_validate
from kerastransfer.api.measures import distance, features
from kerastransfer.api.predictions import predict, predict_table
from kerastransfer.api.runs import open_run, plan, train
from kerastransfer.api.search import RECIPES, tune
from kerastransfer.api.studies import plan_study, study, study_figures

__all__ = [
    "RECIPES",
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
