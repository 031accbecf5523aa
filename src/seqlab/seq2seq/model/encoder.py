"""The encoder: reads the source, and hands the decoder its first state and what attention looks at."""

import torch
from torch import Tensor, nn
from torch.nn.utils.rnn import PackedSequence, pack_padded_sequence, pad_packed_sequence

from seqlab.seq2seq.model.config import ModelConfig
from seqlab.seq2seq.model.dropout import Dropout, Masks, drop
from seqlab.seq2seq.model.initialisation import embedding
from seqlab.seq2seq.model.linear import Linear
from seqlab.seq2seq.model.packing import Packing
from seqlab.seq2seq.model.recurrent import RecurrentStack, RecurrentState
from seqlab.seq2seq.model.tanh import tanh


class Encoder(nn.Module):
    """Embedding and recurrent layers (Sutskever et al. 2014), in one direction or both (Bahdanau et al. 2015).

    In both directions each is hidden_size wide, and two learnt maps make hidden_size of the 2 · hidden_size: the
    bridge, one linear map with tanh for each layer (and for an LSTM's cell another), makes the decoder's first state;
    the projection, linear, makes the states that attention sees. So the decoder is hidden_size wide in any case, and
    `dot` attention needs no map of its own.
    """

    def __init__(self, config: ModelConfig) -> None:
        super().__init__()
        size = config.hidden_size
        self.embedding = embedding(config.source_vocab_size, config.embedding_size)
        self.stack = RecurrentStack(config.cell, config.embedding_size, size, config.layers, config.bidirectional)
        self.bridge: nn.ModuleList | None = None
        self.cell_bridge: nn.ModuleList | None = None
        self.projection: Linear | None = None
        if config.bidirectional:
            self.bridge = _bridge(config)
            self.cell_bridge = _bridge(config) if config.cell == "lstm" else None
            self.projection = Linear(2 * size, size) if config.attention != "none" else None

    def forward(
        self, source: Tensor, lengths: Tensor, dropout: Dropout | None
    ) -> tuple[PackedSequence, RecurrentState]:
        """Encode a batch.

        Args:
            source: (batch, source_len) token ids; what stands after a sentence's end is never looked at.
            lengths: (batch,), each at least 1.
            dropout: None: no dropout.

        Returns:
            The states at the source's tokens, packed, and the final states (layers, batch, hidden_size).
        """
        packed = pack_padded_sequence(source.t(), lengths.cpu(), enforce_sorted=False)
        packing = Packing(tuple(packed.batch_sizes.tolist()))
        masks = self._masks(packed.data, dropout)
        embedded = drop(self.embedding(packed.data), masks.embedding)
        outputs, final = self.stack(embedded, packing, None, masks.between)
        if packed.unsorted_indices is not None:
            final = final.select(packed.unsorted_indices)
        states = PackedSequence(outputs, packed.batch_sizes, packed.sorted_indices, packed.unsorted_indices)
        return states, self.bridged(final)

    def states(self, packed: PackedSequence) -> Tensor:
        """The states that attention sees, (tokens, hidden_size), packed."""
        return packed.data if self.projection is None else self.projection(packed.data)

    def bridged(self, final: RecurrentState) -> RecurrentState:
        """The decoder's first state, of the final states of each layer (layers, batch, width)."""
        if self.bridge is None:
            return final
        cell = None if self.cell_bridge is None or final.cell is None else _cross(self.cell_bridge, final.cell)
        return RecurrentState(_cross(self.bridge, final.hidden), cell)

    def _masks(self, tokens: Tensor, dropout: Dropout | None) -> Masks:
        if dropout is None:
            return Masks()
        count, device = tokens.shape[0], tokens.device
        embedding = dropout.mask(count, self.embedding.embedding_dim, device)
        return Masks(embedding, self.stack.masks(dropout, count, device))


def pad_states(packed: PackedSequence, states: Tensor, source_len: int) -> Tensor:
    """Packed states (tokens, size) to (batch, source_len, size), zero at padding, the rows in the source's order."""
    # PyTorch's own reordering takes the lengths along, and waits for a GPU to hand back their order.
    ordered = PackedSequence(states, packed.batch_sizes)
    padded, _ = pad_packed_sequence(ordered, batch_first=True, total_length=source_len)
    unsorted = packed.unsorted_indices
    return padded.contiguous() if unsorted is None else padded.index_select(0, unsorted)


def _bridge(config: ModelConfig) -> nn.ModuleList:
    return nn.ModuleList(Linear(2 * config.hidden_size, config.hidden_size) for _ in range(config.layers))


def _cross(bridge: nn.ModuleList, states: Tensor) -> Tensor:
    return torch.stack([tanh(layer(state)) for layer, state in zip(bridge, states, strict=True)])
