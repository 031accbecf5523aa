"""Whether the results at hand are those of the present parameters, data and code; and if not, what changed."""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from seqlab.errors import SeqlabError
from seqlab.explanation.stage import explain_stages


def stale_note(root: Path, what: str, stages: Sequence[str], status: Callable[[], dict[str, list[Any]]]) -> str | None:
    """What to tell people of results that are not current; None of those that are.

    Args:
        root: The working copy.
        what: The results, in words.
        stages: The stages that make them.
        status: Gives what `dvc status` says.
    """
    try:
        if not set(stages) & set(status()):
            return None
        answers = [answer for answer in explain_stages(root, list(stages)) if answer.reasons]
    except SeqlabError as error:
        return f"Whether {what} current is unknown: {error}"
    lines = "\n".join(map(str, answers))
    return f"NOT CURRENT: {what} of an earlier state of this working copy. Since then:\n{lines}\nRun `dvc repro`."
