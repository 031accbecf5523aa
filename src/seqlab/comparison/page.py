"""The HTML page: one file, no network; its one script sorts and filters the table of runs."""

import base64
import hashlib
from pathlib import Path

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

from seqlab.comparison.charts import COLOURS, DASHES, exposure_chart, line_chart, scatter_chart
from seqlab.comparison.parameters import as_number, value_of
from seqlab.comparison.series import Curve, Exposure, exposures, learning_curves, length_curves, length_unit
from seqlab.comparison.view import View
from seqlab.reporting.page import TEMPLATES as REPORT_TEMPLATES
from seqlab.reporting.page import against, link, signature, text
from seqlab.reporting.wording import figure

TEMPLATES = Path(__file__).parent / "templates"
# A parameter's value in the table of runs; the constants and the CSV file have it whole.
MAX_VALUE = 60


def render_page(view: View) -> str:
    """Return the page; every text from MLflow or from a file is escaped, isolated and clipped.

    Raises:
        SeqlabError: a file that a chart draws is damaged.
    """
    environment = Environment(
        loader=FileSystemLoader(TEMPLATES),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    environment.filters.update(figure=figure, text=text, link=link, signature=signature, against=against, p=p_value)
    environment.globals.update(value_of=value_of, as_number=as_number)
    style = (REPORT_TEMPLATES / "report.css").read_text("utf-8") + (TEMPLATES / "comparison.css").read_text("utf-8")
    script = (TEMPLATES / "comparison.js").read_text("utf-8")
    buckets, lengths = length_curves(view.files)
    found = exposures(view.files)
    return environment.get_template("comparison.html").render(
        view=view,
        style=Markup(style),  # noqa: S704 (our own style sheets)
        script=Markup(script),  # noqa: S704 (our own script)
        # The only script that the page may run, whatever a text in it should say.
        script_hash=base64.b64encode(hashlib.sha256(script.encode()).digest()).decode(),
        charts=_charts(view, buckets, lengths, found),
        buckets=buckets,
        lengths={curve.run: {round(place): bleu for place, bleu in curve.points} for curve in lengths},
        exposures={each.run: each for each in found},
        dashes=[" ".join(map(str, DASHES[place % len(DASHES)])) for place in range(len(COLOURS))],
        max_value=MAX_VALUE,
    )


def p_value(value: float) -> str:
    """A p-value for people: no zeros that it can't be."""
    return f"{value:.3f}" if value >= 0.001 else f"{value:.5f}".rstrip("0")


def _charts(view: View, buckets: list[str], lengths: list[Curve], found: list[Exposure]) -> dict[str, Markup]:
    charts = {}
    steps = "optimizer step"
    for name, column, title, axis in (
        ("bleu", "valid_bleu", "Validation BLEU", "BLEU"),
        ("loss", "valid_loss", "Validation loss", "loss per token"),
    ):
        curves = learning_curves(view.files, column)
        if curves:
            charts[name] = line_chart(name, f"{title} by optimizer step", (steps, axis), curves, view.chosen)
    if lengths:
        axes = (f"source length in {length_unit(view.files)}", "BLEU")
        charts["length"] = line_chart("length", "BLEU by source length", axes, lengths, view.chosen, buckets)
    points = [(run.metrics.get("test/perplexity"), run.bleu) for run in view.runs]
    known = [(x, y) for x, y in points if x is not None]
    if len(known) == len(points):
        axes = ("perplexity under teacher forcing", "BLEU, free running")
        charts["perplexity"] = scatter_chart("perplexity", "Perplexity and BLEU", axes, known, view.chosen)
    if any(each.run in view.chosen for each in found):
        charts["exposure"] = exposure_chart(found, view.chosen)
    return charts
