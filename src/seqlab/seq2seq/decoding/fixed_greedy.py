"""Greedy search over batches of a fixed shape."""

import torch
from torch import Tensor

from seqlab.core.special_tokens import EOS, SOS
from seqlab.seq2seq.decoding.fixed import FixedSearch
from seqlab.seq2seq.decoding.ranking import best_continuations, best_unasked, log_probabilities
from seqlab.seq2seq.engines.capture import Repeated
from seqlab.seq2seq.engines.stepwise import StepwiseModel


class FixedGreedy(FixedSearch):
    """See `seqlab.seq2seq.decoding.greedy.greedy`; `with_attention` keeps the attention weights."""

    def __init__(
        self,
        model: StepwiseModel,
        repeated: Repeated,
        shape: tuple[int, int],
        *,
        max_length: int,
        with_attention: bool,
    ) -> None:
        super().__init__(model, repeated, shape, 1, max_length)
        (rows, width), device = shape, self.device
        self._fed = torch.zeros(rows, dtype=torch.int64, device=device)
        self._tokens = torch.zeros(max_length, rows, dtype=torch.int64, device=device)
        self._log_probability = torch.zeros(rows, dtype=torch.float64, device=device)
        self._ended = torch.zeros(rows, dtype=torch.bool, device=device)
        self._attention = torch.zeros(max_length, rows, width, device=device) if with_attention else None

    def find(self, source: Tensor, source_lengths: Tensor) -> tuple[Tensor, Tensor, Tensor | None]:
        """Translate a batch.

        Returns:
            tokens (batch, steps), EOS from the end on; log probabilities (batch,); and the attention weights (batch,
            steps, source_len), if kept; all on the CPU.
        """
        batch = len(source)
        self._fed.fill_(SOS)
        self._log_probability.zero_()
        self._ended.fill_(True)[:batch] = False
        steps = self.run(source, source_lengths)
        attention = self._attention
        if attention is not None:
            attention = attention[:steps, :batch, : source.shape[1]].transpose(0, 1).cpu()
        return self._tokens[:steps, :batch].t().cpu(), self._log_probability[:batch].cpu(), attention

    def step(self) -> None:
        """One step."""
        scores, state, weights = self.model.step(self._fed, self.state, self.memory)
        before = self._log_probability
        reached, _, token = best_continuations(log_probabilities(scores)[:, None], before[:, None], 1, best_unasked)
        token = token.squeeze(1).masked_fill(self._ended, EOS)
        before.copy_(torch.where(self._ended, before, reached.squeeze(1)))
        self.write(self._tokens, token)
        if self._attention is not None and weights is not None:
            self.write(self._attention, weights.to(self._attention.dtype))
        self._ended.copy_(token == EOS)
        self._fed.copy_(token)
        self.keep(state)

    def going(self) -> Tensor:
        """Those without an end."""
        return ~self._ended
