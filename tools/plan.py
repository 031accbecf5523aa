"""The plan of `python -m tools.trainings`: which members it trains, each with all its parameters."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from seqlab.core.atomic import write_json
from seqlab.core.errors import SeqlabError
from seqlab.params.params import Params
from seqlab.system.git import find_commit
from seqlab.tracking.fingerprint.canonical import digest


@dataclass(frozen=True)
class PlannedMember:
    """All parameters of a member, and the commit at which it was planned."""

    params: Params
    commit: str

    @property
    def digest(self) -> str:
        """Names the file of its result."""
        return digest(self.params.model_dump())

    @property
    def training(self) -> str:
        """What members share that differ in `report` and `evaluate` alone, but for what validation takes of it."""
        others = self.params.model_dump(exclude={"evaluate", "report"})
        return digest([others, self.params.evaluate.tokenize])

    @property
    def data(self) -> str:
        """What members share that are trained on the same text in the same tokens."""
        return digest(self.params.model_dump(include={"corpus", "tokenizer"}))


def add(plan: Path, recipe: str, settings: Sequence[str]) -> None:
    """Add the members of a recipe to a plan that may be there."""
    commit = find_commit(Path(), "HEAD") or ""
    made = [PlannedMember(params, commit) for params in recipe_params(recipe, settings)]
    if any(member.params.origins for member in made):
        raise SeqlabError("a member names a checkpoint below models/origins; `seqlab sweep` trains such, this does not")
    both = [*(planned(plan) if plan.is_file() else []), *made]
    unique = {member.digest: member for member in both}.values()
    plan.parent.mkdir(parents=True, exist_ok=True)
    write_json(plan, [{"commit": each.commit, "params": each.params.model_dump(mode="json")} for each in unique])


def recipe_params(recipe: str, settings: Sequence[str] = ()) -> list[Params]:
    """The parameters of each member of recipes/`recipe`.txt; what is set here takes the place of what it sets."""
    from seqlab.commands.recipe import read_recipe
    from seqlab.commands.sweep.grid import swept
    from seqlab.commands.sweep.members import make_members

    own = [each for each in read_recipe(Path(), recipe) if swept([each])[0] not in swept(settings)]
    return [each.params for each in make_members(Path(), [*own, *settings])]


def planned(plan: Path) -> list[PlannedMember]:
    """The members of a plan.

    Raises:
        SeqlabError: there is no such plan.
    """
    if not plan.is_file():
        raise SeqlabError(f"{plan} is missing: --recipe makes it")
    content = json.loads(plan.read_text("utf-8"))
    return [PlannedMember(Params.model_validate(each["params"]), each["commit"]) for each in content]
