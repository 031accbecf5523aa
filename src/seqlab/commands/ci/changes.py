"""Parameters and metrics that differ from the base, as DVC finds them."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from seqlab.commands.ci.revision import Revision
from seqlab.core.errors import SeqlabError
from seqlab.system.dvc import ask_dvc


@dataclass(frozen=True)
class Change:
    """A value of a file that differs; None on the side that lacks it."""

    file: str
    name: str
    before: Any
    after: Any


def parameter_changes(root: Path, base: Revision) -> list[Change]:
    """Parameters of the working copy that differ from those of `base`, in the order of their names.

    Raises:
        SeqlabError: DVC cannot tell.
    """
    return _changes(ask_dvc(root, "params", "diff", operands=[base.commit]))


def metric_changes(root: Path, base: Revision) -> list[Change]:
    """Metrics likewise.

    Raises:
        SeqlabError: DVC cannot tell.
    """
    return _changes(ask_dvc(root, "metrics", "diff", operands=[base.commit]))


def _changes(answer: Any) -> list[Change]:
    try:
        return [
            Change(file, name, values.get("old"), values.get("new"))
            for file, found in sorted(answer.items())
            for name, values in sorted(found.items())
        ]
    except (AttributeError, TypeError):
        raise SeqlabError("DVC answered in another form than DVC 3 does") from None
