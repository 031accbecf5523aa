"""Stage report: one HTML page and a Markdown summary of this run."""

from pathlib import Path

import seqlab.system.interpreter  # noqa: F401
from seqlab.reporting.report import write_report
from seqlab.stage import Stage, run_stage


def main(stage: Stage) -> None:
    """Write reports/report.html and reports/report.md."""
    write_report(stage.params, Path())
    stage.outputs += [Path("reports/report.html"), Path("reports/report.md")]


if __name__ == "__main__":
    run_stage("report", main)
