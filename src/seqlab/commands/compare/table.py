"""The comparison as CSV: a row for each run, every parameter and every final metric."""

import csv
import io
from collections.abc import Sequence

from seqlab.commands.compare.comparison_view import ComparisonView
from seqlab.commands.compare.parameters import as_number
from seqlab.system.terminal import plain

# The learning curves' last values say nothing that the best checkpoint's and the test set's don't.
METRICS = ("test/", "valid_best/")
FACTS = ("run", "id", "fingerprint", "page", "commit")
# After those of the measure.
FINDINGS = (
    "behind_best",
    "p_bootstrap", "p_randomization", "p_corrected", "distinct_from_best",
)  # fmt: skip
# A spreadsheet takes a text that begins so for a formula, and runs it; some, full-width signs too.
FORMULA = ("=", "+", "-", "@", "＝", "＋", "－", "＠", "\t", "\n")


def render_table(view: ComparisonView) -> str:
    """Return the table; the first line names the columns."""
    params = [*view.differing, *view.constants]
    metrics = sorted({name for run in view.runs for name in run.metrics if name.startswith(METRICS)})
    buffer = io.StringIO()
    writer = csv.writer(buffer, lineterminator="\n")
    key = view.measure.key
    measured = [key, f"{key}_low", f"{key}_high", f"{key}_sd_over_sentences"]
    writer.writerow(cells([*FACTS, *params, *measured, *FINDINGS, *metrics]))
    for place, run in enumerate(view.runs):
        facts = [run.name, run.id, run.fingerprint, run.place, run.commit]
        values = [run.params.get(name, "") for name in params]
        found = [str(run.metrics.get(name, "")) for name in metrics]
        writer.writerow(cells([*facts, *values, *_findings(view, place), *found]))
    return buffer.getvalue()


def cells(values: Sequence[str]) -> list[str]:
    """The values made plain, with an apostrophe before texts that a spreadsheet would take for a formula."""
    return [f"'{value}" if _is_formula(value) else value for value in map(plain, values)]


def _is_formula(value: str) -> bool:
    return value.startswith(FORMULA) and as_number(value) is None


def _findings(view: ComparisonView, place: int) -> list[str]:
    run, interval, verdict = view.runs[place], view.interval(place), view.verdict(place)
    figures = [run.score, interval.low, interval.high, interval.deviation, view.best.score - run.score]
    shown = [f"{value:.6g}" for value in figures]
    if verdict is None:
        return [*shown, "", "", "", ""]
    p_values = [verdict.bootstrap, verdict.randomization, verdict.corrected]
    return [*shown, *(f"{value:.6g}" for value in p_values), "yes" if verdict.distinct else "no"]
