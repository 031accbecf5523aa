"""What a run came to, in a few lines."""

import json
from pathlib import Path
from typing import Any

from seqlab.errors import SeqlabError
from seqlab.params.params import Params
from seqlab.reporting.results import MANIFEST, read_manifest
from seqlab.reporting.wording import seen_in_training
from seqlab.tracking.server import LOCAL

METRICS = {"bleu": "BLEU", "chrf": "chrF", "ter": "TER"}
ROUGE = {"rouge1": "R-1", "rouge2": "R-2", "rougeL": "R-L"}


def summarize(reports: Path, view: str | None = None) -> str:
    """The scores of reports/scores.json with interval and signature, and where to look next.

    `view` is the address of the runs in MLflow, if it is known.

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
            *_mlflow(view),
        ]
    )


def invitation(params: Params) -> str:
    """The next experiments to try, a command and a question each; empty where they have been tried."""
    tries = []
    if params.model.attention != "none":
        tries.append(("model.attention=none", "without attention: what becomes of long sentences?"))
    if params.train.teacher_forcing_ratio == 1:
        tries.append(("train.teacher_forcing_ratio=0.5", "fed its own words at every other step: is it still as good?"))
    return "\n".join(f"Try      dvc exp run -S {setting:32}  # {question}" for setting, question in tries)


def _overlap(root: Path) -> list[str]:
    """A line on test examples that are among the training examples, where the corpus is there to tell."""
    if not (root / MANIFEST).is_file():
        return []
    note = seen_in_training(read_manifest(root))
    return [f"Mind: {note}"] if note else []


def _mlflow(view: str | None) -> list[str]:
    if view is None:
        return ["MLflow   make ui"]
    if view.startswith(LOCAL):
        return ["MLflow   make ui, which opens", f"         {view}"]
    return [f"MLflow   {view}"]


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
