"""The whole optimizer step as a device can do it alone: nothing in it asks for a value, or depends on one it knows."""

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.optim import Optimizer

from seqlab.seq2seq.engines.engine import Gradients, Precision
from seqlab.seq2seq.model.seq2seq import Seq2Seq
from seqlab.training.graphs.inputs import Inputs


@dataclass(frozen=True)
class Settings:
    """What is the same for all steps of a training.

    Attributes:
        max_grad_norm: Gradients are clipped to this norm (Pascanu et al. 2013); 0: not clipped.
        label_smoothing: ε, spread over the whole vocabulary.
        precision: In which the loss is computed.
    """

    max_grad_norm: float
    label_smoothing: float
    precision: Precision


class OptimizerStep:
    """Forward, backward, clip, update, average.

    A step whose loss or gradient is not finite changes nothing, and no step after it does.

    Args:
        model: The model.
        optimizer: A fused one over its parameters.
        averaged: The moving average of each parameter; empty: none.
        settings: Of the training.
        gradients: The engine's.
    """

    def __init__(
        self,
        model: Seq2Seq,
        optimizer: Optimizer,
        averaged: Sequence[nn.Parameter],
        settings: Settings,
        gradients: Gradients,
    ) -> None:
        self._model, self._optimizer, self._averaged, self._settings = model, optimizer, list(averaged), settings
        self._gradients_of = gradients
        self._parameters = list(model.parameters())
        device = self._parameters[0].device
        self._failed = torch.zeros((), device=device)
        # loss and nll, means for each token of the target, and the norm of the gradient before clipping.
        self.figures = torch.zeros(3, device=device)

    def __call__(self, inputs: Inputs) -> None:
        """Make a step, and leave its figures."""
        optimizer = self._optimizer
        optimizer.zero_grad()
        loss, nll, tokens = self._gradients(inputs)
        # Gradients are of the sums; the optimizer divides as it reads them.
        norm = nn.utils.get_total_norm([self._gradient(each) for each in self._parameters]).float() / tokens
        self.figures.copy_(torch.stack([loss / tokens, nll / tokens, norm]))
        self._failed.copy_(torch.maximum(self._failed, 1 - self.figures.isfinite().all().float()))
        optimizer.grad_scale, optimizer.found_inf = tokens * self._excess(norm), self._failed  # type: ignore[attr-defined]
        for group in optimizer.param_groups:
            group["lr"] = inputs.learning_rate
        optimizer.step()
        self._average(inputs.average_weight)
        # What lives longer than the step would keep its memory from the next.
        optimizer.zero_grad()
        for group in optimizer.param_groups:
            group["lr"] = 0.0
        del optimizer.grad_scale, optimizer.found_inf  # type: ignore[attr-defined]

    def _gradients(self, inputs: Inputs) -> tuple[Tensor, Tensor, Tensor]:
        """Give the parameters the gradients of the summed loss; loss and nll, summed, and how many tokens."""
        batch, settings = inputs.batch, self._settings
        loss, nll = self._gradients_of(
            self._model,
            batch,
            inputs.key,
            precision=settings.precision,
            label_smoothing=settings.label_smoothing,
            choosing=inputs.shape.choosing,
        )
        return loss.float(), nll.float(), batch.target_lengths.sum().float()

    def _excess(self, norm: Tensor) -> Tensor:
        """How many times too long the gradient is, at least 1."""
        limit = self._settings.max_grad_norm
        if limit == 0:
            return torch.ones_like(norm)
        return torch.where(norm > limit, (norm + 1e-6) / limit, torch.ones_like(norm))

    @torch.no_grad()
    def _average(self, weight: Tensor) -> None:
        weight = weight * (1 - self._failed)
        for average, parameter in zip(self._averaged, self._parameters if self._averaged else [], strict=True):
            average.lerp_(parameter, weight)

    def _gradient(self, parameter: nn.Parameter) -> Tensor:
        if parameter.grad is None:
            raise AssertionError("a parameter without a part in the loss")
        return parameter.grad
