"""Optimizer steps whose batch is cut into shards: the gradient of each alone, added in their order."""

from collections.abc import Sequence

import torch
from torch import Tensor

from seqlab.params.schema import TrainParams
from seqlab.seq2seq.engines.engine import Engine
from seqlab.seq2seq.model.seq2seq import Seq2Seq
from seqlab.text.batches import Batch
from seqlab.training.processes.group import ALONE, Group
from seqlab.training.seeds import generator
from seqlab.training.update import Updater

_FIGURES = 2


class ShardedUpdater(Updater):
    """Makes optimizer steps of `train.shards` shards; see `Updater`.

    Shard v of V has rows v, v + V, … of the batch, their coins, and dropout masks of its own. Its gradient is that of
    its part in the mean over all target tokens of the batch. The shards of a batch go round the processes; after each
    round every process has the gradients of all, and adds them in the order of the shards. So every process makes the
    same step, and what a step gives depends on V, not on how many they are.

    Args:
        model: The model, on its device.
        params: Of the loss and the optimizer.
        seed: Of coins and dropout.
        engine: Computes the loss of a shard.
        group: The processes that share the work, of which this is one.
    """

    def __init__(self, model: Seq2Seq, params: TrainParams, seed: int, engine: Engine, group: Group = ALONE) -> None:
        super().__init__(model, params, seed, engine)
        self._group = group
        self._parameters = list(model.parameters())
        sizes = [parameter.numel() for parameter in self._parameters]
        # All gradients one after another, then loss and nll: what processes exchange is one tensor.
        self._own = self._parameters[0].new_zeros(sum(sizes) + _FIGURES)
        self._total = torch.zeros_like(self._own)
        *gradients, self._sums = torch.split(self._total, [*sizes, _FIGURES])
        for parameter, gradient in zip(self._parameters, gradients, strict=True):
            parameter.grad = gradient.view_as(parameter)

    def _differentiate(self, batch: Batch, step: int, ratio: float) -> tuple[Tensor, Tensor]:
        coins, shards = self.coins(batch, step, ratio), self._params.shards
        filled, size = min(shards, len(batch.source)), self._group.world_size
        for first in range(0, filled, size):
            number = first + self._group.rank
            if number < filled:
                self._compute(batch, coins, step, number)
            self._add(self._group.gather(self._own)[: filled - first], anew=first == 0)
        loss, nll = self._sums
        return loss, nll

    def _compute(self, batch: Batch, coins: Tensor, step: int, number: int) -> None:
        """Leave the gradient of a shard, its loss and its nll, each as its part in the batch's."""
        rows = slice(number, None, self._params.shards)
        output = self._forward(shard(batch, rows), coins[rows], generator(self._seed, "dropout", step, number))
        part = output.tokens / int(batch.target_lengths.sum())
        gradients = torch.autograd.grad(output.loss * part, self._parameters)
        figures = torch.stack([output.loss.detach(), output.nll]).to(self._own.dtype) * part
        torch.cat([*(gradient.reshape(-1) for gradient in gradients), figures], out=self._own)

    def _add(self, rows: Sequence[Tensor] | Tensor, *, anew: bool) -> None:
        for place, row in enumerate(rows):
            if anew and place == 0:
                self._total.copy_(row)
            else:
                self._total.add_(row)


def shard(batch: Batch, rows: slice) -> Batch:
    """Some rows of a batch, as narrow as they are."""
    source_lengths, target_lengths = batch.source_lengths[rows], batch.target_lengths[rows]
    return Batch(
        batch.source[rows, : int(source_lengths.max())],
        source_lengths,
        batch.target[rows, : int(target_lengths.max())],
        target_lengths,
        batch.indices[rows],
    )
