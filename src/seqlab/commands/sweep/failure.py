"""Why a member of a sweep failed, by the log that was kept of it."""

import re

STAGE = ": failed to run: "
LOST_ENTRY = re.compile(r"^ERROR: .*No such file or directory: .*[/\\]runs[/\\]", re.MULTILINE)


def reason(log: str | None) -> str:
    """The last thing that its stage said before DVC's own words; DVC's, where no stage failed.

    Args:
        log: What it printed; None if it never began.
    """
    if log is None:
        return "DVC's worker ended before it began"
    lines = [line.strip() for line in log.splitlines() if line.strip()]
    errors = [line.removeprefix("ERROR: ") for line in lines if line.startswith("ERROR: ")]
    said = [line for line in lines if not line.startswith("ERROR: ")]
    if errors and not any(STAGE in line for line in errors):
        return errors[-1]
    return said[-1] if said else "it said nothing"


def stage_failed(log: str) -> bool:
    """Whether a stage failed, and not DVC beside it, which a remote may have kept from its work."""
    return STAGE in log


def mishap(log: str | None) -> str:
    """What kept a member from running, of which it is innocent, as the end of a sentence; "" if it failed of itself.

    Two workers meet in DVC's run cache: DVC 3 writes an entry under a temporary name beside the finished ones, and
    reads whatever is newest there, so that it deletes, or misses, one that another is just writing. Members meet where
    they have a stage in common, as those that differ in their seed have `download`.
    """
    if log is None:
        return "which a worker took as it ended"
    return "which met another worker in DVC's run cache" if LOST_ENTRY.search(log) else ""
