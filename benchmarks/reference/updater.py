"""Optimizer steps of the references: Adam, fused as ours is, and clipping."""

from collections.abc import Callable
from dataclasses import replace
from functools import partial

import torch
from torch import Tensor

from benchmarks.reference.losses import literal, teacher_forcing
from seqlab.seq2seq.classic import EncoderDecoder, training_loss
from seqlab.seq2seq.model.seq2seq import Seq2Seq
from seqlab.text.batches import Batch
from seqlab.training.seeds import generator
from seqlab.training.teacher_forcing import toss


class ReferenceUpdater:
    """Trains a reference with the coins that ours is given at the same step.

    Args:
        kind: `literal` (a step for each sentence), `step by step` or `teacher forcing`.
        ours: The model whose parameters it begins with; they are copied.
        ratio: Probability of feeding the truth; `teacher forcing` knows 1 alone.
        granularity: Of the coins.
        precision: `float32`, or `bfloat16` for autocast.
        seed: Of the coins.
    """

    def __init__(self, kind: str, ours: Seq2Seq, *, ratio: float, granularity: str, precision: str, seed: int) -> None:
        if kind == "teacher forcing" and ratio < 1:
            raise ValueError("pure teacher forcing feeds nothing but the truth")
        self._kind = kind
        self._device = next(ours.parameters()).device
        self._model = EncoderDecoder.of(ours).to(self._device)
        self._optimizer = torch.optim.Adam(self._model.parameters(), lr=1e-3, fused=True)
        self._ratio, self._granularity, self._seed = ratio, granularity, seed
        self._autocast = precision == "bfloat16"

    def update(self, batch: Batch, step: int) -> float:
        """Train on a batch; its loss, a mean (of its tokens, or for `literal` of its sentences)."""
        rows, target_len = batch.target.shape
        coins = toss(self._granularity, self._ratio, rows, target_len, generator(self._seed, "coins", step))
        coins = coins.to(self._device)
        batch = replace(batch, source=batch.source.to(self._device), target=batch.target.to(self._device))
        if self._kind == "literal":
            return sum(self._step(partial(self._sentence, batch, coins, row)) for row in range(rows)) / rows
        return self._step(partial(self._batch, batch, coins))

    def _step(self, loss_of: Callable[[], Tensor]) -> float:
        self._optimizer.zero_grad()
        with torch.autocast(self._device.type, torch.bfloat16, enabled=self._autocast):
            loss = loss_of()
        loss.backward()  # type: ignore[no-untyped-call]
        torch.nn.utils.clip_grad_norm_(self._model.parameters(), 1.0)
        self._optimizer.step()
        return loss.item()

    def _batch(self, batch: Batch, coins: Tensor) -> Tensor:
        if self._kind == "teacher forcing":
            return teacher_forcing(self._model, batch.source, batch.source_lengths, batch.target)
        return training_loss(self._model, batch.source, batch.source_lengths, batch.target, coins)

    def _sentence(self, batch: Batch, coins: Tensor, row: int) -> Tensor:
        source = batch.source[row : row + 1, : int(batch.source_lengths[row])]
        target = batch.target[row : row + 1, : int(batch.target_lengths[row])]
        return literal(self._model, source, target, coins[row : row + 1])
