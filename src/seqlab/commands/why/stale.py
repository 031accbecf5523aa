"""Whether the results at hand are those of the present parameters, data and code; and if not, what changed."""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from seqlab.commands.why.stage import explain_stages
from seqlab.core.errors import SeqlabError
from seqlab.tracking.fingerprint.pipeline import locked_stages

# A summary is short; `seqlab why` has the rest.
MOST_LINES = 12


def stale_note(root: Path, what: str, stages: Sequence[str], status: Callable[[], dict[str, list[Any]]]) -> str | None:
    """What to tell people of results that are not current, at most some lines; None of those that are.

    Args:
        root: The working copy.
        what: The results, in words.
        stages: The stages that make them.
        status: Gives what `dvc status` says.
    """
    try:
        # Before DVC, whose words for a damaged one are its parser's.
        locked_stages(root)
        if not set(stages) & set(status()):
            return None
        answers = [answer for answer in explain_stages(root, list(stages)) if answer.reasons]
    except SeqlabError as error:
        return f"Whether {what} current is unknown: {error}"
    if all(answer.harmless for answer in answers):
        # Comments or layout: it would run again, and come to the same.
        return None
    lines = [line for answer in answers for line in str(answer).splitlines()]
    if len(lines) > MOST_LINES:
        lines[MOST_LINES:] = [f"  … and {len(lines) - MOST_LINES} lines more: `seqlab why` has them all"]
    first = f"NOT CURRENT: {what} of an earlier state of this working copy. Since then:"
    return "\n".join([first, *lines, "Run `dvc repro`."])
