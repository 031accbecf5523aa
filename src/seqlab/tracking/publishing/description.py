"""The note that MLflow shows on top of a run."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from seqlab.pages.wording import figure, shown
from seqlab.results.metrics import Metric
from seqlab.results.scores import Score, known
from seqlab.tracking.journal.record import RunRecord
from seqlab.tracking.publishing.tags import COMMIT, DIFFERS, PARAMS_DIFF


def describe(record: RunRecord, scores: dict[str, Any]) -> RunRecord:
    """`record` with its description: the task, the scores and how they were made; the same on every machine."""
    corpus = record.recipe["evaluate"]["corpus"]
    lines = [f"**{corpus['name']}**, {corpus['source']} → {corpus['target']}"]
    if scores:
        lines += ["", "| Test set | Score | 95 % confidence | Signature |", "| --- | --- | --- | --- |"]
        lines += [_row(metric, score) for metric, score in known(scores)]
    return replace(record, description="\n".join(lines) + "\n")


def note(record: RunRecord, tags: Mapping[str, str]) -> str:
    """The description, and what the tags of the run say of its repetitions and of the parameters that were edited.

    Another machine's journal may know less of both than the run does.
    """
    lines = [record.description]
    if differs := tags.get(DIFFERS):
        lines.append(f"**Not reproduced**: {differs}\n")
    if change := tags.get(PARAMS_DIFF):
        lines.append(f"Against commit {tags.get(COMMIT, 'unknown')[:7]}: {change}\n")
    return "\n".join(lines)


def _row(metric: Metric, score: Score) -> str:
    interval = "" if score.low is None else " – ".join(figure(end, metric.digits) for end in (score.low, score.high))
    signature = f"`{score.signature}`" if score.signature else ""
    return f"| {metric.title} | {shown(metric, score.score)} | {interval} | {signature} |"
