"""Members of a sweep, brought to their end: planned, run where they are not done, published to MLflow."""

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from seqlab.commands.sweep.executor import Executor, make_executor
from seqlab.commands.sweep.experiments import Experiments
from seqlab.commands.sweep.members import Member
from seqlab.commands.sweep.plan import Planned
from seqlab.commands.sweep.report import closing, outline
from seqlab.commands.sweep.result import Result
from seqlab.commands.sweep.runs import experiment_fingerprint, tag_runs
from seqlab.commands.sweep.where import Where
from seqlab.system.git import check_identity
from seqlab.tracking.home import find_home
from seqlab.tracking.publishing.decisions import note_sweep
from seqlab.tracking.publishing.sync import sync


def run_members(
    root: Path,
    members: Sequence[Member],
    *,
    name: str,
    where: Where,
    dry_run: bool,
    say: Callable[[str], None],
) -> Result:
    """Run those members that are not done as DVC experiments, and tag the runs of all that are.

    Args:
        root: The working copy.
        members: Of one sweep, each of a recipe of its own.
        name: Name of the sweep, by which MLflow groups the runs.
        where: Where they run, and how many at one time.
        dry_run: List the members, and run nothing.
        say: Takes what people want to know.

    Raises:
        SeqlabError: DVC, MLflow or the cluster refuses.
    """
    executor = make_executor(root, where)
    return run_plan(root, executor, executor.plan(members), name=name, dry_run=dry_run, say=say)


def run_plan(
    root: Path,
    executor: Executor,
    plan: Sequence[Planned],
    *,
    name: str,
    dry_run: bool,
    say: Callable[[str], None],
) -> Result:
    """As `run_members`, of members that the executor has planned."""
    say(outline(name, plan, listed=dry_run))
    # Of the commit that is checked out now: by the end it may be another.
    experiments = Experiments(root)
    if untracked := experiments.untracked():
        say(f"warning: git does not know {', '.join(untracked)}: the members run without; `git add` them")
    if dry_run:
        return Result()
    check_identity(root)
    result = executor.run(plan)
    say(closing(name, result))
    _publish(root, name, result, experiments.revisions(), say)
    return result


def _publish(root: Path, name: str, result: Result, revisions: Mapping[str, str], say: Callable[[str], None]) -> None:
    """Bring MLflow up to date, and tag the members' runs there."""
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
