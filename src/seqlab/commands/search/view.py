"""What the page and the terminal show of a search."""

from dataclasses import dataclass
from functools import cached_property

from seqlab.commands.search.finalists import Final, Finalist
from seqlab.commands.search.objective import Objective
from seqlab.commands.search.proposals import make_study
from seqlab.commands.search.space import Space
from seqlab.commands.search.trials import Trial, Trials
from seqlab.pages.wording import figure

# Of fewer trials, a forest has nothing to learn from.
FEWEST = 4


@dataclass(frozen=True)
class View:
    """A search: what is searched, the trials so far, and, once it has ended, the best few with their seeds."""

    name: str
    objective: Objective
    space: Space
    trials: Trials
    seed: int
    final: Final | None = None

    @property
    def completed(self) -> list[Trial]:
        """The trials with a value."""
        return [each for each in self.trials.done if each.outcome.value is not None]

    @property
    def failed(self) -> list[Trial]:
        """The trials without."""
        return [each for each in self.trials.done if each.outcome.value is None]

    @property
    def ranked(self) -> list[Trial]:
        """All trials, best first, those that failed behind."""
        return self.trials.best(len(self.trials.done)) + self.failed

    @cached_property
    def importances(self) -> dict[str, float]:
        """Parameter → its share of the values' variance, most first, by functional ANOVA (Hutter et al., 2014).

        Empty where there are too few trials, or all have one value.
        """
        import optuna

        if len(self.completed) < FEWEST or len({each.outcome.value for each in self.completed}) == 1:
            return {}
        study = make_study(
            self.space, self.trials.told(), lower_is_better=self.objective.lower_is_better, seed=self.seed
        )
        evaluator = optuna.importance.FanovaImportanceEvaluator(seed=self.seed)
        found = optuna.importance.get_param_importances(study, evaluator=evaluator)
        return {name: float(share) for name, share in found.items()}

    def value(self, value: float | None) -> str:
        """A value of the objective."""
        return figure(value, self.objective.digits)

    def spread(self, finalist: Finalist) -> str:
        """Mean ± standard deviation over further seeds."""
        mean = self.value(finalist.mean)
        return mean if finalist.deviation is None else f"{mean} ± {self.value(finalist.deviation)}"
