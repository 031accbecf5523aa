"""The encoder–decoder as the literature has it, from top to bottom: start here.

An encoder reads a sentence into a vector; a decoder, begun with that vector, writes another sentence word by word.
Everything is PyTorch's own. The model that the pipeline trains (seqlab.seq2seq.model) knows more cells and options and
is faster; where its options are these, its parameters fit here and give the same scores:

    model = EncoderDecoder.of(load_checkpoint(Path("models/best")))
    translations = translate(model, source, source_lengths, max_length=100)

Shapes: source (batch, source_len) and target (batch, target_len) are token ids, each row ended by EOS and then filled
up with PAD; lengths (batch,) count the EOS.
"""

from typing import Self

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.nn.utils.rnn import pack_padded_sequence, pad_packed_sequence

from seqlab.core.special_tokens import EOS, PAD, SOS
from seqlab.seq2seq.model.config import ModelConfig
from seqlab.seq2seq.model.seq2seq import Seq2Seq

# Gated recurrent units (Cho et al. 2014) and long short-term memory (Hochreiter and Schmidhuber 1997).
CELLS: dict[str, type[nn.GRU] | type[nn.LSTM]] = {"gru": nn.GRU, "lstm": nn.LSTM}

# What the recurrent layers carry on: their hidden states (layers, batch, size), and an LSTM's its cells beside them.
Hidden = Tensor | tuple[Tensor, Tensor]


class EncoderRNN(nn.Module):
    """Reads a sentence; its last state is the context vector (Sutskever et al. 2014; Cho et al. 2014)."""

    def __init__(self, vocabulary: int, embedding_size: int, size: int, cell: str = "gru", layers: int = 1) -> None:
        super().__init__()
        self.embedding = nn.Embedding(vocabulary, embedding_size)
        self.rnn = CELLS[cell](embedding_size, size, layers, batch_first=True)

    def forward(self, source: Tensor, lengths: Tensor) -> tuple[Tensor, Hidden]:
        """Read a batch.

        Returns:
            The state at each token (batch, source_len, size), and the state after each sentence's own last token.
        """
        # Packed, the sentences end where they end: no state is computed from padding.
        embedded = self.embedding(source)
        packed = pack_padded_sequence(embedded, lengths.cpu(), batch_first=True, enforce_sorted=False)
        outputs, hidden = self.rnn(packed)
        states, _ = pad_packed_sequence(outputs, batch_first=True, total_length=source.shape[1])
        return states, hidden


class DotAttention(nn.Module):
    """What in the source a state of the decoder looks at (Bahdanau et al. 2015; `dot` of Luong et al. 2015, §3.1).

    Each state h of the encoder is scored by hᵀs / √size (scaled as in Vaswani et al. 2017). The mean a of the h,
    weighted by the softmax of the scores, goes with s into the attentional vector tanh(W [s; a]) (Luong, eq. 5).
    """

    def __init__(self, size: int) -> None:
        super().__init__()
        self.combine = nn.Linear(2 * size, size)

    def forward(self, outputs: Tensor, states: Tensor, padding: Tensor) -> tuple[Tensor, Tensor]:
        """Attend.

        Args:
            outputs: s of each step (batch, steps, size).
            states: h (batch, source_len, size).
            padding: (batch, source_len), True where there is no token to look at.

        Returns:
            The attentional vectors (batch, steps, size), and the weights (batch, steps, source_len).
        """
        scores = torch.bmm(outputs, states.transpose(1, 2)) / outputs.shape[-1] ** 0.5
        weights = scores.masked_fill(padding[:, None, :], -torch.inf).softmax(-1)
        found = torch.bmm(weights, states)
        return torch.tanh(self.combine(torch.cat([outputs, found], -1))), weights


class DecoderRNN(nn.Module):
    """Says how likely each word is to come next, given the words before it and the source.

    Args:
        vocabulary: Words.
        embedding_size: Width of their embeddings.
        size: Width of the state, which is the encoder's.
        cell: gru or lstm.
        layers: As many as the encoder's.
        attention: Whether it looks back at the source; otherwise the first state is all that it knows of it.
        input_feeding: Whether it is fed its last attentional vector beside the next word (Luong et al. 2015, §3.3).
    """

    def __init__(
        self,
        vocabulary: int,
        embedding_size: int,
        size: int,
        cell: str = "gru",
        layers: int = 1,
        *,
        attention: bool = False,
        input_feeding: bool = False,
    ) -> None:
        super().__init__()
        self.size, self.input_feeding = size, input_feeding
        self.embedding = nn.Embedding(vocabulary, embedding_size)
        self.rnn = CELLS[cell](embedding_size + size * input_feeding, size, layers, batch_first=True)
        self.attention = DotAttention(size) if attention else None
        self.output = nn.Linear(size, vocabulary)

    def forward(
        self, tokens: Tensor, hidden: Hidden, states: Tensor, padding: Tensor, fed: Tensor
    ) -> tuple[Tensor, Hidden, Tensor]:
        """One step, or several whose words are known; one only, with input feeding.

        Args:
            tokens: (batch, steps) ids of the words before.
            hidden: Before the first of these steps; at the very first, the encoder's last.
            states: The encoder's (batch, source_len, size).
            padding: Of the source (batch, source_len).
            fed: The attentional vector of the step before (batch, 1, size); at the very first, zeros.

        Returns:
            Log probabilities of each word (batch, steps, vocabulary); the state after these steps; and the attentional
            vectors (batch, steps, size).
        """
        embedded = self.embedding(tokens)
        outputs, hidden = self.rnn(torch.cat([embedded, fed], -1) if self.input_feeding else embedded, hidden)
        if self.attention is not None:
            outputs, _ = self.attention(outputs, states, padding)
        return self.output(outputs).log_softmax(-1), hidden, outputs


class EncoderDecoder(nn.Module):
    """Both, trained together."""

    def __init__(self, encoder: EncoderRNN, decoder: DecoderRNN) -> None:
        super().__init__()
        self.encoder, self.decoder = encoder, decoder

    @classmethod
    def of(cls, model: Seq2Seq) -> Self:
        """With a copy of the parameters of a model of the pipeline.

        Raises:
            ValueError: the model has an option that there is none of here.
        """
        config = model.config
        if unknown := _unknown(config):
            raise ValueError(f"classic.py has no {', '.join(unknown)}")
        shape = (config.embedding_size, config.hidden_size, config.cell, config.layers)
        attention, input_feeding = config.attention == "dot", config.input_feeding
        encoder = EncoderRNN(config.source_vocab_size, *shape)
        decoder = DecoderRNN(config.target_vocab_size, *shape, attention=attention, input_feeding=input_feeding)
        made = cls(encoder, decoder).to(model.decoder.output_bias)
        made.load_state_dict({_name(name): tensor for name, tensor in model.state_dict().items()})
        return made


def training_loss(
    model: EncoderDecoder, source: Tensor, source_lengths: Tensor, target: Tensor, coins: Tensor
) -> Tensor:
    """The loss under teacher forcing (Williams and Zipser 1989), or scheduled sampling (Bengio et al. 2015).

    At each step the decoder is fed the true word before it where the coin says so, else the one that it finds likeliest
    itself: its own choice, through which no gradient flows.

    Args:
        model: Encoder and decoder.
        source: (batch, source_len).
        source_lengths: (batch,).
        target: (batch, target_len).
        coins: (1, target_len) bool, one for each step, or (batch, target_len), one for each word: True with probability
            `teacher_forcing_ratio`. The first counts for nothing: the first step is fed SOS.

    Returns:
        Negative log-likelihood of the target, the mean for each word of it, ends of sentence included.
    """
    states, hidden = model.encoder(source, source_lengths)
    padding, fed = source == PAD, states.new_zeros(len(source), 1, states.shape[2])
    token = torch.full_like(target[:, :1], SOS)
    steps: list[Tensor] = []
    for step in range(target.shape[1]):
        if step:
            chosen = steps[-1].detach().argmax(-1)
            token = torch.where(coins[:, step : step + 1], target[:, step - 1 : step], chosen)
        log_probabilities, hidden, fed = model.decoder(token, hidden, states, padding, fed)
        steps.append(log_probabilities)
    return F.nll_loss(torch.cat(steps, 1).flatten(0, 1), target.flatten(), ignore_index=PAD)


@torch.no_grad()
def translate(model: EncoderDecoder, source: Tensor, source_lengths: Tensor, *, max_length: int) -> list[list[int]]:
    """Greedy search: at each step the likeliest word, until the sentence ends or has max_length words.

    Returns:
        The ids of each translation, without its EOS.
    """
    states, hidden = model.encoder(source, source_lengths)
    padding, fed = source == PAD, states.new_zeros(len(source), 1, states.shape[2])
    words = [torch.full_like(source[:, :1], SOS)]
    while len(words) <= max_length:
        log_probabilities, hidden, fed = model.decoder(words[-1], hidden, states, padding, fed)
        log_probabilities[:, :, [PAD, SOS]] = -torch.inf  # no words of a sentence
        words.append(log_probabilities.argmax(-1))
    translations = torch.cat(words[1:], 1).tolist()
    return [ids[: ids.index(EOS)] if EOS in ids else ids for ids in translations]


def _unknown(config: ModelConfig) -> list[str]:
    """The options of a model that there is none of here."""
    unknown = {
        f"cell {config.cell}": config.cell not in CELLS,
        "second direction": config.bidirectional,
        f"attention {config.attention}": config.attention not in ("none", "dot"),
        f"context {config.context}": config.context != "initial",
        "tied embeddings": config.tie_embeddings,
        "tied output": config.tie_output,
    }
    return [option for option, asked in unknown.items() if asked]


def _name(name: str) -> str:
    """What a parameter of the pipeline's model is called here."""
    if ".stack.layers." in name:
        # There each layer is a module of its own.
        side, number, parameter = name.replace(".stack.layers.", " ").replace(".", " ", 1).split(" ")
        return f"{side}.rnn.{parameter.replace('_l0', f'_l{number}')}"
    name = name.replace("output_weight", "output.weight").replace("output_bias", "output.bias")
    return name.replace("readout", "attention.combine")
