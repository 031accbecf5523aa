"""The best epochs so far, and when to stop."""

from dataclasses import dataclass, field

from seqlab.params.schema import StoppingMetric
from seqlab.training.validator import ValidationScores


@dataclass(frozen=True, slots=True)
class Best:
    """One of the best epochs so far and its validation scores."""

    epoch: int
    step: int
    scores: ValidationScores


@dataclass(slots=True)
class EarlyStopping:
    """Keeps the best epochs by a validation metric, best first, and counts the epochs since the very best."""

    kept: list[Best] = field(default_factory=list)
    bad_epochs: int = 0

    @property
    def best(self) -> Best | None:
        """The best epoch; None before the first."""
        return self.kept[0] if self.kept else None

    def update(self, metric: StoppingMetric, candidate: Best, keep: int) -> int | None:
        """Take in the scores of one more epoch, and keep the `keep` best.

        Of epochs with the same BLEU or exact match the one of lower loss is better: a model that has not learnt enough
        for a 4-gram, or for a whole sentence, has 0 in every epoch. Of equals in both the earlier is.

        Returns:
            Its place among those kept: 0 is the best so far, None that it is not kept.
        """
        place = sum(not _better(metric, candidate.scores, earlier.scores) for earlier in self.kept)
        self.kept.insert(place, candidate)
        del self.kept[keep:]
        self.bad_epochs = 0 if place == 0 else self.bad_epochs + 1
        return place if place < keep else None

    def exhausted(self, patience: int) -> bool:
        """True after `patience` epochs without improvement; 0 is endless patience."""
        return 0 < patience <= self.bad_epochs


def _better(metric: StoppingMetric, scores: ValidationScores, than: ValidationScores) -> bool:
    if metric != "loss":
        ours, theirs = getattr(scores, metric), getattr(than, metric)
        if ours != theirs:
            return bool(ours > theirs)
    return scores.loss < than.loss
