"""The report of a run: one HTML page, and a Markdown summary."""

from pathlib import Path

from seqlab.core.atomic import write_text
from seqlab.params.params import Params
from seqlab.reporting.markdown import render_summary
from seqlab.reporting.page import render_page
from seqlab.reporting.report_view import gather
from seqlab.results.paths import PAGE, SUMMARY


def write_report(params: Params, root: Path) -> None:
    """Write reports/report.html and reports/report.md below `root` from what the earlier stages wrote there.

    The same files and parameters give the same bytes. The page needs no network and no other file, and runs no script.

    Raises:
        SeqlabError: a file that the report reads is missing or damaged; nothing is written.
    """
    view = gather(params, root)
    page, summary = render_page(view), render_summary(view)
    write_text(root / PAGE, page)
    write_text(root / SUMMARY, summary)
