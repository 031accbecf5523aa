"""The plain beam that ours is timed against finds the same, and the generated model writes as a trained one does."""

import pytest
import torch

from benchmarks.generated_model import generated_model, generated_sources
from benchmarks.reference.beam import PlainBeam
from seqlab.evaluation.search.beam import beam_search
from seqlab.seq2seq.decoding.greedy import greedy
from tests.evaluation.search.plain_search import ranked
from tests.seq2seq.model.tiny import tiny_batch, tiny_model
from tests.simulated_device import simulated_device

LENGTHS = [3, 1, 5, 2]


@pytest.mark.parametrize("together", [False, True])
@pytest.mark.parametrize("beam_size", [1, 4])
def test_plain_beam(beam_size: int, together: bool) -> None:
    source, lengths = tiny_batch(LENGTHS, 9)
    model = tiny_model(attention="dot", input_feeding=True)
    plain = PlainBeam(model, beam_size, 7, together=together)
    found = beam_search(model, source, lengths, beam_size=beam_size, length_penalty=1.0, n_best=beam_size, max_length=7)
    for row, hypotheses in enumerate(found):
        expected = ranked(plain.search(source[row, : LENGTHS[row]]), 1.0)
        assert [each.log_probability for each in hypotheses] == pytest.approx([e.log_probability for e in expected])
        assert [len(each.tokens) + (len(each.tokens) < 7) for each in hypotheses] == [len(e.tokens) for e in expected]


@pytest.mark.parametrize("together", [False, True])
def test_plain_beam_on_another_device(together: bool) -> None:
    source, _ = tiny_batch([4], 9)
    model = tiny_model(attention="dot")
    expected = PlainBeam(model, 3, 7, together=together).search(source[0])
    with simulated_device() as device:
        found = PlainBeam(model.to(device), 3, 7, together=together).search(source[0])
    assert [each.tokens for each in found] == [each.tokens for each in expected]


def test_plain_beam_counts_the_steps_of_live_hypotheses() -> None:
    source, _ = tiny_batch([3], 9)
    plain = PlainBeam(tiny_model(), 1, 7, together=True)
    (found,) = plain.search(source[0])
    assert plain.rows == len(found.tokens)


def test_translations_of_the_generated_model_are_as_long_as_their_sources() -> None:
    model, sources = generated_model(), sorted(generated_sources(40), key=len)
    lengths = torch.tensor([len(ids) for ids in sources])
    source = torch.nn.utils.rnn.pad_sequence([torch.tensor(ids) for ids in sources], batch_first=True)
    written = torch.tensor([len(found.tokens) for found in greedy(model, source, lengths, max_length=60)])
    assert 10 <= written.float().mean() <= 16
    assert torch.corrcoef(torch.stack([lengths, written]).float())[0, 1] > 0.8
