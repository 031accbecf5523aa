"""Members brought to their outcomes: read from finished experiments, run where there are none.

Nothing else is asked, so that a search is a projection of what is there: the experiments with their results, and the
failures that are remembered where members ran.
"""

import math
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from seqlab.commands.search.objective import Objective
from seqlab.commands.search.trials import TrialResult
from seqlab.commands.sweep.execution import run_members, run_plan
from seqlab.commands.sweep.executor import Executor, make_executor
from seqlab.commands.sweep.experiments import Experiments
from seqlab.commands.sweep.members import Member
from seqlab.commands.sweep.plan import Planned, find_done
from seqlab.commands.sweep.report import LONGEST_ERROR
from seqlab.commands.sweep.where import Where
from seqlab.core.errors import SeqlabError
from seqlab.results.parsing import DamagedError, parse_json
from seqlab.results.paths import TRAINING
from seqlab.results.records import Training
from seqlab.system.dvc_library import output_at

# What a recipe fails by on every try: what training and the tokenizers refuse, and memory that is not there.
OWN_FAILURE = re.compile(r"train: the numbers went wrong|(?:train|evaluate): out of memory|tokenize: (?!.*make room)")


class Stopped(Exception):  # noqa: N818 (as training's Interrupted: it is no error)
    """Ctrl-C or SIGTERM; what was done is kept."""


@dataclass(frozen=True)
class Known:
    """How far members are that a search asks for.

    Attributes:
        members: In the order in which the search asks.
        found: Name of a member → what came of it, as far as there is anything.
        executor: Of where members run; None where nothing is missing.
        plan: Of the members of which there is nothing, in their order.
    """

    members: Sequence[Member]
    found: Mapping[str, TrialResult]
    executor: Executor | None = None
    plan: Sequence[Planned] = ()

    @property
    def missing(self) -> list[Member]:
        """The members of which there is nothing."""
        return [member for member in self.members if member.name not in self.found]

    @property
    def outcomes(self) -> list[TrialResult]:
        """What came of all members, in their order."""
        return [self.found[member.name] for member in self.members]


class Runs:
    """Runs members as those of the sweep `name` of working copy `root`."""

    def __init__(self, root: Path, name: str, where: Where, objective: Objective, say: Callable[[str], None]) -> None:
        self._root = root
        self._name = name
        self._where = where
        self._objective = objective
        self._say = say
        self._experiments = Experiments(root)
        self._trained: dict[str, Training] = {}

    def known(self, members: Sequence[Member]) -> Known:
        """How far members are; where they run is asked of those that are not done here.

        Raises:
            SeqlabError: a result is damaged, or something is missing that members need where they run.
        """
        found = self._finished(members)
        missing = [member for member in members if member.name not in found]
        if not missing:
            return Known(members, found)
        self._experiments.check_baseline()
        executor = make_executor(self._root, self._where)
        plan = {member.name: planned for member, planned in zip(missing, executor.plan(missing), strict=True)}
        # Planning fetches what others ran.
        found |= self._finished([member for member in missing if plan[member.name].state == "done"])
        for name, planned in plan.items():
            # Of what is not remembered any more, it is run again.
            if planned.state == "failed" and OWN_FAILURE.match(why := executor.failure(planned)):
                found[name] = TrialResult(planned.name, None, why)
        return Known(members, found, executor, [each for name, each in plan.items() if name not in found])

    def complete(self, known: Known, heading: str) -> list[TrialResult]:
        """What came of the members, in their order; those that are not done are run first, under the heading.

        Raises:
            Stopped: Ctrl-C or SIGTERM.
            SeqlabError: a member failed, and not by what it is made of; or DVC or MLflow refuses.
        """
        missing = known.missing
        if not missing or known.executor is None:
            return known.outcomes
        self._say(f"{heading}: {len(known.members)} member{'s' * (len(known.members) != 1)}, {len(missing)} to run")
        found = self._run(known.executor, missing, known.plan)
        return Known(known.members, {**known.found, **found}).outcomes

    def preview(self, members: Sequence[Member]) -> None:
        """Say which members there are, and run none."""
        run_members(self._root, members, name=self._name, where=self._where, dry_run=True, say=self._say)

    def publish(self, members: Sequence[Member]) -> None:
        """Say where to look at members that are done, and see to it that MLflow groups them all."""
        run_members(self._root, members, name=self._name, where=self._where, dry_run=False, say=self._say)

    def _run(self, executor: Executor, members: Sequence[Member], plan: Sequence[Planned]) -> dict[str, TrialResult]:
        opening = f"Sweep {self._name}: "

        # How each round begins and ends as a sweep, and where to look, is said once, when the search has ended.
        def say(text: str) -> None:
            if not text.startswith(opening):
                self._say(text)

        result = run_plan(self._root, executor, plan, name=self._name, dry_run=False, say=say)
        for name, why in result.failed.items():
            self._say(f"failed {name}: {why:.{LONGEST_ERROR}}\n  log: {result.log(name)}")
        if result.interrupted:
            if result.stopped and self._where.on != "local":
                # What still runs there, and how to cancel it.
                self._say(result.advice)
            raise Stopped
        if others := [name for name, why in result.failed.items() if not OWN_FAILURE.match(why)]:
            raise SeqlabError(
                f"search {self._name} stops: {', '.join(others)} failed, and not by the parameters alone. What is "
                "tried next depends on every member; the same command runs the failed ones again, and goes on"
            )
        found = self._finished(members)
        for member, planned in zip(members, plan, strict=True):
            if member.name not in found:
                found[member.name] = TrialResult(planned.name, None, result.failed[planned.name])
        return found

    def _finished(self, members: Sequence[Member]) -> dict[str, TrialResult]:
        """Name of a member → what its experiment came to, of those that are done."""
        done, revisions = find_done(members, self._experiments), self._experiments.revisions()
        return {member: self._outcome(name, revisions[name]) for member, name in done.items()}

    def _outcome(self, name: str, revision: str) -> TrialResult:
        if revision not in self._trained:
            text = output_at(self._root, revision, TRAINING)
            try:
                self._trained[revision] = parse_json(text.encode("utf-8"), Training)
            except DamagedError:
                raise _damaged(revision) from None
        training = self._trained[revision]
        value: float | None = getattr(training.best, self._objective.key)
        if value is None or not math.isfinite(value):
            raise _damaged(revision)
        return TrialResult(name, value, epochs=training.epochs)


def _damaged(revision: str) -> SeqlabError:
    return SeqlabError(f"{TRAINING} of experiment {revision[:10]} is damaged, or of another version")
