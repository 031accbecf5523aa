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
        """The trials that were trained to their end."""
        return [each for each in self.trials.done if each.outcome.value is not None and not each.pruned]

    @property
    def pruned(self) -> list[Trial]:
        """The trials that fell behind."""
        return [each for each in self.trials.done if each.pruned]

    @property
    def failed(self) -> list[Trial]:
        """The trials without a value."""
        return [each for each in self.trials.done if each.outcome.value is None]

    @property
    def ranked(self) -> list[Trial]:
        """All trials: the best first, those that fell behind, who came further first, and those that failed."""
        behind = sorted(self.trials.ranked(self.pruned), key=lambda each: -max(each.rungs))
        return self.trials.best(len(self.trials.done)) + behind + self.failed

    @property
    def epochs(self) -> int:
        """The epochs that were trained of the trials."""
        return sum(each.epochs for each in self.trials.done)

    @property
    def whole_epochs(self) -> int:
        """The epochs that they would have trained without halving, at most."""
        # What ended early by train.patience would have ended there, too.
        unfinished = [each for each in self.pruned if each.epochs == max(each.rungs)]
        return self.epochs + sum(self.trials.rungs[-1] - each.epochs for each in unfinished)

    @property
    def saving(self) -> str:
        """How many epochs were trained, of how many without halving; empty where trials are not halved."""
        if not self.trials.halving:
            return ""
        most = "at most " if any(each.member.params.train.patience for each in self.pruned) else ""
        return f"{self.epochs} of {most}{self.whole_epochs} that the trials have without halving"

    @cached_property
    def importances(self) -> dict[str, float]:
        """Parameter → its share of the values' variance, most first, by functional ANOVA (Hutter et al., 2014).

        Where trials are halved, of the values at the first rung: those of the few that went on are chosen by value.
        Empty where there are too few trials, or all have one value.
        """
        import optuna

        told = [each for each in self.trials.compared() if each.outcome is not None]
        if len(told) < FEWEST or len({each.outcome for each in told}) == 1:
            return {}
        study = make_study(self.space, told, lower_is_better=self.objective.lower_is_better, seed=self.seed)
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
