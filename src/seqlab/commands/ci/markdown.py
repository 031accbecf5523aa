"""The comparison as Markdown, for a job's summary and a pull request's comment."""

import os
from pathlib import Path
from typing import Any

from seqlab.commands.ci.chart import line_chart
from seqlab.commands.ci.integration import Integration
from seqlab.commands.ci.lock import Lock
from seqlab.commands.ci.result import Result
from seqlab.pages.markdown import Markdown, literal, markdown_environment
from seqlab.pages.wording import parameter

TEMPLATES = Path(__file__).parent / "templates"
# GitHub takes 65,536 characters; the comment's workflow writes a heading of its own.
LONGEST = 60_000
# Rows of a table: as many as fit.
ROWS = (100, 20, 5, 0)


def render_summary(integration: Integration) -> str:
    """Return the summary, within GitHub's limit; every value from a file renders as itself, and calls nobody."""
    environment = markdown_environment(TEMPLATES)
    environment.filters.update(value=value, left_out=left_out)
    template = environment.get_template("integration.md")
    shown = {metric.key for metric, _ in integration.after.scores.shown()} if integration.after else set()
    context = {
        "item": integration,
        "Lock": Lock,
        # Shown among the scores, and not a second time among the metrics.
        "metrics": [change for change in integration.metrics if change.name not in shown],
        "curves": _curves(integration.before, integration.after),
        "lengths": _lengths(integration.before, integration.after),
        "log": _log(),
    }
    return next(text for rows in ROWS if len(text := template.render(context, rows=rows)) <= LONGEST or not rows)


def value(of: Any) -> Markdown:
    """A parameter, a name or a figure as code, in which GitHub finds no mention and no reference."""
    shown = f"{of:.6g}" if isinstance(of, float) else parameter(of)
    return Markdown("–" if of is None else f"<code>{literal(shown)}</code>")


def left_out(count: int, rows: int) -> Markdown:
    """What to say below a table of at most `rows` of `count` rows."""
    return Markdown(f"\n{count - rows} more are not shown." if count > rows else "")


def _curves(before: Result | None, after: Result | None) -> Markdown | None:
    """The measure on the validation set by epoch, each side as far as it was trained."""
    if after is None:
        return None
    metric = after.scores.first[0]
    column = f"valid_{metric.key}"
    sides = [
        [(str(each.epoch), score) for each in side.epochs if (score := getattr(each, column)) is not None]
        for side in (before, after)
        if side
    ]
    if not all(sides):
        return None
    labels = [epoch for epoch, _ in max(sides, key=len)]
    series = [[score for _, score in side] for side in sides]
    return Markdown(line_chart(f"Validation {metric.label}", ("epoch", labels), metric.label, series))


def _lengths(before: Result | None, after: Result | None) -> list[tuple[str, int, float | None, float | None]]:
    """Bucket, sentences, BLEU of the base and of this: rows of a table."""
    if after is None:
        return []
    base = {each.bucket: each.bleu for each in before.buckets} if before else {}
    return [(each.bucket, each.examples, base.get(each.bucket), each.bleu) for each in after.buckets]


def _log() -> Markdown | None:
    """A link to the job that runs this; None outside GitHub's."""
    parts = [os.environ.get(name) for name in ("GITHUB_SERVER_URL", "GITHUB_REPOSITORY", "GITHUB_RUN_ID")]
    if not all(parts):
        return None
    server, repository, run = parts
    return Markdown(f"[this run]({server}/{repository}/actions/runs/{run})")
