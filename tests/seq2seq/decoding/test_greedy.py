"""Greedy search against one step after another."""

import pytest
import torch
from torch import Tensor

from seqlab.core.special_tokens import EOS, PAD, SOS
from seqlab.seq2seq.decoding.filler import ROWS
from seqlab.seq2seq.decoding.greedy import greedy
from seqlab.seq2seq.model.seq2seq import Seq2Seq
from tests.evaluation.search.plain_search import PlainSearch
from tests.evaluation.search.ways import Way, ways
from tests.seq2seq.model.tiny import calm, tiny_batch, tiny_model

LENGTHS = [3, 1, 5, 2]


def ready_to_end(seed: int, **options: object) -> Seq2Seq:
    model = tiny_model(seed, **options)
    with torch.no_grad():
        model.decoder.output_bias[EOS] += 1
    return model


@ways
@pytest.mark.parametrize("cell", ["gru", "lstm", "rnn"])
@pytest.mark.parametrize("attention", ["none", "dot"])
def test_takes_the_likeliest_word_until_the_end(way: Way, cell: str, attention: str) -> None:
    source, lengths = tiny_batch(LENGTHS, 9)
    model = ready_to_end(2, cell=cell, attention=attention, input_feeding=attention != "none", layers=2)
    for row, found in enumerate(greedy(way(model), source, lengths, max_length=6)):
        search = PlainSearch(model, source[row, : LENGTHS[row]])
        tokens, total, ended = list[int](), 0.0, False
        while not ended and len(tokens) < 6:
            log_probabilities = search.log_probabilities(tuple(tokens))
            best = max((word for word in range(11) if word not in (PAD, SOS)), key=log_probabilities.__getitem__)
            total += log_probabilities[best]
            ended = best == EOS
            tokens += [] if ended else [best]
        assert found.tokens == tokens
        assert found.log_probability == pytest.approx(total, abs=1e-9)
        assert found.score == found.log_probability
        assert found.attention is None


@ways
def test_a_batch_gives_what_its_sentences_give_one_at_a_time(way: Way) -> None:
    source, lengths = tiny_batch(LENGTHS * 10, 9)
    model = calm(ready_to_end(0, attention="additive", hidden_size=16).float())
    model = way(model)
    together = greedy(model, source, lengths, max_length=12, with_attention=True)
    assert len({len(found.tokens) for found in together}) > 1
    for row, length in enumerate(lengths.tolist()):
        (alone,) = greedy(model, source[row : row + 1, :length], lengths[row : row + 1], max_length=12)
        assert together[row].tokens == alone.tokens
        assert together[row].log_probability == pytest.approx(alone.log_probability, abs=1e-5)


@ways
def test_attention_is_that_of_the_tokens(way: Way) -> None:
    source, lengths = tiny_batch(LENGTHS, 9)
    model = ready_to_end(2, attention="general")
    for row, found in enumerate(greedy(way(model), source, lengths, max_length=6, with_attention=True)):
        assert found.attention is not None
        assert found.attention.shape == (len(found.tokens), 5)
        torch.testing.assert_close(found.attention.sum(1), torch.ones(len(found.tokens)))
        assert (found.attention[:, LENGTHS[row] :] == 0).all()


def test_an_ended_sentence_leaves_the_batch(monkeypatch: pytest.MonkeyPatch) -> None:
    sizes: list[int] = []
    step = Seq2Seq.step

    def watching(self: Seq2Seq, token: Tensor, *rest: object) -> object:
        sizes.append(len(token))
        return step(self, token, *rest)  # type: ignore[arg-type]

    monkeypatch.setattr(Seq2Seq, "step", watching)
    source, lengths = tiny_batch(LENGTHS * 5, 9)
    found = greedy(ready_to_end(2), source, lengths, max_length=20)
    ends = [len(hypothesis.tokens) for hypothesis in found]
    assert sizes == [sum(end >= step for end in ends) + ROWS for step in range(len(sizes))]
    assert sizes[-1] < sizes[0]


def test_no_room_for_a_word_is_refused() -> None:
    with pytest.raises(ValueError, match="max_length"):
        greedy(tiny_model(), *tiny_batch([2], 9), max_length=0)
