"""The loss over packed tokens: as many steps in one call as the coins allow, and every token projected once."""

from itertools import pairwise

import torch
from torch import Tensor

from seqlab.core.special_tokens import SOS
from seqlab.seq2seq.engines.cpu.vocabulary_loss import VocabularyLoss
from seqlab.seq2seq.engines.engine import LossOutput
from seqlab.seq2seq.model.decoder import UnrolledDecoder
from seqlab.seq2seq.model.dropout import Dropout, Masks, drop
from seqlab.seq2seq.model.memory import DecoderState, Memory
from seqlab.seq2seq.model.packing import Packing
from seqlab.seq2seq.model.seq2seq import Seq2Seq


def teacher_forced_loss(
    model: Seq2Seq,
    source: Tensor,
    source_lengths: Tensor,
    target: Tensor,
    target_lengths: Tensor,
    coins: Tensor,
    *,
    label_smoothing: float = 0.0,
    dropout: Dropout | None = None,
) -> LossOutput:
    """The loss when step t is fed the true token before it where its coin says so, else the model's own argmax.

    Equal to the step-by-step loop, and nearly as fast as pure teacher forcing. What the model says is fed back without
    a gradient, so only its *choice* ties a step to the one before. Steps between two choices therefore go through the
    recurrent layers in one call (those of a GRU on a CPU without a gradient, which is taken of all steps in the end);
    attention and readout, which the recurrence does not need, follow for all tokens at once; and a token's scores are
    computed once, when a choice needs them or else at the end. With input feeding the recurrence does need the readout,
    and every step is a call of its own. Ratio 1 is one call.

    Args:
        model: Encoder and decoder.
        source: (batch, source_len) ids.
        source_lengths: (batch,).
        target: (batch, target_len) labels; what stands after a sentence's end is never looked at.
        target_lengths: (batch,), each at least 1.
        coins: (batch, target_len), from `toss`; on the CPU, where what to compute together is decided.
        label_smoothing: ε, spread over the whole vocabulary.
        dropout: The step's masks; None: no dropout.
    """
    lengths = target_lengths.cpu()
    order = lengths.argsort(descending=True, stable=True)
    packing = Packing.of_lengths(lengths[order])
    rows = order.to(target.device)
    labels = packing.pack(target[rows, : packing.steps])
    free = ~packing.pack(coins[order, : packing.steps])
    memory = model.encode(source[rows], source_lengths[order.to(source_lengths.device)], dropout)
    loss = VocabularyLoss(model.decoder.vocabulary_weight, model.decoder.output_bias, labels, label_smoothing)
    masks = model.decoder.masks(dropout, len(labels))
    readout = _Unrolling(model, memory, packing, labels, free, masks, loss).readout()
    total, nll = loss.total(drop(readout, masks.readout))
    return LossOutput(total, nll, len(labels))


class _Unrolling:
    """The decoder over a batch, all of it packed; see `teacher_forced_loss`."""

    def __init__(
        self,
        model: Seq2Seq,
        memory: Memory,
        packing: Packing,
        labels: Tensor,
        free: Tensor,
        masks: Masks,
        loss: VocabularyLoss,
    ) -> None:
        self._decoder, self._memory, self._packing, self._masks, self._loss = (
            model.decoder,
            memory,
            packing,
            masks,
            loss,
        )
        self._state = model.initial_state(memory)
        self._free = torch.split(free, list(packing.batch_sizes))
        self._has_free = [bool(step.any()) for step in self._free]
        before = torch.split(labels, list(packing.batch_sizes))
        self._fed = [torch.full_like(before[0], SOS)]
        self._fed += [tokens[:running] for tokens, running in zip(before, packing.batch_sizes[1:], strict=False)]

    def readout(self) -> Tensor:
        """r of every token, (tokens, readout_size), before dropout."""
        alone = self._decoder.input_feeding
        stops = [step for step in range(1, self._packing.steps) if alone or self._has_free[step]]
        pieces = list(pairwise([0, *stops, self._packing.steps]))
        unrolled = None
        if stops:
            unrolled = self._decoder.unrolled(self._packing, self._state, self._memory.context, self._masks)
        if unrolled is None:
            together = torch.cat([self._advance(start, stop) for start, stop in pieces])
        else:
            together = self._run(unrolled, pieces)
        return together if self._decoder.input_feeding else self._read(together, self._packing)

    def _run(self, unrolled: UnrolledDecoder, pieces: list[tuple[int, int]]) -> Tensor:
        """All pieces without gradient, each up to where a step is fed what the model says; and then the gradient."""
        for start, stop in pieces:
            self._choose(unrolled.run(torch.cat(self._fed[start:stop]), start, stop), stop)
        return unrolled.differentiable(torch.cat(self._fed))

    def _advance(self, start: int, stop: int) -> Tensor:
        """Run the steps from start up to stop, and find what step `stop` is fed."""
        part, running = self._packing.part(start, stop), self._packing.batch_sizes[start]
        seen, state = self._decoder.advance(
            torch.cat(self._fed[start:stop]),
            part,
            self._state.first(running),
            self._memory.context[:running],
            self._masks.rows(self._packing.span(start, stop)),
        )
        if self._decoder.input_feeding:
            seen = self._read(seen, part)
            state = DecoderState(state.recurrent, seen)
        self._state = state
        self._choose(seen, stop)
        return seen

    @torch.no_grad()
    def _choose(self, seen: Tensor, stop: int) -> None:
        """Feed step `stop` the argmax of the step before, the last of those seen, where it is free."""
        if stop == self._packing.steps or not self._has_free[stop]:
            return
        running = self._packing.batch_sizes[stop]
        seen = seen[-self._packing.batch_sizes[stop - 1] :]
        readout = seen[:running] if self._decoder.input_feeding else self._read(seen[:running], Packing((running,)))
        rows = self._free[stop].nonzero().squeeze(1)
        before = self._packing.offsets[stop - 1]
        positions, rows = before + rows, rows.to(seen.device)
        said = self._loss.predict(drop(readout[rows], self._masks.readout_of(before + rows)), positions)
        self._fed[stop] = self._fed[stop].index_copy(0, rows, said)

    def _read(self, seen: Tensor, packing: Packing) -> Tensor:
        return self._decoder.read(seen, packing, self._memory.first(packing.batch_sizes[0]))[0]
