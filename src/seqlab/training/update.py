"""One optimizer step: forward, backward, clip, update."""

import math
from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from seqlab.core.errors import SeqlabError, memory_named
from seqlab.params.schema import TrainParams
from seqlab.seq2seq.engines.engine import Engine, LossOutput, autocast
from seqlab.seq2seq.model.dropout import Dropout
from seqlab.seq2seq.model.seq2seq import Seq2Seq
from seqlab.text.batches import Batch
from seqlab.training.averaging import ParameterAverage
from seqlab.training.optimizer import gradient_norm, make_optimizer, set_learning_rate
from seqlab.training.seeds import generator
from seqlab.training.teacher_forcing import ratio_at, toss


@dataclass(frozen=True, slots=True)
class StepResult:
    """What a step gave: `loss` and `nll` are means per target token, `gradient_norm` is before clipping."""

    loss: float
    nll: float
    tokens: int
    gradient_norm: float
    learning_rate: float
    teacher_forcing_ratio: float


class Updater:
    """Makes optimizer steps. What a step draws at random depends on the seed and the step alone.

    Args:
        model: The model, on its device.
        params: Of the loss and the optimizer.
        seed: Of coins and dropout.
        engine: Computes the loss.
    """

    def __init__(self, model: Seq2Seq, params: TrainParams, seed: int, engine: Engine) -> None:
        self.model = model
        self.average = ParameterAverage(model, params.average_decay) if params.average_decay else None
        self.optimizer = make_optimizer(model.parameters(), params)
        self._params = params
        self._seed = seed
        self._engine = engine
        self._device = next(model.parameters()).device

    def update(self, batch: Batch, *, step: int, learning_rate: float, place: str) -> StepResult:
        """Make optimizer step number `step` (from 1 on) on a batch; `place` names both in errors.

        Raises:
            SeqlabError: the loss or the gradient is not finite, or memory ran out; the parameters are as they were.
        """
        params, ratio = self._params, self.ratio(step)
        set_learning_rate(self.optimizer, learning_rate)
        with memory_for(batch, place):
            loss, nll = self._differentiate(batch, step, ratio)
            norm = gradient_norm(self.model.parameters())
            # One transfer from the device for all three.
            figures = torch.stack([loss.float(), nll.float(), norm.float()]).tolist()
            tokens = int(batch.target_lengths.sum())
            result = StepResult(figures[0], figures[1], tokens, figures[2], learning_rate, ratio)
            check_finite(result, batch, place)
            if 0 < params.max_grad_norm < result.gradient_norm:
                # Pascanu et al. 2013, On the difficulty of training recurrent neural networks.
                nn.utils.clip_grads_with_norm_(self.model.parameters(), params.max_grad_norm, norm)
            self.optimizer.step()
            if self.average:
                self.average.update(self.model)
        return result

    def begin(self, batch: Batch, *, step: int, learning_rate: float, place: str) -> list[StepResult]:
        """Begin a step, as `update` makes it; what is known by now of this one and of those before it, in their order.

        Raises:
            SeqlabError: as `update`, of any of these steps.
        """
        return [self.update(batch, step=step, learning_rate=learning_rate, place=place)]

    def finish(self) -> list[StepResult]:
        """What the steps gave of which nothing was known yet.

        Raises:
            SeqlabError: as `update`.
        """
        return []

    def repeated(self, work: Callable[[], None]) -> Callable[[], None]:
        """Work on the device that is done after every step, as the engine does it fastest."""
        return work

    def ratio(self, step: int) -> float:
        """The teacher forcing ratio of a step."""
        # Bengio et al. count i from the first step, 0.
        return ratio_at(
            step - 1,
            schedule=self._params.teacher_forcing_schedule,
            ratio=self._params.teacher_forcing_ratio,
            decay=self._params.teacher_forcing_decay,
            floor=self._params.teacher_forcing_floor,
        )

    def coins(self, batch: Batch, step: int, ratio: float) -> Tensor:
        """The coins of a step, (batch, target_len)."""
        rows, target_len = batch.target.shape
        granularity = self._params.teacher_forcing_granularity
        return toss(granularity, ratio, rows, target_len, generator(self._seed, "coins", step))

    @property
    def trained(self) -> Seq2Seq:
        """The model that training is for: that with the average parameters, if they are averaged."""
        return self.average.model if self.average else self.model

    def _differentiate(self, batch: Batch, step: int, ratio: float) -> tuple[Tensor, Tensor]:
        """Give the parameters their gradients; return loss and nll, means per target token, without gradient."""
        self.optimizer.zero_grad()
        output = self._forward(batch, self.coins(batch, step, ratio), generator(self._seed, "dropout", step))
        output.loss.backward()  # type: ignore[no-untyped-call]
        return output.loss.detach(), output.nll.detach()

    def _forward(self, batch: Batch, coins: Tensor, drawn: torch.Generator) -> LossOutput:
        params, device = self._params, self._device
        with autocast(device, params.precision):
            return self._engine.loss(
                self.model,
                batch.source.to(device),
                batch.source_lengths,
                batch.target.to(device),
                batch.target_lengths,
                coins,
                label_smoothing=params.label_smoothing,
                dropout=Dropout(self.model.config.dropout, drawn),
            )


def check_finite(result: StepResult, batch: Batch, place: str) -> None:
    """Refuse a step whose loss or gradient is not finite.

    Raises:
        SeqlabError: it is not.
    """
    if math.isfinite(result.loss) and math.isfinite(result.gradient_norm):
        return
    rows = ", ".join(str(row) for row in batch.indices[:5].tolist())
    raise SeqlabError(
        f"the numbers went wrong {place}: loss {result.loss}, gradient norm {result.gradient_norm}, "
        f"learning rate {result.learning_rate:g}, batch of {_shape(batch)} (rows {rows}, … of the training split). "
        "Lower train.learning_rate, or train.max_grad_norm if gradients explode. "
        "The checkpoints of earlier epochs are kept in models/"
    )


def memory_for(batch: Batch, place: str) -> AbstractContextManager[None]:
    """Turn PyTorch's message that memory ran out into one that names the step and what would help."""
    return memory_named(lambda: f"{place}, a batch of {_shape(batch)}: lower train.batch_size or model.hidden_size")


def _shape(batch: Batch) -> str:
    return f"{len(batch.source)} pairs of up to {batch.source.shape[1]} and {batch.target.shape[1]} tokens"
