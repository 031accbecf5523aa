"""What a run came to, in a few lines."""

import json
from pathlib import Path
from typing import Any

from seqlab.errors import SeqlabError

METRICS = ("bleu", "chrf", "ter")


def summarize(reports: Path) -> str:
    """The scores of reports/scores.json with interval and signature, and where to look next.

    Raises:
        SeqlabError: the file is missing or damaged.
    """
    path = reports / "scores.json"
    try:
        scores: dict[str, Any] = json.loads(path.read_text("utf-8"))
        lines = [_line(metric, scores[metric]) for metric in METRICS]
        lines.append(f"{'ppl':5}{scores['perplexity']:6.2f}  under teacher forcing; the scores above are free-running")
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise SeqlabError(f"{path}: cannot read the scores ({error}); run `dvc repro`") from None
    return "\n".join(
        [
            *lines,
            "",
            f"Report   {reports / 'report.html'}",
            "MLflow   make ui, then open http://127.0.0.1:5000",
        ]
    )


def _line(metric: str, score: dict[str, Any]) -> str:
    interval = f"[{score['low']:.1f}, {score['high']:.1f}]"
    return f"{metric.upper():5}{score['score']:6.2f}  95 % confidence {interval}  {score['signature']}"
