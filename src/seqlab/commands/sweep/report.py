"""What a sweep says before it starts and after it ends."""

from collections import Counter
from collections.abc import Sequence

from seqlab.commands.sweep.plan import Planned, State
from seqlab.commands.sweep.result import Result
from seqlab.tracking.publishing.tags import member_tag

WORDS: dict[State, str] = {
    "done": "done already",
    "running": "running already",
    "queued": "queued already",
    "failed": "to try again",
    "new": "to run",
}
LONGEST_ERROR = 400


def outline(name: str, plan: Sequence[Planned], *, listed: bool) -> str:
    """How many members there are, and how many of them are there already; `listed`: each of them, with its settings."""
    counts = Counter(each.state for each in plan)
    states = ", ".join(f"{counts[state]} {word}" for state, word in WORDS.items() if counts[state])
    lines = [f"Sweep {name}: {len(plan)} member{'s' * (len(plan) != 1)}, {states}"]
    if listed:
        width = max(len(each.name) for each in plan)
        lines += [f"  {each.name:{width}}  {each.state:7}  {' '.join(each.member.settings)}" for each in plan]
    return "\n".join(lines)


def closing(name: str, result: Result) -> str:
    """How the sweep ended, each failure with its reason and its log, and where to look next."""
    lines = [f"Sweep {name}: {len(result.done)} done, {len(result.failed)} failed, {len(result.stopped)} stopped"]
    for failed, reason in result.failed.items():
        lines += [
            f"  failed {failed}: {reason:.{LONGEST_ERROR}}",
            f"    log: {result.log(failed)}",
        ]
    if result.failed:
        lines.append("  The same command runs the failed ones again; what is done stays.")
    if result.stopped:
        lines.append(f"  {result.advice}")
    return "\n".join(
        [
            *lines,
            "",
            "DVC      dvc exp show --only-changed --drop '.*/' --sort-by bleu",
            f"MLflow   make ui; group runs by the tag sweep, or search tags.`{member_tag(name)}` LIKE '%'",
            f"Compare  seqlab compare --filter 'tags.`{member_tag(name)}` LIKE \"%\"'",
        ]
    )
