"""What a search looks for: a validation metric of the best epoch, and which way is better."""

from dataclasses import dataclass

from seqlab.core.errors import SeqlabError
from seqlab.results.metrics import BLEU, EXACT_MATCH, METRICS, PERPLEXITY

# As MLflow has the best epoch's validation, and as the learning curves have each epoch's.
PREFIXES = ("valid_best/", "valid/")


@dataclass(frozen=True)
class Objective:
    """A validation metric.

    Attributes:
        key: Its name in reports/training.json.
        label: What people call it.
        digits: Decimals that are shown.
        lower_is_better: Which way is better.
        per_token: Whether it is a mean over target tokens, so that other tokens make another measure of it.
        early_stopping: The train.early_stopping_metric that picks the epoch which is best by it.
    """

    key: str
    label: str
    digits: int
    lower_is_better: bool
    per_token: bool
    early_stopping: str

    def rank(self, value: float) -> float:
        """A sort key: smaller is better."""
        return value if self.lower_is_better else -value


OBJECTIVES = {
    each.key: each
    for each in (
        Objective("bleu", "validation BLEU", 2, BLEU.lower_is_better, per_token=False, early_stopping="bleu"),
        Objective(
            "exact_match",
            "validation exact match",
            2,
            EXACT_MATCH.lower_is_better,
            per_token=False,
            early_stopping="exact_match",
        ),
        # Perplexity is exp(loss): one is lower where the other is.
        Objective("loss", "validation loss", 4, PERPLEXITY.lower_is_better, per_token=True, early_stopping="loss"),
        Objective(
            "perplexity", "validation perplexity", 2, PERPLEXITY.lower_is_better, per_token=True, early_stopping="loss"
        ),
    )
}


def find_objective(name: str) -> Objective:
    """The validation metric that `name` means: a key of OBJECTIVES, or as MLflow has it, such as valid_best/bleu.

    Raises:
        SeqlabError: there is none; or it is one of the test set, on which nothing is chosen.
    """
    key = next((name.removeprefix(prefix) for prefix in PREFIXES if name.startswith(prefix)), name)
    if key in OBJECTIVES:
        return OBJECTIVES[key]
    known = ", ".join(OBJECTIVES)
    if name.startswith("test/") or key in {metric.key for metric in METRICS}:
        raise SeqlabError(
            f"--metric {name} is measured on the test set: what is chosen by the test set cannot be measured on it "
            f"afterwards. A search takes a metric of the validation set: {known}"
        )
    raise SeqlabError(f"--metric {name}: no such metric of the validation set; there are {known}")
