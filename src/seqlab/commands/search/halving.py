"""Successive halving: of the trials of a round, the better half trains on (Jamieson and Talwalkar, 2016).

Trials are compared with those of their round alone, after as many epochs each. So the epochs of a search are known
before it begins, half of those without halving, and nothing that ran earlier or ends later changes who goes on.
"""

from collections.abc import Sequence

from seqlab.commands.search.objective import Objective
from seqlab.commands.search.space import Space
from seqlab.core.errors import SeqlabError

EPOCHS = "train.epochs"
# Of the epochs and of the trials of a round: all begin, and a quarter of them trains to the end.
DIVISORS = (4, 2, 1)
FEWEST_EPOCHS = DIVISORS[0]


def check_halving(space: Space, per_round: int) -> None:
    """Check that trials of a space, so many in a round, can be halved.

    Raises:
        SeqlabError: their epochs are searched, or there is nothing in a round to compare a trial with.
    """
    if EPOCHS in space.distributions:
        raise SeqlabError(
            f"-S {EPOCHS}={space.written[EPOCHS]}: --halving compares trials after as many epochs each, and does not "
            f"search them; give one value, such as {EPOCHS}={2 * FEWEST_EPOCHS}"
        )
    if per_round < 2:
        raise SeqlabError(f"--halving compares the trials of a round, and --round {per_round} has one; take 4 or more")


def rungs(epochs: int) -> tuple[int, ...]:
    """After how many epochs trials are compared: a quarter of theirs, half of them, and all; rounded up.

    Raises:
        SeqlabError: they are too few.
    """
    if epochs < FEWEST_EPOCHS:
        raise SeqlabError(
            f"{EPOCHS} is {epochs}, and --halving compares trials after a quarter of their epochs: take "
            f"{FEWEST_EPOCHS} or more"
        )
    return tuple(-(-epochs // divisor) for divisor in DIVISORS)


def ahead(values: Sequence[float | None], objective: Objective, most: int) -> list[int]:
    """The places of the best values, at most so many, in the order of the places; of equal values the earlier one.

    Args:
        values: Of trials, in the order in which they were proposed; None of one that failed, which is nowhere ahead.
        objective: Which values are better.
        most: How many go on.
    """
    ranked = sorted((objective.rank(value), place) for place, value in enumerate(values) if value is not None)
    return sorted(place for _, place in ranked[:most])


def places(trials: int, rung: int) -> int:
    """How many of so many trials of a round train to rung 0, 1 or 2: all, the half, a quarter; rounded up."""
    return -(-trials * DIVISORS[rung] // DIVISORS[0])
