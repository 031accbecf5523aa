"""The command `seqlab ci`."""

from pathlib import Path

from seqlab.commands.ci.integration import Integration, integrate
from seqlab.commands.ci.lock import Lock
from seqlab.commands.ci.markdown import render_summary
from seqlab.commands.ci.reproduction import StageOutcome
from seqlab.core.atomic import write_text
from seqlab.core.errors import SeqlabError
from seqlab.results.paths import LOCK
from seqlab.system.output_file import replaced
from seqlab.system.terminal import say


def run(start: Path, base: str, output: Path | None, remote: str | None, *, locked: bool) -> None:
    """Run the pipeline of the working copy around `start`; write the comparison with `base` to `output`, or print it.

    Raises:
        SeqlabError: a stage failed, or `locked` and dvc.lock is stale; the comparison is written all the same.
    """
    place = replaced(output) if output else None
    integration = integrate(start, base, remote)
    summary = render_summary(integration)
    if place is None:
        say(summary)
    else:
        write_text(place, summary)
    _check(integration, locked=locked)


def _check(integration: Integration, *, locked: bool) -> None:
    if not integration.reproduction.succeeded:
        failed = ", ".join(integration.reproduction.with_outcome(StageOutcome.FAILED)) or "before any stage"
        raise SeqlabError(f"`dvc repro` failed ({failed}); what it says of it stands above")
    if locked and integration.lock in (Lock.STALE, Lock.ABSENT):
        raise SeqlabError(f"{LOCK} in this commit is not of its parameters and code; run `dvc repro` and commit {LOCK}")
