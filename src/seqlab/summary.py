"""What a run came to, in a few lines."""

import json
from pathlib import Path
from typing import Any

from seqlab.errors import SeqlabError
from seqlab.reporting.results import MANIFEST, read_manifest
from seqlab.reporting.wording import seen_in_training

METRICS = {"bleu": "BLEU", "chrf": "chrF", "ter": "TER"}
ROUGE = {"rouge1": "R-1", "rouge2": "R-2", "rougeL": "R-L"}


def summarize(reports: Path) -> str:
    """The scores of reports/scores.json with interval and signature, and where to look next.

    Raises:
        SeqlabError: the file is missing or damaged.
    """
    path = reports / "scores.json"
    try:
        scores: dict[str, Any] = json.loads(path.read_text("utf-8"))
        lines = [_line(label, scores[metric]) for metric, label in METRICS.items()]
        if "rouge" in scores:
            lines += [_line(label, scores["rouge"][name]) for name, label in ROUGE.items()]
        if "diversity" in scores:
            lines += _diversity(scores["diversity"])
        lines.append(f"{'ppl':5}{scores['perplexity']:6.2f}  under teacher forcing; the scores above are free-running")
        lines += [f"Mind: {note}" for note in scores.get("notes", [])]
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise SeqlabError(f"{path}: cannot read the scores ({error}); run `dvc repro`") from None
    return "\n".join(
        [
            *lines,
            *_overlap(reports.parent),
            "",
            f"Report   {reports / 'report.html'}",
            "MLflow   make ui, then open http://127.0.0.1:5000",
        ]
    )


def _overlap(root: Path) -> list[str]:
    """A line on test examples that are among the training examples, where the corpus is there to tell."""
    if not (root / MANIFEST).is_file():
        return []
    note = seen_in_training(read_manifest(root))
    return [f"Mind: {note}"] if note else []


def _line(label: str, score: dict[str, Any]) -> str:
    interval = f"[{score['low']:.1f}, {score['high']:.1f}]"
    return f"{label:5}{score['score']:6.2f}  95 % confidence {interval}  {score['signature']}"


def _diversity(figures: dict[str, dict[str, Any]]) -> list[str]:
    lines = [
        f"{label:5}{of['score']:6.2f}  % of the words; references {of['references']:.2f}  {of['signature']}"
        for label, of in (("D-1", figures["distinct_1"]), ("D-2", figures["distinct_2"]))
    ]
    different, repeated = figures["different_outputs"], figures["most_frequent_output"]
    return [
        *lines,
        f"{different['score']:,} different outputs (references {different['references']:,}); the most frequent is "
        f"{repeated['score']:.1f} % of all (references {repeated['references']:.1f} %)",
    ]
