"""Exposure bias in words."""

from collections.abc import Sequence

from seqlab.pages.wording import figure
from seqlab.results.exposure import mean_losses
from seqlab.results.records import Exposure


def exposure_bias(rows: Sequence[Exposure]) -> str:
    """What reading its own words costs the model, over all positions; empty where there is none."""
    means = mean_losses(rows)
    if means is None:
        return ""
    gold, own = means
    return (
        f"The true token costs the model {figure(gold, 2)} nats after the true words and {figure(own, 2)} after its "
        f"own: reading back its errors costs it {figure(own - gold, 2)} nats a token."
    )
