"""The order in which rooms may import each other, and which of them are light."""

# A module may import its own part (at its own level or below) and parts of lower level.
# errors is open to all. A longer name overrules the part it belongs to.
LEVELS = {
    "foundation.quoting": -1,  # what errors are made of
    "errors": 0,
    "foundation": 0,
    "recipe": 1,
    "views": 1,
    "archives": 1,
    "evaluation": 1,
    "advice": 1,
    "datasets": 2,
    "weights.readers": 2,
    "records": 3,
    "backbones": 3,
    "decoding": 3,
    "weights": 4,
    "pipeline": 4,
    "surgery": 5,
    "features": 6,
    "config": 6,
    "config.run_options": 1,  # what a user may say of any work
    "distribution": 6,
    "training": 7,
    "export": 7,
    "runs": 8,
    "distances": 8,
    "tuning": 9,
    "advice.contenders": 2,
    "advice.advise": 9,
    "advice.decision": 9,
    "advice.features": 9,
    "advice.measured": 9,
    "advice.gains": 9,
    "advice.pilot": 9,
    "advice.question": 1,
    "advice.ranking": 9,
    "advice.recommendation": 9,
    "advice.splits": 9,
    "advice.forecast": 9,
    "study": 10,
    "report": 11,
    "api": 11,
    "cli": 12,
    "__main__": 13,
}

LIGHT_UP_TO = 2  # levels whose modules may import TensorFlow inside functions only
# Rooms above that whose tests run without it all the same.
LIGHT_ROOMS = {"config", "records.split", "records.health", "records.images"}


def level(module):
    """Level of 'advice.pilot' by its own row, else by that of 'advice'."""
    parts = module.split(".")
    for length in range(len(parts), 0, -1):
        own = LEVELS.get(".".join(parts[:length]))
        if own is not None:
            return own
    raise AssertionError(f"{module} has no level: add it to LEVELS and CONTRIBUTING.md")
