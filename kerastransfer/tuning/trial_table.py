"""A search's trials as a table."""

from typing import TYPE_CHECKING

from kerastransfer.evaluation.wording import percent

if TYPE_CHECKING:
    from kerastransfer.tuning.trials import Trial

_SHOWN = 20
_HEADER = (
    *("trial", "recipe", "rate", "decay", "epochs", "views", "of all epochs"),
    *("validation accuracy", "points behind the first", "seconds"),
)

_CLOSING = (
    "* worse than the first on these validation images, on which the first was chosen: "
    "that favours it"
)


def trial_table(trials: "list[Trial]") -> str:
    """Draw a table of trials, the best first, each compared with the first.

    Parameters
    ----------
    trials : list of Trial
        Of one search, as `trials.read` sorts them.

    Returns
    -------
    str
        Intervals are at 95 %. The comparison is made image by image; an asterisk marks
        those that interval and test tell apart from the first. It holds for these
        validation images alone, and favours the first, chosen on them as the best.
    """
    rows = [_HEADER, *(_row(trial, trials[0]) for trial in trials[:_SHOWN])]
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    lines = [
        "  ".join(
            cell.ljust(width) if index == 1 else cell.rjust(width)
            for index, (cell, width) in enumerate(zip(row, widths, strict=True))
        ).rstrip()
        for row in rows
    ]
    if len(trials) > _SHOWN:
        lines.append(f"and {len(trials) - _SHOWN} more trials")
    if len(trials) > 1:
        lines.append(_CLOSING)
    return "\n".join(lines)


def _row(trial: "Trial", first: "Trial") -> tuple[str, ...]:
    config = trial.config
    return (
        str(trial.number),
        str(config.recipe),
        ",".join(f"{rate:g}" for rate in config.learning_rate),
        f"{config.weight_decay:g}",
        ",".join(map(str, config.epochs)),
        str(config.views),
        f"{trial.share:.0%}",
        percent(trial.accuracy.as_dict()),
        "" if trial is first else _behind(trial, first),
        f"{trial.seconds:.0f}",
    )


def _behind(trial: "Trial", first: "Trial") -> str:
    comparison = first.compare(trial)
    difference = comparison.difference
    value, low, high = (
        100 * x for x in (difference.value, difference.low, difference.high)
    )
    mark = " *" if comparison.verdict == "first is better" else "  "
    return f"{value:.1f} ({low:.1f} to {high:.1f}){mark}"
