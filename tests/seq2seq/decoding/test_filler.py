"""A sentence's numbers are the same bits however many are translated beside it."""

import pytest
import torch

from seqlab.evaluation.search.beam import beam_search
from seqlab.seq2seq.decoding.filler import ROWS
from seqlab.seq2seq.decoding.greedy import greedy
from seqlab.seq2seq.decoding.hypothesis import Hypothesis
from seqlab.seq2seq.model import linear
from seqlab.seq2seq.model.gru import FEWEST_ROWS
from seqlab.seq2seq.model.seq2seq import Seq2Seq
from tests.seq2seq.model.tiny import tiny_batch, tiny_model

LENGTHS = [9, 1, 4, 4, 7, 2]


def search(model: Seq2Seq, rows: slice, beam_size: int) -> list[Hypothesis]:
    """The best translations of some of the sentences."""
    source, lengths = (tensor[rows] for tensor in tiny_batch(LENGTHS, 9))
    source = source[:, : int(lengths.max())]
    if beam_size == 1:
        return greedy(model, source, lengths, max_length=12)
    found = beam_search(model, source, lengths, beam_size=beam_size, length_penalty=1.0, n_best=1, max_length=12)
    return [best[0] for best in found]


@pytest.mark.skipif(not linear._AVAILABLE, reason="needs a CPU with AVX-512, and PyTorch with oneDNN")
@pytest.mark.parametrize("beam_size", [1, 3])
@pytest.mark.parametrize("attention", ["none", "additive"])
def test_one_by_one_as_together(attention: str, beam_size: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(linear, "SMALLEST_WEIGHT", 1)
    sizes = {"embedding_size": 32, "hidden_size": 48}
    model = tiny_model(**sizes, attention=attention, bidirectional=True, context="every_step").float()
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.mul_(0.3)
    together = search(model, slice(None), beam_size)
    for row, expected in enumerate(together):
        (alone,) = search(model, slice(row, row + 1), beam_size)
        assert alone.tokens == expected.tokens
        assert alone.score == expected.score


def test_the_filler_is_enough_for_the_gru_by_hand() -> None:
    assert FEWEST_ROWS <= ROWS
