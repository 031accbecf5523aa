"""The runs in MLflow as a table in the terminal."""

import math
from collections.abc import Sequence
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

from seqlab.pages.wording import shown
from seqlab.tracking.home import find_home
from seqlab.tracking.publishing.find import filter_errors
from seqlab.tracking.publishing.server import connect, experiment_name, server_errors
from seqlab.tracking.publishing.tags import measure
from seqlab.tracking.publishing.uri import is_absent, tracking_uri

if TYPE_CHECKING:
    from mlflow.entities import Run

NEWEST_FIRST = ["attributes.start_time DESC"]
LONGEST_NAME, LAST = 60, 20
HEADINGS = ("name", "score", "state", "started")
NONE_YET = "No run yet: `dvc repro` makes one, and `seqlab sync` publishes it"
UNKNOWN = "–"


def list_runs(start: Path, condition: str, most: int, *, whole: bool = False) -> str:
    """The newest runs of the experiment, newest first: name, score of the test set, state, and when it started here.

    Args:
        start: A folder in the working copy whose MLflow server is asked; no database is made for it.
        condition: Which runs, in MLflow's search syntax; "": all.
        most: How many at most; whether there are more is said.
        whole: Give names as they are, however long, to be read by a program.

    Raises:
        SeqlabError: outside a DVC project; the server does not answer, or does not understand `condition`.
    """
    home = find_home(start)
    if is_absent(tracking_uri(home.root)):
        return NONE_YET
    server = connect(home)
    with server_errors(server.uri), filter_errors(condition):
        runs = server.client.search_runs([server.experiment_id], condition, max_results=most + 1, order_by=NEWEST_FIRST)
    if not runs:
        return f"No run in experiment {experiment_name()} matches --filter {condition!r}" if condition else NONE_YET
    lines = _table([HEADINGS, *(_row(run, whole=whole) for run in runs[:most])])
    return "\n".join([*lines, *([f"… and older ones; --count shows more than {most}"] if len(runs) > most else [])])


def _row(run: "Run", *, whole: bool) -> tuple[str, ...]:
    # A stranger's name may be of any length, and have line breaks in it.
    name = " ".join((run.info.run_name or run.info.run_id).split())
    metric = measure(run.data.tags)
    score = run.data.metrics.get(metric.point, math.nan)
    return (
        # What tells two runs apart stands at the end, too.
        name if whole or len(name) <= LONGEST_NAME else f"{name[: LONGEST_NAME - LAST - 1]}…{name[-LAST:]}",
        f"{shown(metric, score)} {metric.label}" if math.isfinite(score) else UNKNOWN,
        run.info.status.lower(),
        _time(run.info.start_time),
    )


def _time(milliseconds: int | None) -> str:
    try:
        return datetime.fromtimestamp((milliseconds or 0) / 1000).astimezone().strftime("%Y-%m-%d %H:%M")
    except (ValueError, OverflowError, OSError):
        return UNKNOWN


def _table(rows: Sequence[Sequence[str]]) -> list[str]:
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    return [
        f"{name:{widths[0]}}  {score:>{widths[1]}}  {state:{widths[2]}}  {started}"
        for name, score, state, started in rows
    ]
