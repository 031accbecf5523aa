"""Compares runs: one HTML page, a Markdown summary and a table."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from seqlab.commands.compare.commit_page import commit_page
from seqlab.commands.compare.comparable import comparable, mixed_numerics, scored
from seqlab.commands.compare.comparison_view import ComparisonView, gather
from seqlab.commands.compare.markdown import render_summary
from seqlab.commands.compare.page import render_page
from seqlab.commands.compare.run_files import locate
from seqlab.commands.compare.runs import find_runs
from seqlab.commands.compare.table import render_table
from seqlab.core.atomic import write_text
from seqlab.core.errors import SeqlabError
from seqlab.pages.wording import figure
from seqlab.significance.paired_test import LEVEL
from seqlab.system.git_remote import remote_address
from seqlab.system.terminal import one_line
from seqlab.tracking.home import find_home
from seqlab.tracking.publishing.server import connect, experiment_name

PAGE, SUMMARY, TABLE = "comparison.html", "comparison.md", "comparison.csv"


@dataclass(frozen=True)
class Comparison:
    """What was compared, and where it is written; as text, what people want to know of it."""

    view: ComparisonView
    output: Path

    def __str__(self) -> str:
        view = self.view
        score = figure(view.best.score, view.measure.compared_digits)
        lines = [f"Best     {view.best.name}, {view.measure.label} {score}, of {len(view.runs)} runs"]
        lines += [f"         {view.labels[0]}"] if view.differing else []
        lines += [f"         {_told(len(view.indistinct), len(view.runs) - 1, 'run')}"]
        lines += self._recipes()
        lines += [f"Page     {self.output / PAGE}; also {SUMMARY} and {TABLE}"]
        return "\n".join(map(one_line, [*lines, *(f"note: {note}" for note in view.notes)]))

    def _recipes(self) -> list[str]:
        groups = self.view.groups
        if len(groups) < 2:
            return []
        best = groups[0]
        mean, spread = (figure(each, self.view.measure.compared_digits) for each in (best.mean, best.over_seeds))
        over = f"mean {self.view.measure.label} {mean} ± {spread} over {len(best.scores)} seeds"
        kind, test = " with several seeds", "Welch's t-test over seeds, "
        told = _told(len(self.view.indistinct_recipes), len(groups) - 1, "recipe", kind, test)
        lines = [f"Recipe   {self.view.recipe_labels[best.recipe]}: {over}", f"         {told}"]
        untested = sum(verdict.corrected is None for verdict in self.view.recipe_verdicts)
        return [*lines, f"         {untested} not tested: no spread over seeds"] if untested else lines


def _told(alike: int, others: int, noun: str, kind: str = "", test: str = "") -> str:
    if others == 0:
        return f"there is no other {noun}{kind}"
    if not alike:
        return f"every other {noun}{kind} is worse by more than chance ({test}corrected p < {LEVEL})"
    which = f"the other {noun}{kind}" if others == 1 else f"{alike} of the {others} other {noun}s{kind}"
    return f"{which} can't be told from it ({test}corrected p >= {LEVEL})"


def compare(
    start: Path, output: Path, *, wanted: Sequence[str] = (), condition: str = "", heat: tuple[str, str] | None = None
) -> Comparison:
    """Compare runs of the experiment, and write comparison.html, .md and .csv below `output`.

    Args:
        start: A folder in the working copy whose MLflow server is asked.
        output: Where to write.
        wanted: Ids, names or beginnings of fingerprints; none: all finished runs that meet `condition`.
        condition: In MLflow's search syntax; "" leaves nothing out.
        heat: Parameters of the heat map, rows and columns; None: those that vary most.

    Raises:
        SeqlabError: no server, no such runs, fewer than two with scores, or scores that measure different things;
            nothing is written.
    """
    home = find_home(start)
    server = connect(home)
    found = find_runs(server, wanted, condition)
    if not found:
        raise SeqlabError(
            f"no finished run {'matches --filter ' + repr(condition) if condition else 'to compare'} in experiment "
            f"{experiment_name()}; `seqlab sync` publishes runs, MLFLOW_EXPERIMENT_NAME names another experiment"
        )
    runs, notes = scored(found)
    runs, left_out = comparable(runs, chosen=bool(wanted or condition))
    remote = remote_address(home.root)
    commits = {run.commit for run in runs if run.commit}
    pages = {commit: commit_page(remote, commit) for commit in commits}
    files, lost = locate(server, home, runs)
    view = gather(runs, files, [*server.notes, *notes, *left_out, *mixed_numerics(runs), *lost], pages, heat)
    rendered = {PAGE: render_page(view), SUMMARY: render_summary(view), TABLE: render_table(view)}
    for name, content in rendered.items():
        write_text(output / name, content)
    return Comparison(view, output)
