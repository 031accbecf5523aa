"""The comparison as Markdown, as GitHub renders it."""

from seqlab.commands.compare.comparison_view import ComparisonView
from seqlab.commands.compare.page import TEMPLATES
from seqlab.commands.compare.parameters import value_of
from seqlab.pages.markdown import markdown_environment
from seqlab.significance.paired_test import LEVEL
from seqlab.significance.recipe_test import p_value

# The page and the table have all.
MAX_RUNS = 50
MAX_PARAMETERS = 8


def render_summary(view: ComparisonView) -> str:
    """Return the summary; every text from MLflow is one line in which no character has a meaning to Markdown."""
    environment = markdown_environment(TEMPLATES)
    environment.filters.update(p=p_value)
    environment.globals.update(value_of=value_of, level=LEVEL, digits=view.measure.compared_digits)
    return environment.get_template("comparison.md").render(
        view=view,
        runs=view.runs[:MAX_RUNS],
        names=view.differing[:MAX_PARAMETERS],
        metrics=[metric for metric in view.metrics if not metric.secondary],
    )
