"""Attention over the encoder's states."""

import torch
from torch import Tensor, nn

from seqlab.seq2seq.model.linear import Linear
from seqlab.seq2seq.model.memory import Annotations
from seqlab.seq2seq.model.tanh import tanh


class Attention(nn.Module):
    """How much each source position counts for each query, and the mean of the states so weighted.

    `dot` scores hᵀs / √hidden_size (Luong et al. 2015, scaled as in Vaswani et al. 2017), `general` hᵀWs (Luong et al.
    2015), `additive` vᵀtanh(Wh + Us) (Bahdanau et al. 2015). Whatever the score, attention stands after the recurrent
    layer (Luong et al. 2015): its query is the decoder's new output. Weights on padding are exactly 0.
    """

    def __init__(self, kind: str, size: int) -> None:
        super().__init__()
        self.key = Linear(size, size, bias=False) if kind in ("general", "additive") else None
        self.query = Linear(size, size) if kind == "additive" else None
        self.energy = nn.Linear(size, 1, bias=False) if kind == "additive" else None
        self.scale = size**-0.5 if kind == "dot" else 1.0

    def keys(self, states: Tensor) -> Tensor:
        """The part of the score that depends on the source alone, (…, size)."""
        return states if self.key is None else self.key(states)

    def forward(self, query: Tensor, annotations: Annotations) -> tuple[Tensor, Tensor]:
        """Attend.

        Args:
            query: (batch, queries, size).
            annotations: Of the batch.

        Returns:
            contexts (batch, queries, size) and weights (batch, queries, source_len), whose rows sum to 1.
        """
        scores = self._scores(query, annotations.keys)
        if annotations.padding is not None:
            scores = scores.masked_fill(annotations.padding[:, None, :], -torch.inf)
        weights = scores.softmax(-1, dtype=torch.promote_types(scores.dtype, torch.float32)).to(scores.dtype)
        return weights @ annotations.values, weights

    def _scores(self, query: Tensor, keys: Tensor) -> Tensor:
        if self.query is None or self.energy is None:
            return (query * self.scale) @ keys.transpose(1, 2)
        mixed = tanh(self.query(query)[:, :, None, :] + keys[:, None, :, :])
        energies: Tensor = self.energy(mixed)
        return energies.squeeze(-1)
