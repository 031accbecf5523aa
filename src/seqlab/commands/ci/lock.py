"""dvc.lock: is the one in the commit the one that this run made?"""

from enum import Enum
from typing import Any

from seqlab.core.errors import SeqlabError
from seqlab.params.yaml import parse_yaml
from seqlab.results.paths import LOCK
from seqlab.tracking.fingerprint.content import is_below


class Lock(Enum):
    """How the committed dvc.lock stands to the one that `dvc repro` left."""

    SAME = "same"
    # Parameters, code or commands are other ones: somebody changed them and did not commit what `dvc repro` made of it.
    STALE = "stale"
    # The same recipe came to other bytes: on a machine of another numerics class it may.
    OTHER_BYTES = "other bytes"
    ABSENT = "absent"


def compare_locks(committed: str | None, present: str) -> Lock:
    """Compare two dvc.lock files, given as text.

    Raises:
        SeqlabError: one is damaged.
    """
    if committed is None:
        return Lock.ABSENT
    if committed == present:
        return Lock.SAME
    return Lock.OTHER_BYTES if _recipes(committed) == _recipes(present) else Lock.STALE


def _recipes(text: str) -> dict[str, Any]:
    """Of each stage its command, its parameters, and those of its dependencies that no stage makes."""
    content = parse_yaml(text, LOCK)
    try:
        stages = content["stages"]
        made = [out["path"] for stage in stages.values() for out in stage.get("outs", [])]
        return {
            name: (
                stage["cmd"],
                stage.get("params"),
                {dep["path"]: None if is_below(dep["path"], made) else dep["md5"] for dep in stage.get("deps", [])},
            )
            for name, stage in stages.items()
        }
    except (KeyError, TypeError, AttributeError):
        raise SeqlabError(f"{LOCK} is damaged; restore it with `git checkout {LOCK}`, then `dvc repro`") from None
