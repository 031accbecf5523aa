"""The note that MLflow shows on top of a run."""

from dataclasses import replace
from typing import Any

from seqlab.tracking.record import RunRecord

SCORES = {"bleu": "BLEU", "chrf": "chrF", "ter": "TER"}


def describe(record: RunRecord, scores: dict[str, Any]) -> RunRecord:
    """`record` with its description: the task, the scores and how they were made, and how to get it back."""
    corpus = record.recipe["evaluate"]["corpus"]
    lines = [f"**{corpus['name']}**, {corpus['source']} → {corpus['target']}"]
    if scores:
        lines += ["", "| Test set | Score | 95 % confidence | Signature |", "| --- | --- | --- | --- |"]
        lines += [_row(label, scores[name]) for name, label in SCORES.items() if name in scores]
    if differences := record.ledger.differences():
        lines += ["", f"**Not reproduced**: {'; '.join(differences)}"]
    if change := record.tags.get("params_diff"):
        lines += ["", f"Against commit {record.tags['commit'][:7]}: {change}"]
    return replace(record, description="\n".join(lines) + "\n")


def _row(label: str, score: dict[str, Any]) -> str:
    interval = f"{score['low']:.2f} – {score['high']:.2f}" if "low" in score else ""
    return f"| {label} | {score['score']:.2f} | {interval} | `{score.get('signature', '')}` |"
