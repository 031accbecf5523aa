"""The decoder: one recurrent step a token, attention, and the layer that the output is read from."""

import torch
from torch import Tensor, nn

from seqlab.seq2seq.model.attention import Attention
from seqlab.seq2seq.model.config import ModelConfig
from seqlab.seq2seq.model.dropout import Dropout, Masks, drop
from seqlab.seq2seq.model.initialisation import embedding
from seqlab.seq2seq.model.linear import Linear, linear
from seqlab.seq2seq.model.memory import DecoderState, Memory
from seqlab.seq2seq.model.packing import Packing
from seqlab.seq2seq.model.recurrent import RecurrentStack, UnrolledStack
from seqlab.seq2seq.model.tanh import tanh


class Decoder(nn.Module):
    """From the token before to the scores of the next.

    A step embeds its token y, advances the recurrent layers to the output h, and reads out r, from which the output
    layer computes the scores of the vocabulary, W r + b:

    - r = h, in the plainest model;
    - r = tanh(R [h; a]) with attention, where a is what attention found (Luong et al. 2015, eq. 5);
    - with context `every_step` the context vector c stands beside each input, [y; c], and r = tanh(R [h; y; c; a]), as
      the output layer of Cho et al. 2014 sees y and c;
    - with input feeding r stands beside the next input, [y; r] (Luong et al. 2015, §3.3), before dropout;
    - with a tied output W is the target embedding (Press and Wolf 2017), r is as wide as it, and R is always there.

    Args:
        config: The shape.
        shared: The embedding of the encoder, where both sides have one (Press and Wolf 2017, §3); None: one of its own.
    """

    def __init__(self, config: ModelConfig, shared: nn.Embedding | None = None) -> None:
        super().__init__()
        size, embedding_size, readout_size = config.hidden_size, config.embedding_size, config.readout_size
        self.every_step = config.context == "every_step"
        self.input_feeding = config.input_feeding
        self.embedding = shared or embedding(config.target_vocab_size, embedding_size)
        context_size = size if self.every_step else 0
        input_size = embedding_size + context_size + (readout_size if self.input_feeding else 0)
        self.stack = RecurrentStack(config.cell, input_size, size, config.layers)
        self.attention = None if config.attention == "none" else Attention(config.attention, size)
        seen = size + (embedding_size + size if self.every_step else 0) + (size if self.attention else 0)
        needed = seen > size or config.tie_output
        self.readout = Linear(seen, readout_size) if needed else None
        self.output_bias = nn.Parameter(torch.empty(config.target_vocab_size))
        self.output_weight: nn.Parameter | None = None
        if not config.tie_output:
            self.output_weight = nn.Parameter(torch.empty(config.target_vocab_size, readout_size))

    def forward(self, tokens: Tensor, memory: Memory, state: DecoderState) -> Tensor:
        """Scores (batch, steps, target_vocab_size) after the tokens fed to each step, (batch, steps) ids; no dropout.

        In one call, but for input feeding, with which each step needs the one before.
        """
        rows, scores = len(tokens), []
        for piece in torch.split(tokens, 1 if self.input_feeding else tokens.shape[1], 1):
            packing = Packing((rows,) * piece.shape[1])
            seen, after = self.advance(piece.t().flatten(), packing, state, memory.context, Masks())
            readout, _ = self.read(seen, packing, memory)
            state = DecoderState(after.recurrent, readout)
            scores.append(packing.pad(self.scores(readout)))
        return torch.cat(scores, 1)

    @property
    def vocabulary_weight(self) -> Tensor:
        """W of the output layer, (target_vocab_size, readout_size)."""
        return self.embedding.weight if self.output_weight is None else self.output_weight

    def advance(
        self, tokens: Tensor, packing: Packing, state: DecoderState, context: Tensor, masks: Masks
    ) -> tuple[Tensor, DecoderState]:
        """Run the recurrent layers over the tokens fed to some steps; over one step only, with input feeding.

        Args:
            tokens: (tokens,) ids, packed.
            packing: How they are packed.
            state: Before the first step.
            context: (batch, hidden_size).
            masks: Of these tokens; empty: no dropout.

        Returns:
            What the readout sees beside attention, (tokens, …): h, or [h; y; c] with context `every_step`. And the
            state after the last step, whose `readout` is still to come.
        """
        inputs, beside = self._inputs(tokens, packing, state.readout, context, masks)
        outputs, recurrent = self.stack(inputs, packing, state.recurrent, masks.between)
        return _seen(outputs, beside), DecoderState(recurrent)

    def unrolled(
        self, packing: Packing, state: DecoderState, context: Tensor, masks: Masks
    ) -> "UnrolledDecoder | None":
        """The decoder for a few of these steps at a time, with one gradient in the end.

        None with input feeding, and where the recurrent layers have none.
        """
        stack = None if self.input_feeding else self.stack.unrolled(packing, state.recurrent)
        return None if stack is None else UnrolledDecoder(self, stack, packing, context, masks)

    def read(self, seen: Tensor, packing: Packing, memory: Memory) -> tuple[Tensor, Tensor | None]:
        """Attend and read out.

        Args:
            seen: As `advance` gives it, (tokens, …), packed.
            packing: How it is packed. A single step may have k rows for each source, those of a source together.
            memory: The sources.

        Returns:
            r (tokens, readout_size), before dropout, and the attention weights (batch, steps or k, source_len), if any.
        """
        if self.readout is None:
            return seen, None
        if self.attention is None or memory.annotations is None:
            return tanh(self.readout(seen)), None
        outputs = seen[:, : self.stack.hidden_size]
        if packing.steps == 1:
            queries = outputs.reshape(memory.rows, -1, outputs.shape[1])
            found, weights = self.attention(queries, memory.annotations)
            found = found.flatten(0, 1)
        else:
            found, weights = self.attention(packing.pad(outputs), memory.annotations)
            found = packing.pack(found)
        return tanh(self.readout(torch.cat([seen, found], 1))), weights

    def scores(self, readout: Tensor) -> Tensor:
        """Unnormalised log probabilities of the vocabulary, (tokens, target_vocab_size)."""
        return linear(readout, self.vocabulary_weight, self.output_bias)

    def _inputs(
        self, tokens: Tensor, packing: Packing, readout: Tensor | None, context: Tensor, masks: Masks
    ) -> tuple[Tensor, list[Tensor]]:
        """What the recurrent layers are fed, and what the readout sees of it."""
        embedded = drop(self.embedding(tokens), masks.embedding)
        beside = [embedded, packing.gather(context)] if self.every_step else []
        fed = [*(beside or [embedded]), *([] if readout is None else [readout])]
        return torch.cat(fed, 1) if len(fed) > 1 else embedded, beside

    def masks(self, dropout: Dropout | None, tokens: int) -> Masks:
        """Draw the masks of so many packed tokens."""
        if dropout is None:
            return Masks()
        device = self.output_bias.device
        embedding = dropout.mask(tokens, self.embedding.embedding_dim, device)
        between = self.stack.masks(dropout, tokens, device)
        return Masks(embedding, between, dropout.mask(tokens, self.vocabulary_weight.shape[1], device))


class UnrolledDecoder:
    """A decoder whose steps are run one after the other, and whose gradient is taken of all at once.

    Args:
        decoder: Without input feeding.
        stack: Its recurrent layers.
        packing: Of all steps.
        context: (batch, hidden_size).
        masks: Of all tokens; empty: no dropout.
    """

    def __init__(self, decoder: Decoder, stack: UnrolledStack, packing: Packing, context: Tensor, masks: Masks) -> None:
        self._decoder, self._stack, self._packing, self._context, self._masks = decoder, stack, packing, context, masks

    @torch.no_grad()
    def run(self, tokens: Tensor, start: int, stop: int) -> Tensor:
        """What the readout sees of the steps from start, where the last call ended, up to stop, without gradient.

        Args:
            tokens: (tokens,) ids fed to these steps, packed.
            start: First step.
            stop: Step after the last.
        """
        part, masks = self._packing.part(start, stop), self._masks.rows(self._packing.span(start, stop))
        inputs, beside = self._decoder._inputs(tokens, part, None, self._context[: part.batch_sizes[0]], masks)
        return _seen(self._stack.run(inputs, start, stop, masks.between), beside)

    def differentiable(self, tokens: Tensor) -> Tensor:
        """The same of all steps, with a gradient, when all have been run.

        Args:
            tokens: (tokens,) ids that they were fed.
        """
        inputs, beside = self._decoder._inputs(tokens, self._packing, None, self._context, self._masks)
        return _seen(self._stack.differentiable(inputs, self._masks.between)[0], beside)


def _seen(outputs: Tensor, beside: list[Tensor]) -> Tensor:
    return torch.cat([outputs, *beside], 1) if beside else outputs
