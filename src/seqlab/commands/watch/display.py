"""What runs now, in the terminal, drawn again as it goes on."""

import time
from collections.abc import Sequence
from datetime import timedelta
from itertools import pairwise
from pathlib import Path
from statistics import fmean

from rich.console import Console, Group, RenderableType
from rich.live import Live
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text

from seqlab.commands.watch.journals import Journals
from seqlab.commands.watch.progress import Progress, progress
from seqlab.pages.wording import figure
from seqlab.system.terminal import plain
from seqlab.tracking.home import find_home
from seqlab.tracking.journal.execution import Execution
from seqlab.tracking.journal.run_name import run_name

SECONDS = 2.0
LEVELS = "▁▂▃▄▅▆▇█"
CURVE_WIDTH, BAR_WIDTH = 24, 20
LOSS_DIGITS = 3


def watch(start: Path, *, once: bool, console: Console | None = None) -> None:
    """Show what runs in the working copy around `start`, until Ctrl-C.

    Args:
        start: A folder of the working copy.
        once: Show it once; so it is, too, where the output is no terminal.
        console: Where to; None: standard output.

    Raises:
        SeqlabError: outside a DVC project.
    """
    console = console or Console()
    journals = Journals(find_home(start))
    if once or not console.is_terminal:
        console.print(_picture(journals, console), soft_wrap=True)
        return
    try:
        with Live(_picture(journals, console), console=console, auto_refresh=False) as live:
            while True:
                time.sleep(SECONDS)
                live.update(_picture(journals, console), refresh=True)
    except KeyboardInterrupt:
        # What runs goes on.
        return


def curve(values: Sequence[float], width: int = CURVE_WIDTH) -> str:
    """The values as blocks from the lowest to the highest, at most `width` of them: each the mean of its part."""
    parts = min(width, len(values))
    bounds = [place * len(values) // parts for place in range(parts + 1)] if parts else []
    means = [fmean(values[low:high]) for low, high in pairwise(bounds)]
    lowest, highest = min(means, default=0.0), max(means, default=0.0)
    scale = (len(LEVELS) - 1) / (highest - lowest) if highest > lowest else 0.0
    return "".join(LEVELS[round((mean - lowest) * scale)] for mean in means)


def _picture(journals: Journals, console: Console) -> RenderableType:
    executions = journals.followed()
    if not executions:
        return _text(_nothing(journals.last()))
    blocks = console.encoding.lower().startswith("utf")
    return Group(*(part for each in executions for part in _parts(each, blocks=blocks)))


def _nothing(last: Execution | None) -> str:
    if last is None:
        return "Nothing runs here, and nothing ran yet: `dvc repro` runs the pipeline"
    ago = _duration(max(0.0, time.time() - last.last_seen))
    return f"Nothing runs here. The last was {last.stage} of {_name(last)}: {_outcome(last)} {ago} ago"


def _parts(execution: Execution, *, blocks: bool) -> list[RenderableType]:
    """An execution's lines: its run, how far it is, its pace and place, its curves."""
    found = progress(execution)
    curves = [
        f"{name} {curve(values) + ' ' if blocks else ''}{figure(values[-1], digits)} {unit}".rstrip()
        for name, values, digits, unit in (
            ("loss", found.losses, LOSS_DIGITS, ""),
            (found.measure.label, found.scores, found.measure.digits, found.measure.unit),
        )
        if values
    ]
    lines: list[RenderableType] = [_text(_name(execution), "bold")]
    if _outcome(execution) != "running":
        ended = f"{_outcome(execution)}{f': {execution.error}' if execution.error else ''}"
        lines.append(_text(f"  {execution.stage}  {ended}", "red" if execution.error else ""))
    else:
        lines += [_progress(execution, found), _text(f"  {_pace(found)}{_place(execution)}")]
    return [*lines, _text("  " + "   ".join(curves))] if curves else lines


def _progress(execution: Execution, found: Progress) -> RenderableType:
    if not found.steps:
        return _text(f"  {execution.stage}")
    left = "" if found.seconds_left is None else f"{_duration(found.seconds_left)} left"
    line = Table.grid(padding=(0, 2))
    bar = ProgressBar(total=found.steps, completed=found.step, width=BAR_WIDTH)
    line.add_row(_text(f"  {execution.stage}"), _text(f"epoch {found.epoch}/{found.epochs}"), bar, _text(left))
    return line


def _pace(found: Progress) -> str:
    steps = f"step {found.step:,}/{found.steps:,}, " if found.steps else ""
    return steps + ("" if found.tokens_per_second is None else f"{found.tokens_per_second:,.0f} target tokens/s, ")


def _place(execution: Execution) -> str:
    process = execution.header["process"]
    return f"{process.get('machine', 'unknown')}, process {process.get('pid', 'unknown')}"


def _outcome(execution: Execution) -> str:
    return "died" if execution.outcome == "running" and not execution.is_alive() else execution.outcome


def _name(execution: Execution) -> str:
    try:
        return run_name(execution.header["recipe"], execution.run_fingerprint)
    except (KeyError, TypeError, ValueError):
        # The recipe of another version.
        return execution.run_fingerprint[:12]


def _text(text: str, style: str = "") -> Text:
    # Not as markup, and nothing that a terminal obeys.
    return Text(plain(text), style=style)


def _duration(seconds: float) -> str:
    return str(timedelta(seconds=round(seconds)))
