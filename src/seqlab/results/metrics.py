"""The metrics of the test set: what reports, comparisons, CI, MLflow and summaries call them, and show of them.

A metric is named in reports/scores.json; those of a group, which `evaluate.metrics` asks for, stand there below the
group's name. A line here is all that it takes to be shown wherever metrics are.
"""

from collections.abc import Iterable
from dataclasses import dataclass


@dataclass(frozen=True)
class Metric:
    """A metric of the test set.

    Attributes:
        key: Its name in reports/scores.json and reports/metrics.json.
        label: What people call it.
        digits: Decimals that are shown.
        lower_is_better: Which way is better.
        unit: What stands behind the figure, such as %.
        explanation: What a signature does not say.
        group: What evaluate.metrics asks for; "" of those that are always there.
        secondary: Shown in a comparison only where there is room.
    """

    key: str
    label: str
    digits: int = 1
    lower_is_better: bool = False
    unit: str = ""
    explanation: str = ""
    group: str = ""
    secondary: bool = False

    @property
    def point(self) -> str:
        """Its name in MLflow."""
        return f"test/{self.key}"

    @property
    def compared_digits(self) -> int:
        """Decimals where runs stand side by side, and of their differences."""
        return self.digits + 1

    @property
    def title(self) -> str:
        """The label, with the way that is better where that is not upwards and nothing else explains it."""
        return f"{self.label} (lower is better)" if self.lower_is_better and not self.explanation else self.label


BLEU = Metric("bleu", "BLEU")
PERPLEXITY = Metric("perplexity", "Perplexity", 2, True, explanation="per token, under teacher forcing")
EXACT_MATCH = Metric(
    "exact_match", "Exact match", unit="%", explanation="equal to a reference, letter for letter", secondary=True
)
# What a corpus may be measured by.
MEASURES = (BLEU, EXACT_MATCH)
METRICS = (
    BLEU,
    Metric("chrf", "chrF2"),
    Metric("ter", "TER", lower_is_better=True, secondary=True),
    PERPLEXITY,
    EXACT_MATCH,
    Metric("rouge1", "ROUGE-1", group="rouge", explanation="F1"),
    Metric("rouge2", "ROUGE-2", group="rouge", explanation="F1"),
    Metric("rougeL", "ROUGE-L", group="rouge", explanation="F1"),
    Metric("distinct_1", "Distinct-1", unit="%", group="diversity", explanation="different words of all words"),
    Metric("distinct_2", "Distinct-2", unit="%", group="diversity", explanation="different word pairs of all words"),
    Metric("different_outputs", "Different outputs", 0, group="diversity", secondary=True),
    Metric(
        "most_frequent_output", "Most frequent output", lower_is_better=True, unit="%", group="diversity",
        explanation="of all outputs", secondary=True,
    ),
)  # fmt: skip
GROUPS = tuple(dict.fromkeys(metric.group for metric in METRICS if metric.group))


def measure_named(key: object) -> Metric:
    """What a corpus is measured by, by its key: BLEU, where a result is of an earlier version or of somebody else."""
    return next((each for each in MEASURES if each.key == key), BLEU)


def ordered(measure: str) -> list[Metric]:
    """All metrics, the one named `measure` (in scores.json) first."""
    return sorted(METRICS, key=lambda metric: metric.key != measure)


def compared(known: Iterable[str], measure: Metric = BLEU) -> list[Metric]:
    """Those but the `measure` that a comparison of runs shows, which have the points `known`."""
    points = set(known)
    return [metric for metric in METRICS if metric is not measure and metric.point in points]
