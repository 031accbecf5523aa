"""The HTML page of a search: one file, no network, no script."""

from pathlib import Path

from seqlab.commands.search.charts import history_chart, slice_charts
from seqlab.commands.search.report import epochs_of, verdict
from seqlab.commands.search.view import View
from seqlab.pages.html import page_environment, style_sheet
from seqlab.significance.paired_test import LEVEL
from seqlab.significance.recipe_test import p_value

TEMPLATES = Path(__file__).parent / "templates"
# Of a value or a name in a table.
MAX_VALUE = 60
# Of why a member failed, or a combination was refused.
MAX_REASON = 400


def render_page(view: View) -> str:
    """Return the page; every text from a parameter, a name or a log is escaped, isolated and clipped."""
    environment = page_environment(TEMPLATES)
    environment.filters.update(p=p_value, epochs=epochs_of)
    environment.globals.update(level=LEVEL)
    return environment.get_template("search.html").render(
        view=view,
        style=style_sheet(TEMPLATES / "search.css"),
        history=history_chart(view),
        slices=slice_charts(view),
        importances=view.importances,
        verdict=verdict(view.final) if view.final else "",
        max_value=MAX_VALUE,
        max_reason=MAX_REASON,
    )
