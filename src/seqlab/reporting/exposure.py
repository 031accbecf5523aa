"""Exposure bias in words."""

import math
from collections.abc import Sequence

from seqlab.pages.wording import figure
from seqlab.results.records import Exposure


def exposure_bias(rows: Sequence[Exposure]) -> str:
    """What reading its own words costs the model, over all positions; empty where there is none."""
    known = [(row.tokens, row.gold_nll, row.own_nll) for row in rows]
    finite = [(tokens, gold, own) for tokens, gold, own in known if gold is not None and own is not None]
    if not finite:
        return ""
    total = sum(tokens for tokens, _, _ in finite)
    gold, own = (math.fsum(row[0] * row[column] for row in finite) / total for column in (1, 2))
    return (
        f"The true token costs the model {figure(gold, 2)} nats after the true words and {figure(own, 2)} after its "
        f"own: reading back its errors costs it {figure(own - gold, 2)} nats a token."
    )
