"""A moving average of the parameters."""

from collections.abc import Sequence
from typing import cast

import torch
from torch import Tensor
from torch.optim.swa_utils import AveragedModel

from seqlab.seq2seq.model.seq2seq import Seq2Seq


class ParameterAverage:
    """The exponential moving average of a model's parameters over the optimizer steps (Polyak and Juditsky 1992).

    After step n it moves to the new parameters by 1 − min(decay, n / (9 + n)), so that the first steps count for little
    in the end, whatever the decay.

    Args:
        model: The model that is trained; the average begins with its parameters.
        decay: 0 ≤ decay < 1; about 1 / (1 − decay) steps count.
    """

    def __init__(self, model: Seq2Seq, decay: float) -> None:
        self._decay = decay
        self._averaged = AveragedModel(model, multi_avg_fn=self._move)
        self.restore(0)

    @property
    def model(self) -> Seq2Seq:
        """The model with the average parameters."""
        return cast(Seq2Seq, self._averaged.module)

    def update(self, model: Seq2Seq) -> None:
        """Take in the parameters after one more step."""
        self._averaged.update_parameters(model)

    def weight(self, step: int) -> float:
        """By how much it moves to the parameters after this step."""
        return 1 - min(self._decay, step / (9 + step))

    def restore(self, steps: int) -> None:
        """Go on after so many steps, whose average `model` now has."""
        # PyTorch counts the models averaged, and at 0 would copy the next one.
        self._averaged.n_averaged.fill_(steps + 1)

    @torch.no_grad()
    def _move(self, averaged: Sequence[Tensor], current: Sequence[Tensor], _count: Tensor | int) -> None:
        # What is passed is a copy on the model's device, and to ask for it would be to wait for the device.
        torch._foreach_lerp_(list(averaged), list(current), self.weight(int(self._averaged.n_averaged)))
