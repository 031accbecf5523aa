"""The HTML page: one file, no network; its one script sorts and filters the table of runs."""

import base64
import hashlib
from pathlib import Path

from markupsafe import Markup

from seqlab.commands.compare.charts import COLOURS, DASHES
from seqlab.commands.compare.comparison_view import ComparisonView
from seqlab.commands.compare.figures import Figures
from seqlab.commands.compare.labels import short_names
from seqlab.commands.compare.parameters import as_number, value_of
from seqlab.pages.html import page_environment, style_sheet
from seqlab.pages.visible import visible
from seqlab.significance.paired_test import LEVEL
from seqlab.significance.recipe_test import p_value

TEMPLATES = Path(__file__).parent / "templates"
# A parameter's value in the table of runs; the constants and the CSV file have it whole.
MAX_VALUE = 60


def render_page(view: ComparisonView) -> str:
    """Return the page; every text from MLflow or from a file is escaped, isolated and clipped.

    Raises:
        SeqlabError: a file that a chart draws is damaged.
    """
    environment = page_environment(TEMPLATES)
    environment.filters.update(p=p_value, visible=visible)
    environment.globals.update(value_of=value_of, as_number=as_number, level=LEVEL, digits=view.measure.compared_digits)
    script = (TEMPLATES / "comparison.js").read_text("utf-8")
    figures = Figures.of(view)
    return environment.get_template("comparison.html").render(
        view=view,
        style=style_sheet(TEMPLATES / "comparison.css"),
        script=Markup(script),  # noqa: S704 (our own script)
        # The only script that the page may run, whatever a text in it should say.
        script_hash=base64.b64encode(hashlib.sha256(script.encode()).digest()).decode(),
        figures=figures,
        charts=figures.charts(view),
        single=figures.single_charts(view) if view.groups else {},
        # What the charts and their tables show: recipes where one of them has several seeds, else runs.
        shown=view.chosen_recipes if view.groups else view.chosen,
        shown_labels=view.recipe_labels if view.groups else view.labels,
        shown_kind="recipe" if view.groups else "run",
        short=short_names(view.differing),
        dashes=[" ".join(map(str, DASHES[place % len(DASHES)])) for place in range(len(COLOURS))],
        max_value=MAX_VALUE,
    )
