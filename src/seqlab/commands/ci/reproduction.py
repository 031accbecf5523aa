"""`dvc repro`, and what became of each stage."""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path

from seqlab.system.dvc import run_dvc
from seqlab.tracking.fingerprint.pipeline import stage_names


class StageOutcome(StrEnum):
    """What became of a stage."""

    RAN = "ran"
    RESTORED = "restored, not run"
    UNCHANGED = "unchanged, not run"
    FAILED = "failed"
    NOT_REACHED = "not reached"


# What DVC says of a stage. A later line counts more: it runs a stage whose results it could not pull.
_SAYINGS = (
    (re.compile(r"Running stage '(.+)':"), StageOutcome.RAN),
    (re.compile(r"Stage '(.+)' is cached - skipping run"), StageOutcome.RESTORED),
    (re.compile(r"Pulling data for stage: '(.+)'"), StageOutcome.RESTORED),
    (re.compile(r"Stage '(.+)' didn't change, skipping"), StageOutcome.UNCHANGED),
)


@dataclass
class Reproduction:
    """The outcome of each stage, in the pipeline's order."""

    stages: dict[str, StageOutcome] = field(default_factory=dict)
    succeeded: bool = True
    _last: str | None = None

    def listen(self, line: str) -> None:
        """Take in a line that DVC says."""
        for saying, outcome in _SAYINGS:
            if (match := saying.match(line)) and match[1] in self.stages:
                self._last = match[1]
                self.stages[match[1]] = outcome

    def with_outcome(self, outcome: StageOutcome) -> list[str]:
        """The stages that came to this."""
        return [stage for stage, found in self.stages.items() if found == outcome]

    def fail(self) -> None:
        """Note that DVC failed, and in which stage: the one that it spoke of last."""
        self.succeeded = False
        if self._last is not None:
            self.stages[self._last] = StageOutcome.FAILED


def reproduce(root: Path, *, pull: bool) -> Reproduction:
    """Run the pipeline of working copy `root`; `pull` what has been run elsewhere from the remote.

    Raises:
        SeqlabError: dvc.yaml is missing or damaged.
    """
    reproduction = Reproduction(dict.fromkeys(stage_names(root), StageOutcome.NOT_REACHED))
    if run_dvc(root, "repro", *_options(pull), each_line=reproduction.listen) != 0:
        reproduction.fail()
    return reproduction


def _options(pull: bool) -> Iterator[str]:
    if pull:
        yield "--pull"
