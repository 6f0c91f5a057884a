"""A search with the miniature backbone in a process of its own, to be killed.

python small_search.py PLACE OUT [--tuner T] [--trials N] [NAME=VALUE ...]: images and
records are in PLACE, the search and caches in OUT. Prints the trials as JSON.
"""

import argparse
import json
import pathlib
import sys

sys.path.insert(0, str(pathlib.Path(__file__).parent.parent))

from helpers import small_run
from kerastransfer.distribution.start import start

RECIPES = ("F1-3R4-8", "F1-3FT4-7R8", "R1-8")


def main() -> int:
    """Search as ``kerastransfer tune`` does; settings do not vary."""
    parser = argparse.ArgumentParser()
    parser.add_argument("place", type=pathlib.Path)
    parser.add_argument("out", type=pathlib.Path)
    parser.add_argument("settings", nargs="*")
    parser.add_argument("--tuner", default="bayesian")
    parser.add_argument("--trials", type=int, default=4)
    parser.add_argument("--restart", action="store_true")
    args = parser.parse_args()
    replicas = start()
    from helpers import miniature
    from kerastransfer.errors import KerasTransferError, Terminated
    from kerastransfer.training.caching import Caching
    from kerastransfer.training.setup import TrainSetup
    from kerastransfer.tuning.search import search
    from kerastransfer.tuning.search_plan import SearchPlan
    from kerastransfer.tuning.space import Space

    dataset, records = small_run.open_records(args.place)
    chosen = {
        "dataset": dataset,
        "backbone": "miniature",
        "batch_size": 4,
        "epochs": (4,),
        **small_run.read_settings(args.settings),
    }
    caching = Caching(mode="on", home=args.out / "features")
    weights = miniature.source_weights()

    def trainer(config):
        return TrainSetup.of(
            config,
            miniature.BACKBONE,
            records=records,
            source_weights=weights,
            replicas=replicas,
            caching=caching,
        )

    space = Space(recipes=RECIPES, chosen=chosen, summary=small_run.summary_of(records))
    plan = SearchPlan(
        tuner=args.tuner, trials=args.trials, seed=3, checkpoint_every=0.0
    )
    print("ready", flush=True)
    try:
        found = search(space, plan, trainer, args.out / "search", restart=args.restart)
    except Terminated as stopped:
        print(stopped, file=sys.stderr)
        return stopped.code
    except KerasTransferError as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    print(json.dumps([trial.as_dict() for trial in found]))
    return 0


if __name__ == "__main__":
    sys.exit(main())
