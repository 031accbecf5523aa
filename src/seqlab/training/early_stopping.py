"""The best epoch so far, and when to stop."""

from dataclasses import dataclass
from typing import Literal

from seqlab.training.validator import ValidationScores


@dataclass(frozen=True, slots=True)
class Best:
    """The best epoch so far and its validation scores."""

    epoch: int
    step: int
    scores: ValidationScores


@dataclass(slots=True)
class EarlyStopping:
    """Keeps the best epoch by a validation metric, and counts the epochs since."""

    best: Best | None = None
    bad_epochs: int = 0

    def update(self, metric: Literal["bleu", "loss"], candidate: Best) -> bool:
        """Take in the scores of one more epoch; return whether it is the best so far. Of equals the first is best."""
        if self.best is None or _better(metric, candidate.scores, self.best.scores):
            self.best = candidate
            self.bad_epochs = 0
            return True
        self.bad_epochs += 1
        return False

    def exhausted(self, patience: int) -> bool:
        """True after `patience` epochs without improvement; 0 is endless patience."""
        return 0 < patience <= self.bad_epochs


def _better(metric: Literal["bleu", "loss"], scores: ValidationScores, than: ValidationScores) -> bool:
    return scores.bleu > than.bleu if metric == "bleu" else scores.loss < than.loss
