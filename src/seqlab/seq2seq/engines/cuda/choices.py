"""What the model would say, step by step and without gradients."""

import torch
import torch.nn.functional as F
from torch import Tensor

from seqlab.seq2seq.engines.cuda.readout import Readout
from seqlab.seq2seq.engines.cuda.recurrent import advance, layers_of, parameters
from seqlab.seq2seq.engines.cuda.vocabulary import VocabularySums
from seqlab.seq2seq.engines.padded import Padded
from seqlab.seq2seq.model.dropout import Masks, drop
from seqlab.seq2seq.model.memory import Memory
from seqlab.seq2seq.model.seq2seq import Seq2Seq


@torch.no_grad()
def chosen(
    model: Seq2Seq, memory: Memory, batch: Padded, masks: tuple[Masks, ...], vocabulary: VocabularySums
) -> Tensor:
    """What each step is fed, (target_len, batch): the truth, or where it is free the likeliest word of the step before.

    Args:
        model: Of which the decoder is used.
        memory: The sources.
        batch: The targets.
        masks: Of each step, (batch, …); empty: no dropout.
        vocabulary: Scores the words.
    """
    with torch.autocast(batch.target.device.type, enabled=False):
        steps = _Steps(model, memory, vocabulary.kind)
        fed = [batch.truth[0]]
        for step in range(len(batch.target) - 1):
            readout = steps.advance(fed[-1], masks[step])
            said = likeliest(vocabulary.scores(readout))
            fed.append(torch.where(batch.free[step + 1], said, batch.target[step]))
    return torch.stack(fed)


def likeliest(scores: Tensor) -> Tensor:
    """Where each row's best is, (rows,); of equal ones the first.

    In two rounds, the best of each block and then of the blocks: of a few long rows a GPU would keep few of its units
    busy.

    Args:
        scores: (rows, places).
    """
    blocks = _blocks(scores.shape[1])
    if blocks == 1:
        return scores.max(1).indices
    best, place = scores.view(len(scores), blocks, -1).max(2)
    block: Tensor = best.max(1).indices
    return block * (scores.shape[1] // blocks) + place.gather(1, block[:, None]).squeeze(1)


def _blocks(places: int) -> int:
    """Into how many equal blocks to cut so many places: at most 128; 1 where it cannot be done evenly."""
    return next((number for number in range(128, 7, -1) if places % number == 0), 1) if places >= 1024 else 1


class _Steps:
    """The decoder, its parameters in the type of the products, and what of each step is known before the first."""

    def __init__(self, model: Seq2Seq, memory: Memory, kind: torch.dtype) -> None:
        decoder = model.decoder
        self._kind, self._embedding = kind, decoder.embedding.weight.detach()
        self._context = memory.context.to(kind) if decoder.every_step else None
        self._layers = [(layer, [each.to(kind) for each in parameters(layer)]) for layer in layers_of(decoder.stack)]
        hidden, cells = memory.state.hidden.to(kind), memory.state.cell
        self._state: list[tuple[Tensor, ...]] = [(each,) for each in hidden]
        if cells is not None:
            self._state = list(zip(hidden, cells.to(kind), strict=True))
        self._readout = Readout.of(model, memory, kind)

    def advance(self, token: Tensor, masks: Masks) -> Tensor:
        """One step: the readout (batch, readout_size) that the scores are projected from."""
        embedded = drop(F.embedding(token, self._embedding), masks.embedding).to(self._kind)
        output = embedded if self._context is None else torch.cat([embedded, self._context], 1)
        self._state = advance(self._layers, output, self._state, masks.between)
        readout, _ = self._readout(self._state[-1][0], embedded)
        return drop(readout, masks.readout)
