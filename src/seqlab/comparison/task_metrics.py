"""Metrics that only some tasks are measured by: summaries, replies."""

from collections.abc import Sequence
from dataclasses import dataclass

from seqlab.comparison.runs import ComparedRun


@dataclass(frozen=True)
class Metric:
    """A metric of the test set as MLflow calls it, and as people do; the higher the better."""

    key: str
    label: str


METRICS = (
    Metric("test/rouge1", "ROUGE-1"),
    Metric("test/rouge2", "ROUGE-2"),
    Metric("test/rougeL", "ROUGE-L"),
    Metric("test/distinct_1", "distinct-1 %"),
    Metric("test/distinct_2", "distinct-2 %"),
)


def measured(runs: Sequence[ComparedRun]) -> list[Metric]:
    """Those that at least one run has."""
    return [metric for metric in METRICS if any(metric.key in run.metrics for run in runs)]
