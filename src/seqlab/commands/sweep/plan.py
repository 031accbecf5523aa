"""What is there already of a sweep, and what remains to be run."""

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import count
from typing import Literal, Protocol

from seqlab.commands.sweep.experiments import Experiments
from seqlab.commands.sweep.members import Member, recipe_digest
from seqlab.params.params import Params

# done: an experiment of this recipe is there; queued, running: an earlier sweep left it so; failed: it is to be tried
# again; new: it is to be run.
State = Literal["done", "queued", "running", "failed", "new"]


class Attempt(Protocol):
    """An earlier try of a member that did not leave an experiment: a task of a queue, or a job of a cluster."""

    @property
    def state(self) -> State:
        """How it is with it; never new."""

    def is_of(self, params: Params, experiments: Experiments) -> bool:
        """Whether it is of this recipe."""


@dataclass(frozen=True)
class Planned:
    """A member under the name that its experiment has or will have."""

    member: Member
    state: State

    @property
    def name(self) -> str:
        """The experiment's name."""
        return self.member.name


def make_plan(members: Sequence[Member], experiments: Experiments, tasks: Mapping[str, Attempt]) -> list[Planned]:
    """The members with their states.

    An experiment of a member's recipe is the member's, whatever sweep made it. Where one of another recipe has a
    member's name, the member's is numbered: nothing finished is replaced.
    """
    done = find_done(members, experiments)
    revisions = experiments.revisions()
    return [
        Planned(replace(member, name=done[member.name]), "done")
        if member.name in done
        else _open(member, experiments, revisions, tasks)
        for member in members
    ]


def find_done(members: Sequence[Member], experiments: Experiments) -> dict[str, str]:
    """Name of a member → name of the finished experiment of its recipe, its own where there are several."""
    found: dict[str, set[str]] = defaultdict(set)
    for name, revision in experiments.revisions().items():
        if (params := experiments.params(revision)) is not None:
            found[recipe_digest(params)].add(name)
    recipes = {member.name: recipe_digest(member.params) for member in members}
    return {
        name: name if name in found[recipe] else min(found[recipe])
        for name, recipe in recipes.items()
        if recipe in found
    }


def numbered(name: str) -> Iterator[str]:
    """The name of an experiment, and what it is called instead where others have it."""
    yield name
    yield from (f"{name}-{number}" for number in count(2))


def _open(
    member: Member, experiments: Experiments, revisions: Mapping[str, str], tasks: Mapping[str, Attempt]
) -> Planned:
    for name in numbered(member.name):
        if name in revisions:
            continue
        named, task = replace(member, name=name), tasks.get(name)
        if task is None or task.state == "done":
            return Planned(named, "new")
        if task.state == "failed":
            return Planned(named, "failed")
        if task.is_of(member.params, experiments):
            return Planned(named, task.state)
    raise AssertionError("unreachable")
