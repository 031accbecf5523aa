"""The encoder–decoder as tutorials write it, of PyTorch's own modules, with the parameters of ours."""

import torch
from torch import Tensor, nn
from torch.nn.utils.rnn import pack_padded_sequence, pad_packed_sequence

from seqlab.model.seq2seq import Seq2Seq


class ReferenceModel(nn.Module):
    """One GRU layer a side, in one direction; no attention, or Luong's (`dot`), with or without input feeding.

    Args:
        ours: The model whose shape and parameters it takes; parameters are copied.
    """

    def __init__(self, ours: Seq2Seq) -> None:
        super().__init__()
        config = ours.config
        if config.cell != "gru" or config.layers != 1 or config.bidirectional or config.context != "initial":
            raise ValueError("the references know one GRU layer a side, in one direction")
        if config.attention not in ("none", "dot") or config.tie_output:
            raise ValueError("the references know no attention but dot, and no tied output")
        size, self.input_feeding = config.hidden_size, config.input_feeding
        self.source_embedding = nn.Embedding(config.source_vocab_size, config.embedding_size)
        self.target_embedding = nn.Embedding(config.target_vocab_size, config.embedding_size)
        self.encoder = nn.GRU(config.embedding_size, size, batch_first=True)
        self.decoder = nn.GRU(config.embedding_size + size * self.input_feeding, size, batch_first=True)
        self.readout = nn.Linear(2 * size, size) if config.attention == "dot" else None
        self.output = nn.Linear(size, config.target_vocab_size)
        self.to(next(ours.parameters()).dtype)
        self.load_state_dict({_name(name): tensor for name, tensor in ours.state_dict().items()})

    def encode(self, source: Tensor, lengths: Tensor) -> tuple[Tensor, Tensor]:
        """Read a batch in one call: states (batch, source_len, size), and the last of each (1, batch, size)."""
        packed = pack_padded_sequence(
            self.source_embedding(source), lengths.cpu(), batch_first=True, enforce_sorted=False
        )
        outputs, last = self.encoder(packed)
        return pad_packed_sequence(outputs, batch_first=True)[0], last

    def read(self, outputs: Tensor, states: Tensor, padding: Tensor) -> Tensor:
        """What the vocabulary is projected from, (batch, steps, size); attends if the model has attention.

        Args:
            outputs: (batch, steps, size), the decoder's.
            states: (batch, source_len, size), the encoder's.
            padding: (batch, 1, source_len), True at padding.
        """
        if self.readout is None:
            return outputs
        scores = torch.bmm(outputs, states.transpose(1, 2)) / outputs.shape[-1] ** 0.5
        weights = scores.masked_fill(padding, -torch.inf).softmax(-1)
        return torch.tanh(self.readout(torch.cat([outputs, torch.bmm(weights, states)], -1)))


def _name(name: str) -> str:
    """What a parameter of ours is called here."""
    renamed = {
        "encoder.embedding.weight": "source_embedding.weight",
        "decoder.embedding.weight": "target_embedding.weight",
        "decoder.output_weight": "output.weight",
        "decoder.output_bias": "output.bias",
    }
    return renamed.get(name) or name.replace("stack.layers.0.", "").replace("decoder.readout.", "readout.")
