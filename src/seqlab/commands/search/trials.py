"""The trials of a search: what was proposed, what came of it, and what is to be run next."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from seqlab.commands.search.halving import EPOCHS, ahead, check_halving, places, rungs
from seqlab.commands.search.objective import Objective
from seqlab.commands.search.proposals import ATTEMPTS, Told, propose
from seqlab.commands.search.space import Space, Value, Values
from seqlab.commands.sweep.members import Member, make_members
from seqlab.commands.sweep.names import LONGEST, member_names
from seqlab.core.errors import SeqlabError
from seqlab.tracking.fingerprint.canonical import digest, flatten

DIGITS_OF_A_DIGEST = 6


@dataclass(frozen=True)
class TrialResult:
    """What came of a member: the name of its experiment, its value and the epochs it trained; or why it failed."""

    name: str
    value: float | None
    failure: str = ""
    epochs: int = 0


@dataclass(frozen=True)
class Trial:
    """A trial, counted from 1.

    Attributes:
        number: In the order in which trials were proposed.
        values: Its combination.
        member: The member of a sweep that it is; of one that fell behind, the last that ran.
        outcome: What came of that member.
        rungs: Where trials are halved: epochs after which it was compared → what came of it.
        pruned: Whether it fell behind, and was not trained to its end.
    """

    number: int
    values: dict[str, Value]
    member: Member
    outcome: TrialResult
    rungs: Mapping[int, TrialResult] = field(default_factory=dict)
    pruned: bool = False

    @property
    def intermediate(self) -> dict[int, float]:
        """Epochs after which it was compared → its value then."""
        return {epochs: each.value for epochs, each in self.rungs.items() if each.value is not None}

    @property
    def comparable(self) -> float | None:
        """The value that every trial has unless it failed: the last one, or where trials are halved the first."""
        return next(iter(self.intermediate.values()), None) if self.rungs else self.outcome.value

    @property
    def epochs(self) -> int:
        """The epochs that were trained of it; a training that failed counts for nothing."""
        return max((each.epochs for each in self.rungs.values()), default=self.outcome.epochs)


@dataclass(frozen=True)
class Budget:
    """How many trials there are, how many of them are proposed at one time, and the seed of what is proposed.

    `halving`: whether the better half of a round trains on, at a quarter and at half of the epochs.
    """

    trials: int
    round: int
    seed: int
    halving: bool = False


@dataclass
class _Started:
    """A trial of the round under way."""

    values: dict[str, Value]
    whole: Member
    member: Member
    outcomes: dict[int, TrialResult] = field(default_factory=dict)


class Trials:
    """The trials so far, in the order in which they were proposed; knows nothing of how members are run.

    `refused` maps combinations to why their parameters are no valid ones. `rungs`, known with the first round: after
    how many epochs trials are compared; those of a whole training alone, where they are not halved.

    Raises:
        SeqlabError: the trials cannot be halved.
    """

    def __init__(self, root: Path, space: Space, objective: Objective, budget: Budget) -> None:
        if budget.halving:
            check_halving(space, budget.round)
        self._root = root
        self._space = space
        self._objective = objective
        self._budget = budget
        self._round: list[_Started] = []
        # Those of the round that are compared next, and after which of the epochs.
        self._open: list[_Started] = []
        self._rung = 0
        self._made: dict[tuple[Value, ...], Member] = {}
        self._names: set[str] = set()
        self.rungs: tuple[int, ...] = ()
        self.refused: dict[tuple[Value, ...], str] = {}
        self.done: list[Trial] = []

    @property
    def refusals(self) -> Counter[str]:
        """Why combinations were refused, in the order in which it was found, and how many."""
        return Counter(self.refused.values())

    @property
    def halving(self) -> bool:
        """Whether trials are halved."""
        return self._budget.halving

    @property
    def round(self) -> int:
        """The number of the round that is next or under way, from 0."""
        return -(-len(self.done) // self._budget.round)

    @property
    def epochs(self) -> int:
        """How many epochs the members have that are to be run next."""
        return self.rungs[self._rung]

    def propose(self) -> list[Member]:
        """The members to run next: those of the next round, or of what goes on of this one; none after the last.

        Raises:
            SeqlabError: no combination of the space is one of valid parameters, the message says why of one; or
                trainings are too short to be halved.
        """
        if not self._open:
            self._begin_round()
        return [each.member for each in self._open]

    def tell(self, outcomes: Sequence[TrialResult]) -> None:
        """Take in what came of the members that were proposed last, in their order."""
        for each, outcome in zip(self._open, outcomes, strict=True):
            each.outcomes[self.epochs] = outcome
        self._rung += 1
        self._open = self._going_on([each.value for each in outcomes]) if self._rung < len(self.rungs) else []
        if not self._open:
            self.done += [self._ended(number, each) for number, each in enumerate(self._round, len(self.done) + 1)]

    def told(self) -> list[Told]:
        """What Optuna is told."""
        return [Told(each.values, each.outcome.value, each.intermediate, pruned=each.pruned) for each in self.done]

    def compared(self) -> list[Told]:
        """The trials with a value that all have, after the same epochs."""
        return [Told(each.values, each.comparable) for each in self.done]

    def best(self, count: int) -> list[Trial]:
        """The best of the trials that were trained to their end, of equal ones the earlier first."""
        return self.ranked([each for each in self.done if not each.pruned])[:count]

    def ranked(self, trials: Sequence[Trial]) -> list[Trial]:
        """Those of the trials that have a value, the best first."""
        return ranked(trials, self._objective)

    def with_seeds(self, trial: Trial, count: int) -> list[Member]:
        """The trial's combination with so many further seeds, those after its own."""
        first = trial.member.params.seed + 1
        return [
            self._member(self._space.settings_with(trial.values, "seed", seed), trial.values, more=("seed",))
            for seed in range(first, first + count)
        ]

    def _begin_round(self) -> None:
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
        self._rung = 0
        wholes = [(values, self._made[tuple(values.values())]) for values in combinations]
        if not self.rungs:
            epochs = wholes[0][1].params.train.epochs
            self.rungs = rungs(epochs) if self.halving else (epochs,)
        self._round = [_Started(values, whole, self._at_rung(values, whole)) for values, whole in wholes]
        self._open = list(self._round)

    def _going_on(self, values: Sequence[float | None]) -> list[_Started]:
        """Those that are not behind, as the members that they are at the next rung."""
        found = [self._open[place] for place in ahead(values, self._objective, places(len(self._round), self._rung))]
        for each in found:
            each.member = self._at_rung(each.values, each.whole)
        return found

    def _at_rung(self, values: Values, whole: Member) -> Member:
        """The member that has the epochs of this rung; the last is an ordinary one."""
        if not self.halving or self.epochs == whole.params.train.epochs:
            return whole
        return self._member(self._space.settings_with(values, EPOCHS, self.epochs), values, more=(EPOCHS,))

    def _ended(self, number: int, each: _Started) -> Trial:
        reached, outcome = list(each.outcomes.items())[-1]
        pruned = outcome.value is not None and reached < self.rungs[-1]
        compared = each.outcomes if self.halving else {}
        return Trial(number, each.values, each.member, outcome, compared, pruned=pruned)

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


def ranked(trials: Sequence[Trial], objective: Objective) -> list[Trial]:
    """Those of the trials that have a value, the best first, of equal ones the earlier first."""
    found = [(objective.rank(each.outcome.value), each) for each in trials if each.outcome.value is not None]
    return [trial for _, trial in sorted(found, key=lambda pair: pair[0])]
