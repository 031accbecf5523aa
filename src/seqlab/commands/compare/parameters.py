"""Which parameters tell the runs apart, and which are the same in all."""

import difflib
import math
from collections.abc import Iterable, Sequence

from seqlab.commands.compare.runs import ComparedRun
from seqlab.core.errors import SeqlabError

SEED = "seed"
# Where a run does not have a parameter.
ABSENT = "–"


def value_of(run: ComparedRun, name: str) -> str:
    """The run's value of a parameter; a dash if it has none."""
    return run.params.get(name, ABSENT)


def split_parameters(runs: Sequence[ComparedRun]) -> tuple[list[str], dict[str, str]]:
    """Names of the parameters that differ, fewest values first, and the constants with their value."""
    names = sorted({name for run in runs for name in run.params})
    values = {name: {value_of(run, name) for run in runs} for name in names}
    differing = [name for name in names if len(values[name]) > 1]
    # The seed says least about a run.
    differing.sort(key=lambda name: (name == SEED, len(values[name]), name))
    return differing, {name: value_of(runs[0], name) for name in names if len(values[name]) == 1}


def in_order(values: Iterable[str]) -> list[str]:
    """Values of one parameter: numbers by size, then texts."""
    return sorted(set(values), key=sort_key)


def sort_key(value: str) -> tuple[int, float, str]:
    """Orders numbers before texts."""
    number = as_number(value)
    return (1, 0.0, value) if number is None else (0, number, value)


def as_number(value: str) -> float | None:
    """The value as a number; None if it is none."""
    try:
        number = float(value)
    except ValueError:
        return None
    return None if math.isnan(number) else number


def check_parameters(names: Iterable[str], runs: Sequence[ComparedRun]) -> None:
    """Refuse parameters that no run has.

    Raises:
        SeqlabError: names the nearest known one.
    """
    known = sorted({name for run in runs for name in run.params})
    for name in names:
        if name not in known:
            near = difflib.get_close_matches(name, known, 1)
            hint = f"; did you mean {near[0]}?" if near else ""
            raise SeqlabError(f"no run has a parameter {name}{hint}")
