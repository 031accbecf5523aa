"""What `seqlab sweep` does, from the grid to the summary."""

import re
from collections.abc import Callable, Sequence
from pathlib import Path

from seqlab.commands.sweep.experiments import Experiments
from seqlab.commands.sweep.grid import DEFAULT_GRID
from seqlab.commands.sweep.members import make_members
from seqlab.commands.sweep.plan import make_plan
from seqlab.commands.sweep.queue import Queue
from seqlab.commands.sweep.report import closing, outline
from seqlab.commands.sweep.runs import experiment_fingerprint, tag_runs
from seqlab.commands.sweep.sweep import Result, Sweep
from seqlab.core.errors import SeqlabError
from seqlab.system.git import check_identity
from seqlab.tracking.home import find_home
from seqlab.tracking.publishing.decisions import note_sweep
from seqlab.tracking.publishing.sync import sync

EXIT_INTERRUPTED = 130
NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,40}")


def run_sweep(
    start: Path,
    settings: Sequence[str],
    *,
    name: str,
    jobs: int,
    dry_run: bool,
    say: Callable[[str], None],
) -> int:
    """Run a grid as DVC experiments; return the exit status: 0, 1 if a member failed, 130 if it was interrupted.

    Args:
        start: A folder of the working copy.
        settings: As after `dvc exp run --queue -S`; none: the default grid.
        name: Name of the sweep, by which MLflow groups the runs.
        jobs: Members that run at one time.
        dry_run: List the members, and run nothing.
        say: Takes what people want to know.

    Raises:
        SeqlabError: the grid is refused, before anything is queued; or DVC or MLflow refuses.
    """
    if not NAME.fullmatch(name):
        raise SeqlabError(f"--name {name}: use at most 40 letters, digits, - and _, beginning with a letter or digit")
    root = find_home(start).root
    members = make_members(root, settings or DEFAULT_GRID)
    experiments, queue = Experiments(root), Queue(root)
    queue.fail_abandoned()
    plan = make_plan(members, experiments, queue.tasks())
    say(outline(name, plan, listed=dry_run))
    if untracked := experiments.untracked():
        say(f"warning: git does not know {', '.join(untracked)}: the members run without; `git add` them")
    if dry_run:
        return 0
    check_identity(root)
    result = Sweep(root, plan, jobs).run()
    say(closing(name, result))
    _publish(root, name, result, say)
    return EXIT_INTERRUPTED if result.stopped else 1 if result.failed else 0


def _publish(root: Path, name: str, result: Result, say: Callable[[str], None]) -> None:
    """Bring MLflow up to date, and tag the members' runs there."""
    revisions = Experiments(root).revisions()
    fingerprints = {each: experiment_fingerprint(root, revisions[each]) for each in result.done}
    for member, fingerprint in fingerprints.items():
        # To the journal first: whatever server is asked next, now or another day, hears of it from there.
        note_sweep(find_home(root), fingerprint, name, member)
    say(str(sync(root)).splitlines()[0])
    missing = tag_runs(root, name, fingerprints)
    if missing:
        say(
            f"{', '.join(missing)}: restored from DVC's cache, and not in MLflow yet: "
            "`dvc exp apply` one of them, then `seqlab sync` publishes it"
        )
