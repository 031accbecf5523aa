"""Spread over seeds, told apart from spread over sentences."""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import fmean, stdev

from seqlab.commands.compare.parameters import SEED, value_of
from seqlab.commands.compare.runs import ComparedRun
from seqlab.significance.paired_test import Interval
from seqlab.tracking.publishing.tags import CODE, DATA

# Same parameters, but other code or data: not the same experiment.
IDENTITY_TAGS = (CODE, DATA)


@dataclass(frozen=True)
class SeedGroup:
    """Runs that differ by their seed alone, which are recipe number `recipe`; mean and deviations of their scores.

    `scores` has one for each seed, as `seed_scores` gives them, and `over_seeds` is their standard deviation;
    `over_sentences` is the mean of each run's standard deviation over resampled test sentences. A difference between
    recipes has to be seen against the first, one between two trained models against the second.
    """

    recipe: int
    scores: list[float]
    values: dict[str, str]
    mean: float
    over_seeds: float
    over_sentences: float


def recipes(runs: Sequence[ComparedRun]) -> list[list[int]]:
    """Places of the runs that differ by their seed alone, a list for each recipe, highest mean score first."""
    groups: dict[tuple[tuple[str, str], ...], list[int]] = defaultdict(list)
    for place, run in enumerate(runs):
        groups[_identity(run)].append(place)
    return sorted(groups.values(), key=lambda places: -fmean(seed_scores(runs, places)))


def by_seed(runs: Sequence[ComparedRun], places: Sequence[int]) -> list[list[int]]:
    """The places of a recipe's runs, a list for each seed: of several where it was trained again with other libraries.

    They begin alike, and a test that counted them as further seeds would be sure too soon.
    """
    groups: dict[str, list[int]] = defaultdict(list)
    for place in places:
        groups[value_of(runs[place], SEED)].append(place)
    return list(groups.values())


def seed_scores(runs: Sequence[ComparedRun], places: Sequence[int]) -> list[float]:
    """The score of each seed of a recipe, whose runs are at these places: the mean of the seed's runs."""
    return [fmean(runs[place].score for place in each) for each in by_seed(runs, places)]


def seed_groups(
    runs: Sequence[ComparedRun], intervals: Sequence[Interval], differing: Sequence[str]
) -> list[SeedGroup]:
    """The recipes with two or more seeds, best first; `values` are their differing parameters."""
    found = []
    for number, places in enumerate(recipes(runs)):
        scores = seed_scores(runs, places)
        if len(scores) < 2:
            continue
        found.append(
            SeedGroup(
                recipe=number,
                scores=scores,
                values={name: value_of(runs[places[0]], name) for name in differing if name != SEED},
                mean=fmean(scores),
                over_seeds=stdev(scores),
                over_sentences=fmean(intervals[place].deviation for place in places),
            )
        )
    return found


def _identity(run: ComparedRun) -> tuple[tuple[str, str], ...]:
    params = [(name, value) for name, value in run.params.items() if name != SEED]
    tags = [(name, value) for name, value in run.tags.items() if name.startswith(IDENTITY_TAGS)]
    return tuple(sorted(params + tags))
