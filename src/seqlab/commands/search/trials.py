"""The trials of a search: what was proposed, what came of it, and what is proposed next."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from seqlab.commands.search.objective import Objective
from seqlab.commands.search.proposals import ATTEMPTS, Told, propose
from seqlab.commands.search.space import Space, Value, Values
from seqlab.commands.sweep.members import Member, make_members
from seqlab.commands.sweep.names import LONGEST, member_names
from seqlab.core.errors import SeqlabError
from seqlab.tracking.fingerprint.canonical import digest, flatten

DIGITS_OF_A_DIGEST = 6


@dataclass(frozen=True)
class Outcome:
    """What came of a member: the name of its experiment and its value; or why it failed."""

    name: str
    value: float | None
    failure: str = ""


@dataclass(frozen=True)
class Trial:
    """A trial, counted from 1: its combination, the member of a sweep that it is, and what came of it."""

    number: int
    values: dict[str, Value]
    member: Member
    outcome: Outcome


@dataclass(frozen=True)
class Budget:
    """How many trials there are, how many of them are proposed at one time, and the seed of what is proposed."""

    trials: int
    round: int
    seed: int


class Trials:
    """The trials so far, in the order in which they were proposed; knows nothing of how members are run.

    `refused` maps combinations to why their parameters are no valid ones.
    """

    def __init__(self, root: Path, space: Space, objective: Objective, budget: Budget) -> None:
        self._root = root
        self._space = space
        self._objective = objective
        self._budget = budget
        self._proposed: list[tuple[dict[str, Value], Member]] = []
        self._made: dict[tuple[Value, ...], Member] = {}
        self._names: set[str] = set()
        self.refused: dict[tuple[Value, ...], str] = {}
        self.done: list[Trial] = []

    @property
    def refusals(self) -> Counter[str]:
        """Why combinations were refused, in the order in which it was found, and how many."""
        return Counter(self.refused.values())

    @property
    def round(self) -> int:
        """The number of the round that is next, from 0."""
        return -(-len(self.done) // self._budget.round)

    def propose(self) -> list[Member]:
        """The members of the next round; none after the last.

        Raises:
            SeqlabError: no combination of the space is one of valid parameters; the message says why of one.
        """
        combinations = propose(
            self._space,
            self.told(),
            self._accepts,
            lower_is_better=self._objective.lower_is_better,
            seed=self._budget.seed,
            number=self.round,
            count=min(self._budget.round, self._budget.trials - len(self.done)),
        )
        if not combinations and not self.done:
            raise SeqlabError(
                f"no combination of this space was accepted, of {ATTEMPTS}; the first: "
                f"{next(iter(self.refused.values()))}"
            )
        self._proposed = [(values, self._made[tuple(values.values())]) for values in combinations]
        return [member for _, member in self._proposed]

    def tell(self, outcomes: Sequence[Outcome]) -> None:
        """Take in what came of the members that were proposed last, in their order."""
        for (values, member), outcome in zip(self._proposed, outcomes, strict=True):
            self.done.append(Trial(len(self.done) + 1, values, member, outcome))

    def told(self) -> list[Told]:
        """What Optuna is told."""
        return [Told(each.values, each.outcome.value) for each in self.done]

    def best(self, count: int) -> list[Trial]:
        """The best trials, of equal ones the earlier first."""
        ranked = [
            (self._objective.rank(each.outcome.value), each) for each in self.done if each.outcome.value is not None
        ]
        return [trial for _, trial in sorted(ranked, key=lambda pair: pair[0])][:count]

    def with_seeds(self, trial: Trial, count: int) -> list[Member]:
        """The trial's combination with so many further seeds, those after its own."""
        first = trial.member.params.seed + 1
        return [
            self._member(self._space.with_seed(trial.values, seed), trial.values, more=("seed",))
            for seed in range(first, first + count)
        ]

    def _accepts(self, values: Values) -> bool:
        key = tuple(values.values())
        if key in self._made or key in self.refused:
            return key in self._made
        try:
            self._made[key] = self._member(self._space.settings(values), values)
        except SeqlabError as error:
            # Without the settings, which each combination has others of.
            self.refused[key] = " ".join(str(error).partition(":\n")[2].split()) or str(error)
        return key in self._made

    def _member(self, settings: Sequence[str], values: Values, more: tuple[str, ...] = ()) -> Member:
        """An ordinary member of a sweep, named by all that is searched.

        Raises:
            SeqlabError: its parameters are refused.
        """
        (member,) = make_members(self._root, settings)
        point = flatten(member.params.model_dump())
        (name,) = member_names([point], [*values, *more])
        if name in self._names:
            # It was cut.
            name = f"{name[: LONGEST - DIGITS_OF_A_DIGEST - 1]}-{digest(list(settings))[:DIGITS_OF_A_DIGEST]}"
        self._names.add(name)
        return Member(name, member.settings, member.params)
