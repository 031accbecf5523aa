"""What `seqlab sweep` does, from the grid to the summary."""

import re
from collections.abc import Callable, Sequence
from pathlib import Path

from seqlab.commands.sweep.execution import run_members
from seqlab.commands.sweep.grid import DEFAULT_GRID
from seqlab.commands.sweep.members import make_members
from seqlab.commands.sweep.where import Where
from seqlab.core.errors import SeqlabError
from seqlab.system.exit_status import EXIT_INTERRUPTED
from seqlab.tracking.home import find_home

NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,39}")


def check_sweep_name(name: str) -> None:
    """Check the name of a sweep, or of a search, which is one for MLflow.

    Raises:
        SeqlabError: it is none.
    """
    if not NAME.fullmatch(name):
        raise SeqlabError(f"--name {name}: use at most 40 letters, digits, - and _, beginning with a letter or digit")


def run_sweep(
    start: Path,
    settings: Sequence[str],
    *,
    name: str,
    where: Where,
    dry_run: bool,
    say: Callable[[str], None],
) -> int:
    """Run a grid as DVC experiments; return the exit status: 0, 1 if a member failed, 130 if it was interrupted.

    Args:
        start: A folder of the working copy.
        settings: As after `dvc exp run --queue -S`; none: the default grid.
        name: Name of the sweep, by which MLflow groups the runs.
        where: Where they run, and how many at one time.
        dry_run: List the members, and run nothing.
        say: Takes what people want to know.

    Raises:
        SeqlabError: the grid is refused, before anything is queued; or DVC or MLflow refuses.
    """
    check_sweep_name(name)
    root = find_home(start).root
    members = make_members(root, settings or DEFAULT_GRID)
    result = run_members(root, members, name=name, where=where, dry_run=dry_run, say=say)
    return EXIT_INTERRUPTED if result.stopped else 1 if result.failed else 0
