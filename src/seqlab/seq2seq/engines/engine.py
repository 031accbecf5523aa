"""The seam between training, the searches, and how their numbers are computed."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal, Protocol

import torch
from torch import Tensor

from seqlab.seq2seq.engines.padded import Padded
from seqlab.seq2seq.engines.stepwise import StepwiseModel
from seqlab.seq2seq.model.dropout import Dropout
from seqlab.seq2seq.model.seq2seq import Seq2Seq

Precision = Literal["float32", "bfloat16"]


@dataclass(frozen=True)
class LossOutput:
    """The loss of a batch.

    Attributes:
        loss: Scalar, mean for each token of the target; with its gradient where gradients are enabled.
        nll: Scalar, mean negative log-likelihood for each token of the target, without label smoothing or gradient.
        tokens: Tokens of the target, ends of sentence included, padding not.
    """

    loss: Tensor
    nll: Tensor
    tokens: int


class Loss(Protocol):
    """How an engine computes a batch's loss under teacher forcing.

    Step t of the decoder is fed the true token before it where its coin says so, else the model's own argmax (Bengio et
    al. 2015), without a gradient; of words that score the same, that of the lowest id. The gradients of `loss` reach
    every parameter.
    """

    def __call__(
        self,
        model: Seq2Seq,
        source: Tensor,
        source_lengths: Tensor,
        target: Tensor,
        target_lengths: Tensor,
        coins: Tensor,
        *,
        label_smoothing: float = 0.0,
        dropout: Dropout | None = None,
    ) -> LossOutput:
        """Compute.

        Args:
            model: Encoder and decoder.
            source: (batch, source_len) ids, on the model's device; what stands after a sentence's end is never looked
                at.
            source_lengths: (batch,), each at least 1; on the CPU.
            target: (batch, target_len) labels, likewise.
            target_lengths: (batch,), each at least 1; on the CPU.
            coins: (batch, target_len) bool, True where the step is fed the truth; on the CPU. The first column counts
                for nothing, for the first step is fed SOS.
            label_smoothing: ε, spread over the whole vocabulary.
            dropout: The step's masks; None: no dropout. All engines ask for the same masks in the same order: the
                encoder's at the packed tokens of the sources, then the decoder's at the packed tokens of the targets,
                the rows in the order of falling target lengths, those of one length in the batch's.
        """


class Gradients(Protocol):
    """How an engine differentiates a batch's loss on a device that runs ahead of the program.

    As `Loss`, but that nothing in it asks the device for a value, so that a whole optimizer step is one piece of work.
    """

    def __call__(
        self,
        model: Seq2Seq,
        batch: Padded,
        key: Tensor,
        *,
        precision: Precision,
        label_smoothing: float,
        choosing: bool,
    ) -> tuple[Tensor, Tensor]:
        """Give the parameters, which have none, the gradients of the loss, summed over the tokens of the targets.

        Args:
            model: Encoder and decoder.
            batch: Padded, on the model's device.
            key: Of the dropout masks, int64, scalar, odd; another for each step.
            precision: As `autocast` takes it.
            label_smoothing: ε, spread over the whole vocabulary.
            choosing: Whether any step is free; otherwise all are fed the truth.

        Returns:
            The loss, and the negative log-likelihood without label smoothing; scalars, summed over the tokens.
        """


def _as_it_is(model: StepwiseModel) -> StepwiseModel:
    return model


@dataclass(frozen=True)
class Engine:
    """One way of computing; all give the same numbers, up to rounding.

    Attributes:
        name: plain, cpu or cuda.
        loss: Its loss.
        stepwise: A model whose steps are the engine's.
        searched: What `stepwise` gave, or an ensemble of it, as the searches are fastest. Who searches with a model
            again and again keeps it, and with it what has been captured.
        gradients: What optimizer steps on a device that runs ahead are made of; None: each waits for its figures.
    """

    name: str
    loss: Loss
    stepwise: Callable[[Seq2Seq], StepwiseModel] = _as_it_is
    searched: Callable[[StepwiseModel], StepwiseModel] = _as_it_is
    gradients: Gradients | None = None


def autocast(device: torch.device, precision: Precision) -> torch.autocast:
    """The context in which a loss is computed in this precision."""
    return torch.autocast(device.type, torch.bfloat16, enabled=precision == "bfloat16")
