"""The length penalty of beam search."""


def penalty_of(steps: int, alpha: float) -> float:
    """((5 + steps) / 6)^α, by which a log probability is divided (Wu et al. 2016, eq. 14)."""
    return float(((5 + steps) / 6) ** alpha)
