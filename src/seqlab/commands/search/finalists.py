"""The best few trials, each with further seeds: which is best, and is the difference more than seeds make?

The seed of the search is not among them. It chose the few, so that its values are too good: the best of many draws.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import fmean, stdev

from seqlab.commands.search.objective import Objective
from seqlab.commands.search.trials import Trial, TrialResult
from seqlab.significance.recipe_test import RecipeVerdict, verdicts


@dataclass(frozen=True)
class Finalist:
    """A trial, and what came of its combination with each further seed."""

    trial: Trial
    outcomes: list[TrialResult]

    @property
    def values(self) -> list[float]:
        """Of the seeds that did not fail."""
        return [each.value for each in self.outcomes if each.value is not None]

    @property
    def failed(self) -> int:
        """How many seeds failed."""
        return len(self.outcomes) - len(self.values)

    @property
    def mean(self) -> float | None:
        """Of the seeds that did not fail; None if all did."""
        return fmean(self.values) if self.values else None

    @property
    def deviation(self) -> float | None:
        """Standard deviation over seeds; None of fewer than two."""
        return stdev(self.values) if len(self.values) > 1 else None


@dataclass(frozen=True)
class Final:
    """The finalists, the best mean first, those with failed seeds behind; a verdict for those that have a spread.

    `ahead` are those of which more seeds failed than of the winner, and the others have a better mean.
    """

    finalists: list[Finalist]
    verdicts: dict[int, RecipeVerdict]
    ahead: list[Finalist]

    @property
    def winner(self) -> Finalist:
        """The one with the best mean over further seeds, of those of which fewest failed."""
        return self.finalists[0]

    @property
    def indistinct(self) -> list[Finalist]:
        """Those that cannot be told from the winner."""
        return [each for each in self.behind if not self._distinct(each)]

    @property
    def behind(self) -> list[Finalist]:
        """Those that have no better mean than the winner."""
        return [each for each in self.finalists[1:] if each not in self.ahead]

    def _distinct(self, finalist: Finalist) -> bool:
        found = self.verdicts.get(finalist.trial.number)
        return found is not None and found.distinct

    @property
    def untested(self) -> list[Finalist]:
        """Those of `behind` that have no p: without a spread over seeds, or with fewer than two."""
        found = [(each, self.verdicts.get(each.trial.number)) for each in self.behind]
        return [each for each, verdict in found if verdict is None or verdict.corrected is None]


def decide(found: Sequence[Finalist], objective: Objective) -> Final:
    """Rank the finalists, and test each against the first of them."""

    def rank(finalist: Finalist) -> float:
        return math.inf if finalist.mean is None else objective.rank(finalist.mean)

    ranked = sorted(found, key=lambda each: (each.failed, rank(each)))
    ahead = [each for each in ranked if rank(each) < rank(ranked[0])]
    tested = [each for each in ranked if each.deviation is not None and each not in ahead]
    if not tested or tested[0] is not ranked[0]:
        return Final(ranked, {}, ahead)
    told = verdicts([each.values for each in tested])
    return Final(ranked, {each.trial.number: verdict for each, verdict in zip(tested[1:], told, strict=True)}, ahead)
