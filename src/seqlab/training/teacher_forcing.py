"""Teacher forcing: which steps are fed the truth."""

import math

import torch
from torch import Tensor

from seqlab.core.errors import SeqlabError


def ratio_at(step: int, *, schedule: str, ratio: float, decay: float, floor: float) -> float:
    """The teacher forcing ratio at an optimizer step, counted from 0 (Bengio et al. 2015, §2.4).

    constant: ratio; linear: max(floor, ratio − decay · step); exponential: ratio · decay^step; inverse_sigmoid:
    ratio · decay / (decay + exp(step / decay)). Always the probability of feeding the truth.

    Raises:
        SeqlabError: exponential with a decay above 1, which would raise the ratio.
        ValueError: no such schedule.
    """
    match schedule:
        case "constant":
            return ratio
        case "linear":
            return max(floor, ratio - decay * step)
        case "exponential":
            if decay > 1:
                raise SeqlabError(f"train.teacher_forcing_decay: the exponential schedule needs at most 1, not {decay}")
            return ratio * decay**step
        case "inverse_sigmoid":
            # decay / (decay + exp(x)) = 1 / (1 + exp(x − log decay)); exp() overflows above 709.
            return ratio / (1 + math.exp(min(step / decay - math.log(decay), 700)))
    raise ValueError(f"no such schedule: {schedule}")


def toss(granularity: str, ratio: float, batch: int, target_len: int, generator: torch.Generator) -> Tensor:
    """One coin for each step of the batch (`step`), each token (`token`), or each sentence (`sequence`).

    What is drawn does not depend on the ratio: a token fed the truth at one ratio is fed it at any higher one.

    Returns:
        (batch, target_len) bool, True where the step is fed the truth; the first column counts for nothing, for the
        first step is fed SOS.

    Raises:
        ValueError: no such granularity.
    """
    shapes = {"step": (1, target_len), "token": (batch, target_len), "sequence": (batch, 1)}
    if granularity not in shapes:
        raise ValueError(f"no such granularity: {granularity}")
    return (torch.rand(shapes[granularity], generator=generator) < ratio).expand(batch, target_len)
