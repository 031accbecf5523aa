"""Members brought to their outcomes: read from finished experiments, run where there are none.

Nothing else is asked, so that a search is a projection of what is there: the experiments with their results, and the
failures that are remembered where members ran.
"""

import re
from collections.abc import Callable, Sequence
from pathlib import Path

from pydantic import ConfigDict, ValidationError

from seqlab.commands.ci.revision import Revision
from seqlab.commands.search.objective import Objective
from seqlab.commands.search.trials import Outcome
from seqlab.commands.sweep.execution import run_members
from seqlab.commands.sweep.executor import Executor, Where, make_executor
from seqlab.commands.sweep.experiments import Experiments
from seqlab.commands.sweep.members import Member, recipe_digest
from seqlab.commands.sweep.plan import Planned
from seqlab.commands.sweep.report import LONGEST_ERROR
from seqlab.commands.sweep.sweep import Result
from seqlab.core.errors import SeqlabError
from seqlab.results.paths import TRAINING
from seqlab.results.record import Record

# What a recipe fails by on every try: what training and the tokenizers refuse, and memory that is not there.
OWN_FAILURE = re.compile(r"train: the numbers went wrong|(?:train|evaluate): out of memory|tokenize: (?!.*make room)")


class Stopped(Exception):  # noqa: N818 (as training's Interrupted: it is no error)
    """Ctrl-C or SIGTERM; what was done is kept."""


class _Best(Record):
    model_config = ConfigDict(extra="ignore", frozen=True, allow_inf_nan=False)
    bleu: float
    exact_match: float
    loss: float
    perplexity: float


class _Training(Record):
    best: _Best


class Runs:
    """Runs members as those of the sweep `name` of working copy `root`."""

    def __init__(self, root: Path, name: str, where: Where, objective: Objective, say: Callable[[str], None]) -> None:
        self._root = root
        self._name = name
        self._where = where
        self._objective = objective
        self._say = say
        self._experiments = Experiments(root)
        # Revision → digest of its parameters; "" of another code.
        self._recipes: dict[str, str] = {}
        self._values: dict[str, float] = {}

    def outcomes(self, members: Sequence[Member], heading: str) -> list[Outcome]:
        """What came of the members, in their order; those that are not done are run first, under the heading.

        Raises:
            Stopped: Ctrl-C or SIGTERM.
            SeqlabError: a member failed, and not by what it is made of; or DVC or MLflow refuses.
        """
        known = self.known(members)
        missing = [member for member in members if member.name not in known]
        if missing:
            self._say(f"{heading}: {len(members)} members, {len(missing)} to run")
            known |= self._run(missing)
        return [known[member.name] for member in members]

    def known(self, members: Sequence[Member]) -> dict[str, Outcome]:
        """Name of a member → what came of it, as far as there is anything."""
        found = self._finished(members)
        missing = [member for member in members if member.name not in found]
        return found | self._failed(missing) if missing else found

    def preview(self, members: Sequence[Member]) -> None:
        """Say which members there are, and run none."""
        self._sweep(members, self._say, dry_run=True)

    def publish(self, members: Sequence[Member]) -> None:
        """Say where to look at members that are done, and see to it that MLflow groups them all."""
        self._sweep(members, self._say)

    def _sweep(self, members: Sequence[Member], say: Callable[[str], None], *, dry_run: bool = False) -> Result:
        return run_members(self._root, members, name=self._name, where=self._where, dry_run=dry_run, say=say)

    def _plan(self, members: Sequence[Member]) -> tuple[Executor, list[Planned]]:
        executor = make_executor(self._root, self._where)
        return executor, executor.plan(members)

    def _run(self, members: Sequence[Member]) -> dict[str, Outcome]:
        opening = f"Sweep {self._name}: "
        # Under the names that their experiments will have.
        planned = [each.member for each in self._plan(members)[1]]
        # How each round begins and ends as a sweep, and where to look, is said once, when the search has ended.
        result = self._sweep(planned, lambda text: None if text.startswith(opening) else self._say(text))
        for name, why in result.failed.items():
            self._say(f"failed {name}: {why:.{LONGEST_ERROR}}\n  log: {result.log(name)}")
        if result.stopped:
            if self._where.on != "local":
                # What still runs there, and how to cancel it.
                self._say(result.advice)
            raise Stopped
        if others := [name for name, why in result.failed.items() if not OWN_FAILURE.match(why)]:
            raise SeqlabError(
                f"search {self._name} stops: {', '.join(others)} failed, and not by the parameters alone. What is "
                "tried next depends on every member; the same command runs the failed ones again, and goes on"
            )
        found = self._finished(members)
        for member, named in zip(members, planned, strict=True):
            if member.name not in found:
                found[member.name] = Outcome(named.name, None, result.failed[named.name])
        return found

    def _finished(self, members: Sequence[Member]) -> dict[str, Outcome]:
        revisions = self._experiments.revisions()
        done: dict[str, list[str]] = {}
        for name, revision in revisions.items():
            if revision not in self._recipes:
                params = self._experiments.params(revision)
                self._recipes[revision] = recipe_digest(params) if params else ""
            done.setdefault(self._recipes[revision], []).append(name)
        found = {}
        for member in members:
            if names := done.get(recipe_digest(member.params)):
                name = member.name if member.name in names else min(names)
                found[member.name] = Outcome(name, self._value(revisions[name]))
        return found

    def _value(self, revision: str) -> float:
        if revision not in self._values:
            text = Revision(self._root, revision).output(TRAINING)
            try:
                best = _Training.model_validate_json(text).best
            except ValidationError:
                raise SeqlabError(
                    f"{TRAINING} of experiment {revision[:10]} is damaged, or of another version"
                ) from None
            self._values[revision] = float(getattr(best, self._objective.key))
        return self._values[revision]

    def _failed(self, members: Sequence[Member]) -> dict[str, Outcome]:
        """The members that failed by what they are made of, as far as it is remembered where they ran."""
        executor, plan = self._plan(members)
        found = {}
        for member, planned in zip(members, plan, strict=True):
            # Of what is not remembered any more, it is run again.
            if planned.state == "failed" and OWN_FAILURE.match(why := executor.failure(planned)):
                found[member.name] = Outcome(planned.name, None, why)
        return found
