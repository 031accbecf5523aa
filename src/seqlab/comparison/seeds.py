"""Spread over seeds, told apart from spread over sentences."""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import fmean, stdev

from seqlab.comparison.parameters import SEED, value_of
from seqlab.comparison.runs import ComparedRun
from seqlab.scoring.significance import Interval

# Same parameters, but other code or data: not the same experiment.
IDENTITY_TAGS = ("code.", "data.")


@dataclass(frozen=True)
class SeedGroup:
    """Runs that differ by their seed alone; BLEU's mean and deviations.

    `over_seeds` is the standard deviation of their scores; `over_sentences` the mean of each run's standard deviation
    over resampled test sentences. A difference between recipes has to be seen against the first, one between two
    trained models against the second.
    """

    runs: list[ComparedRun]
    values: dict[str, str]
    mean: float
    over_seeds: float
    over_sentences: float


def seed_groups(
    runs: Sequence[ComparedRun], intervals: Sequence[Interval], differing: Sequence[str]
) -> list[SeedGroup]:
    """Groups of two or more runs that differ by seed alone, best first; `values` are their differing parameters."""
    groups: dict[tuple[tuple[str, str], ...], list[int]] = defaultdict(list)
    for place, run in enumerate(runs):
        groups[_identity(run)].append(place)
    found = []
    for places in groups.values():
        members = [runs[place] for place in places]
        if len({value_of(run, SEED) for run in members}) < 2:
            continue
        scores = [run.bleu for run in members]
        found.append(
            SeedGroup(
                runs=members,
                values={name: value_of(members[0], name) for name in differing if name != SEED},
                mean=fmean(scores),
                over_seeds=stdev(scores),
                over_sentences=fmean(intervals[place].deviation for place in places),
            )
        )
    return sorted(found, key=lambda group: -group.mean)


def _identity(run: ComparedRun) -> tuple[tuple[str, str], ...]:
    params = [(name, value) for name, value in run.params.items() if name != SEED]
    tags = [(name, value) for name, value in run.tags.items() if name.startswith(IDENTITY_TAGS)]
    return tuple(sorted(params + tags))
