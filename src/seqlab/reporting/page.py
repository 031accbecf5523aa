"""The HTML page: one file, no script, no network."""

from pathlib import Path

from markupsafe import Markup

from seqlab.pages.attention import attention_table, spread
from seqlab.pages.html import MAX_REFERENCES, page_environment, style_sheet
from seqlab.reporting.charts import exposure_chart, length_chart, loss_chart, measure_chart, step_chart
from seqlab.reporting.report_view import ReportView
from seqlab.results.scores import Scores

TEMPLATES = Path(__file__).parent / "templates"


def render_page(view: ReportView) -> str:
    """Return the page; every text from a file is escaped, isolated and clipped."""
    environment = page_environment(TEMPLATES)
    maps = [attention_table(item) for item in spread(view.results.attention, view.params.report.attention_maps)]
    return environment.get_template("report.html").render(
        view=view,
        signatures=_signatures(view.results.scores),
        grouped=any(metric.group for metric, _ in view.results.scores.shown()),
        style=style_sheet(),
        charts=_charts(view),
        maps=maps,
        max_references=MAX_REFERENCES,
    )


def _signatures(scores: Scores) -> dict[str, list[str]]:
    """Signature → the labels of the metrics that were made so."""
    found: dict[str, list[str]] = {}
    for metric, score in scores.shown():
        if score.signature:
            found.setdefault(score.signature, []).append(metric.label)
    return found


def _charts(view: ReportView) -> dict[str, Markup]:
    epochs, steps = view.results.epochs, view.results.steps
    charts = {
        "loss": loss_chart(epochs, steps),
        "measure": measure_chart(epochs, view.results.training.best.epoch, view.results.scores.first[0]),
        "rate": step_chart("rate", "Learning rate", epochs, steps, "learning_rate"),
        "ratio": step_chart("ratio", "Teacher forcing ratio", epochs, steps, "teacher_forcing_ratio"),
        "norm": step_chart("norm", "Gradient norm", epochs, steps, "gradient_norm"),
    }
    if view.exposure:
        charts["exposure"] = exposure_chart(view.exposure)
    if any(bucket.bleu is not None for bucket in view.buckets):
        charts["length"] = length_chart(view.buckets)
    return charts
