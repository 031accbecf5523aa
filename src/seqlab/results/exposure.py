"""Losses by target position: the positions that enough sentences reach, and the means over all tokens."""

import math
from collections.abc import Sequence

from seqlab.results.records import Exposure

# Of the sentences that have a first token, this part must reach a position for its mean to be shown.
REACHED = 1 / 20


def common_positions(rows: Sequence[Exposure]) -> list[Exposure]:
    """The positions that enough sentences reach."""
    return [row for row in rows if row.tokens >= REACHED * rows[0].tokens]


def mean_losses(rows: Sequence[Exposure]) -> tuple[float, float] | None:
    """Means over all tokens of the losses after the true prefix and after the model's own; None if there are none."""
    known = [(row.tokens, row.gold_nll, row.own_nll) for row in rows]
    finite = [(tokens, gold, own) for tokens, gold, own in known if gold is not None and own is not None]
    total = sum(tokens for tokens, _, _ in finite)
    if not total:
        return None
    gold, own = (math.fsum(row[0] * row[column] for row in finite) / total for column in (1, 2))
    return gold, own
