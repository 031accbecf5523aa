"""What to try next, by Optuna's tree-structured Parzen estimator (Bergstra et al., 2011).

A round is a function of the space, the seed, its number and the outcomes of the rounds before it: a study is made anew
for each round, and told them in the order in which they were proposed. So nothing is kept that could be lost, and
neither the order in which members end nor the moment at which a search is interrupted changes what is proposed.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
import optuna
from optuna.samplers import TPESampler
from optuna.trial import FrozenTrial, TrialState, create_trial

from seqlab.commands.search.space import Space, Value, Values

# Of a small space, few combinations are left in the end; after so many in a row that are known, it is tried out.
ATTEMPTS = 100


@dataclass(frozen=True)
class Told:
    """The values of an earlier trial, and what came of it.

    Attributes:
        values: What it was given.
        outcome: Its last value; None if it failed.
        intermediate: Epochs → value, where it was compared with others on its way.
        pruned: Whether it fell behind, and was not trained to its end.
    """

    values: Values
    outcome: float | None
    intermediate: Mapping[int, float] = field(default_factory=dict)
    pruned: bool = False

    @property
    def state(self) -> TrialState:
        """Optuna's word for how it ended."""
        if self.outcome is None:
            return TrialState.FAIL
        return TrialState.PRUNED if self.pruned else TrialState.COMPLETE


def propose(
    space: Space,
    told: Sequence[Told],
    accepts: Callable[[Values], bool],
    *,
    lower_is_better: bool,
    seed: int,
    number: int,
    count: int,
) -> list[dict[str, Value]]:
    """The combinations of a round, none of which was tried before; fewer than `count` where no others are found.

    Args:
        space: What is searched.
        told: The trials of all earlier rounds, in the order in which they were proposed.
        accepts: Whether a combination is one of valid parameters; one that is not takes no trial's place.
        lower_is_better: Which outcomes are.
        seed: Of the search.
        number: Of the round, from 0.
        count: How many to propose.
    """
    study = make_study(space, told, lower_is_better=lower_is_better, seed=_stream(seed, number))
    known = {tuple(each.values.values()) for each in told}
    found: list[dict[str, Value]] = []
    rejected = 0
    while len(found) < count and rejected < ATTEMPTS:
        trial = study.ask(space.distributions)
        values = space.rounded(trial.params)
        key = tuple(values.values())
        if key in known or not accepts(values):
            # Failed trials count for nothing in what Optuna samples next.
            study.tell(trial, state=TrialState.FAIL)
            rejected += 1
            continue
        known.add(key)
        found.append(values)
        rejected = 0
    return found


def make_study(space: Space, told: Sequence[Told], *, lower_is_better: bool, seed: int) -> optuna.Study:
    """Optuna's study of these trials, in memory."""
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    study = optuna.create_study(sampler=TPESampler(seed=seed), direction="minimize" if lower_is_better else "maximize")
    study.add_trials([_frozen(space, each) for each in told])
    return study


def _frozen(space: Space, told: Told) -> FrozenTrial:
    return create_trial(
        state=told.state,
        value=told.outcome,
        intermediate_values=dict(told.intermediate),
        params=dict(told.values),
        distributions=space.distributions,
    )


def _stream(seed: int, number: int) -> int:
    """A seed of 32 bits for a round of a search."""
    return int(np.random.SeedSequence((seed, number)).generate_state(1)[0])
