"""The encoder–decoder as a whole."""

import torch
from torch import Tensor, nn

from seqlab.core.special_tokens import SOS
from seqlab.seq2seq.model.config import ModelConfig
from seqlab.seq2seq.model.decoder import Decoder
from seqlab.seq2seq.model.dropout import Dropout, Masks, drop
from seqlab.seq2seq.model.encoder import Encoder, pad_states
from seqlab.seq2seq.model.initialisation import initialise, materialise
from seqlab.seq2seq.model.memory import Annotations, DecoderState, Memory
from seqlab.seq2seq.model.packing import Packing


class Seq2Seq(nn.Module):
    """RNN encoder–decoder (Cho et al. 2014; Sutskever et al. 2014), with attention or without.

    Whether dropout happens depends on the masks it is given and on nothing else: `train()` and `eval()` change nothing.

    Args:
        config: The shape.
        generator: A CPU generator; every parameter's first value comes from it, and PyTorch's global one is not used.
    """

    def __init__(self, config: ModelConfig, generator: torch.Generator) -> None:
        super().__init__()
        self.config = config
        with torch.device("meta"):  # modules draw values of their own otherwise
            self.encoder, self.decoder = parts(config)
        materialise(self)
        initialise(self, generator)

    def forward(self, source: Tensor, source_lengths: Tensor, target: Tensor) -> Tensor:
        """Scores of each target token under teacher forcing; no dropout.

        Args:
            source: (batch, source_len) token ids; what stands after a sentence's end is never looked at.
            source_lengths: (batch,), each at least 1; on the CPU.
            target: (batch, target_len) token ids, PAD after a sentence's end.

        Returns:
            (batch, target_len, target_vocab_size), unnormalised log probabilities of what may stand at each place,
            given SOS and the true tokens before it.
        """
        memory = self.encode(source, source_lengths)
        before = torch.cat([torch.full_like(target[:, :1], SOS), target[:, :-1]], 1)
        scores: Tensor = self.decoder(before, memory, self.initial_state(memory))
        return scores

    def encode(self, source: Tensor, source_lengths: Tensor, dropout: Dropout | None = None) -> Memory:
        """Read a batch of sources.

        Args:
            source: (batch, source_len) token ids; what stands after a sentence's end is never looked at.
            source_lengths: (batch,), each at least 1; on the CPU, so that nobody waits for a GPU to know them.
            dropout: The step's masks; None: no dropout.
        """
        packed, state = self.encoder(source, source_lengths, dropout)
        if self.decoder.attention is None:
            return Memory(state)
        states = self.encoder.states(packed)
        values = pad_states(packed, states, source.shape[1])
        projected = self.decoder.attention.keys(states)
        keys = values if projected is states else pad_states(packed, projected, source.shape[1])
        return Memory(state, Annotations(values, keys, _padding(source, source_lengths)))

    def initial_state(self, memory: Memory) -> DecoderState:
        """The decoder before its first step, at which it is fed SOS; with input feeding the first readout is 0."""
        if not self.config.input_feeding:
            return DecoderState(memory.state)
        return DecoderState(memory.state, memory.context.new_zeros(memory.rows, self.config.readout_size))

    def step(
        self, token: Tensor, state: DecoderState, memory: Memory, dropout: Masks | None = None
    ) -> tuple[Tensor, DecoderState, Tensor | None]:
        """One step of the decoder, for each source or for k hypotheses of each.

        Args:
            token: (batch · k,) what each is fed, the hypotheses of a source together.
            state: (…, batch · k, …).
            memory: Of the batch sources.
            dropout: The masks of this step; None: no dropout.

        Returns:
            scores (batch · k, target_vocab_size), unnormalised log probabilities; the next state; and the attention
            weights (batch · k, source_len), None without attention.
        """
        masks = dropout or Masks()
        packing = Packing((token.shape[0],))
        copies = token.shape[0] // memory.rows
        context = memory.context if copies == 1 else memory.context.repeat_interleave(copies, 0)
        seen, next_state = self.decoder.advance(token, packing, state, context, masks)
        readout, weights = self.decoder.read(seen, packing, memory)
        if self.config.input_feeding:
            next_state = DecoderState(next_state.recurrent, readout)
        scores = self.decoder.scores(drop(readout, masks.readout))
        return scores, next_state, None if weights is None else weights.flatten(0, 1)


def _padding(source: Tensor, source_lengths: Tensor) -> Tensor | None:
    if bool((source_lengths == source.shape[1]).all()):
        return None
    positions = torch.arange(source.shape[1], device=source.device)
    return positions[None, :] >= source_lengths.to(source.device)[:, None]


def parts(config: ModelConfig) -> tuple[Encoder, Decoder]:
    """Encoder and decoder of this shape, which share their embedding if it says so."""
    encoder = Encoder(config)
    return encoder, Decoder(config, encoder.embedding if config.tie_embeddings else None)
