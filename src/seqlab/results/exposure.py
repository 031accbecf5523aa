"""Of losses by target position, those that enough sentences reach."""

from collections.abc import Sequence

from seqlab.results.records import Exposure

# Of the sentences that have a first token, this part must reach a position for its mean to be shown.
REACHED = 1 / 20


def common_positions(rows: Sequence[Exposure]) -> list[Exposure]:
    """The positions that enough sentences reach."""
    return [row for row in rows if row.tokens >= REACHED * rows[0].tokens]
