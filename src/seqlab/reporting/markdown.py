"""The Markdown summary, as GitHub renders it."""

from pathlib import Path

from seqlab.pages.html import MAX_REFERENCES
from seqlab.pages.markdown import Markdown, code, literal, markdown_environment, sentences
from seqlab.pages.wording import shown
from seqlab.reporting.report_view import ReportView
from seqlab.results.metrics import Metric
from seqlab.results.records import LengthBucket
from seqlab.results.scores import Score

TEMPLATES = Path(__file__).parent / "templates"
# Sentences of each kind: the page shows them all.
MAX_SAMPLES = 5
_BAR_WIDTH = 20


def render_summary(view: ReportView) -> str:
    """Return the summary; every text from a file is one line in which no character has a meaning to Markdown."""
    environment = markdown_environment(TEMPLATES)
    bars = _bars(view.buckets)
    environment.filters.update(measured=measured)
    return environment.get_template("report.md").render(
        view=view, bars=bars, max_samples=MAX_SAMPLES, max_references=MAX_REFERENCES
    )


def measured(metric: Metric, score: Score) -> Markdown:
    """How a score was measured, as a table cell."""
    references = "" if score.references is None else f"references {shown(metric, score.references)}"
    parts = [literal(part) for part in (metric.explanation, references) if part]
    parts += [code(score.signature)] if score.signature else []
    parts += [sentences([score.text])] if score.text else []
    return Markdown("; ".join(parts))


def _bars(buckets: list[LengthBucket]) -> list[str]:
    highest = max((bucket.bleu or 0.0 for bucket in buckets), default=0.0) or 1.0
    return ["█" * round(_BAR_WIDTH * (bucket.bleu or 0.0) / highest) for bucket in buckets]
