"""Beam search against exhaustive search, a plainly written one, greedy search, and itself one sentence at a time."""

from itertools import product

import pytest
import torch
from torch import Tensor

from benchmarks.reference.beam import Found
from seqlab.core.special_tokens import EOS, PAD, SOS
from seqlab.evaluation.search.beam import beam_search
from seqlab.seq2seq.decoding.filler import ROWS
from seqlab.seq2seq.decoding.greedy import greedy
from seqlab.seq2seq.decoding.hypothesis import Hypothesis
from seqlab.seq2seq.model.seq2seq import Seq2Seq
from tests.evaluation.search.plain_search import PlainSearch, ranked
from tests.evaluation.search.ways import Way, ways
from tests.seq2seq.model.tiny import calm, tiny_batch, tiny_model

LENGTHS = [3, 1, 5, 2]


def spread(model: Seq2Seq, ends: float = 0.0) -> Seq2Seq:
    """The model, more certain of its words, and readier to end or not."""
    with torch.no_grad():
        model.decoder.output_bias[EOS] += ends
    return model


def assert_equal(found: list[Hypothesis], expected: list[Found], alpha: float) -> None:
    assert [hypothesis.tokens for hypothesis in found] == [
        [token for token in hypothesis.tokens if token != EOS] for hypothesis in expected
    ]
    for hypothesis, reference in zip(found, expected, strict=True):
        assert hypothesis.log_probability == pytest.approx(reference.log_probability, abs=1e-9)
        assert hypothesis.score == pytest.approx(reference.score(alpha), abs=1e-9)


@ways
@pytest.mark.parametrize("attention", ["none", "dot"])
def test_a_wide_beam_finds_what_exhaustive_search_finds(way: Way, attention: str) -> None:
    source, lengths = tiny_batch([3, 1], 9)
    model = spread(tiny_model(seed=1, target_vocab_size=6, attention=attention), ends=-1)
    searches = [PlainSearch(model, source[row, :length]) for row, length in enumerate(lengths.tolist())]
    searched = way(model)
    for alpha, n_best in product((0.0, 0.6, 1.0, 3.0), (1, 5, 150)):
        found = beam_search(searched, source, lengths, beam_size=150, length_penalty=alpha, n_best=n_best, max_length=4)
        for search, hypotheses in zip(searches, found, strict=True):
            every = ranked(search.exhaustive(4), alpha)
            assert len(every) == 1 + 3 + 9 + 27 + 81
            assert_equal(hypotheses, every[:n_best], alpha)


@ways
@pytest.mark.parametrize("ends", [-2.0, 0.0, 2.0])
@pytest.mark.parametrize("cell", ["gru", "lstm"])
def test_equals_the_plain_search_that_never_stops_early(way: Way, cell: str, ends: float) -> None:
    source, lengths = tiny_batch(LENGTHS, 9)
    model = spread(tiny_model(len(cell), cell=cell, attention="general", input_feeding=True), ends)
    searches = [PlainSearch(model, source[row, :length]) for row, length in enumerate(LENGTHS)]
    searched = way(model)
    for beam_size, alpha in product((1, 2, 3, 5), (0.0, 1.0, 4.0)):
        for n_best in {1, beam_size}:
            found = beam_search(
                searched, source, lengths, beam_size=beam_size, length_penalty=alpha, n_best=n_best, max_length=7
            )
            for search, hypotheses in zip(searches, found, strict=True):
                assert_equal(hypotheses, ranked(search.beam(beam_size, 7), alpha)[:n_best], alpha)


@ways
@pytest.mark.parametrize("attention", ["none", "additive"])
def test_beam_1_is_greedy_search(way: Way, attention: str) -> None:
    source, lengths = tiny_batch(LENGTHS * 5, 9)
    for seed, alpha in product(range(6), (0.0, 1.0)):
        model = spread(tiny_model(seed, attention=attention, context="every_step"), ends=1.0)
        model = way(model)
        one = beam_search(
            model, source, lengths, beam_size=1, length_penalty=alpha, n_best=1, max_length=8, with_attention=True
        )
        for (found,), expected in zip(
            one, greedy(model, source, lengths, max_length=8, with_attention=True), strict=True
        ):
            assert found.tokens == expected.tokens
            assert found.log_probability == pytest.approx(expected.log_probability, abs=1e-12)
            assert (found.attention is None) == (expected.attention is None) == (attention == "none")
            if found.attention is not None and expected.attention is not None:
                torch.testing.assert_close(found.attention, expected.attention)


@ways
@pytest.mark.parametrize("beam_size", [1, 4])
def test_a_batch_gives_what_its_sentences_give_one_at_a_time(way: Way, beam_size: int) -> None:
    source, lengths = tiny_batch(LENGTHS * 8, 9)
    model = calm(spread(tiny_model(3, attention="dot", bidirectional=True, hidden_size=16).float(), ends=1.0))
    model = way(model)
    options = {"beam_size": beam_size, "n_best": beam_size, "max_length": 12}
    together = beam_search(model, source, lengths, length_penalty=0.8, **options, with_attention=True)
    assert len({len(hypotheses[0].tokens) for hypotheses in together}) > 1
    for row, length in enumerate(lengths.tolist()):
        (alone,) = beam_search(
            model, source[row : row + 1, :length], lengths[row : row + 1], length_penalty=0.8, **options,
            with_attention=True,
        )  # fmt: skip
        for found, expected in zip(together[row], alone, strict=True):
            assert found.tokens == expected.tokens
            assert found.score == pytest.approx(expected.score, abs=1e-5)
            assert found.attention is not None
            assert expected.attention is not None
            assert found.attention.shape == (len(found.tokens), source.shape[1])
            torch.testing.assert_close(found.attention[:, :length], expected.attention, atol=1e-5, rtol=0)


@ways
def test_attention_is_that_with_which_the_tokens_came(way: Way) -> None:
    source, lengths = tiny_batch(LENGTHS, 9)
    model = spread(tiny_model(2, attention="general"), ends=2.0)
    found = beam_search(
        way(model), source, lengths, beam_size=5, length_penalty=1.0, n_best=5, max_length=6, with_attention=True
    )
    for row, hypotheses in enumerate(found):
        for hypothesis in hypotheses:
            memory = model.encode(source[row : row + 1], lengths[row : row + 1])
            state = model.initial_state(memory)
            assert hypothesis.attention is not None
            assert len(hypothesis.attention) == len(hypothesis.tokens)
            for token, weights in zip([SOS, *hypothesis.tokens], hypothesis.attention, strict=False):
                _, state, expected = model.step(torch.tensor([token]), state, memory)
                assert expected is not None
                torch.testing.assert_close(weights.double(), expected[0], rtol=0, atol=1e-6)


def test_hypotheses_of_a_sentence_differ_and_fall_in_score() -> None:
    source, lengths = tiny_batch(LENGTHS, 9)
    model = spread(tiny_model(2), ends=2.0)
    for hypotheses in beam_search(model, source, lengths, beam_size=6, length_penalty=1.0, n_best=6, max_length=9):
        assert len({tuple(hypothesis.tokens) for hypothesis in hypotheses}) == len(hypotheses) == 6
        finished = [hypothesis.score for hypothesis in hypotheses if len(hypothesis.tokens) < 9]
        assert finished == sorted(finished, reverse=True)


@ways
def test_ties_go_to_the_lower_id_and_the_better_parent(way: Way) -> None:
    model = tiny_model(target_vocab_size=8)
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.zero_()  # every word is as likely as any other
    model = way(model)
    source, lengths = tiny_batch([2], 9)
    (found,) = beam_search(model, source, lengths, beam_size=3, length_penalty=0.0, n_best=3, max_length=2)
    # Step 1 keeps <unk>, </s> and 4; step 2 continues the better of the two that go on.
    assert [hypothesis.tokens for hypothesis in found] == [[], [1], [1, 1]]
    assert greedy(model, source, lengths, max_length=2)[0].tokens == [1, 1]


@ways
def test_special_tokens_are_never_generated(way: Way) -> None:
    model = tiny_model()
    with torch.no_grad():
        model.decoder.output_bias[[PAD, SOS]] = 50
    model = way(model)
    source, lengths = tiny_batch(LENGTHS, 9)
    for hypotheses in beam_search(model, source, lengths, beam_size=4, length_penalty=1.0, n_best=4, max_length=5):
        for hypothesis in hypotheses:
            assert not {PAD, SOS, EOS} & set(hypothesis.tokens)
            assert hypothesis.log_probability < -40  # their probability counts all the same


def test_a_sentence_that_is_done_leaves_the_batch(monkeypatch: pytest.MonkeyPatch) -> None:
    sizes: list[int] = []
    step = Seq2Seq.step

    def watching(self: Seq2Seq, token: Tensor, *rest: object) -> object:
        sizes.append(len(token))
        return step(self, token, *rest)  # type: ignore[arg-type]

    monkeypatch.setattr(Seq2Seq, "step", watching)
    source, lengths = tiny_batch(LENGTHS * 5, 9)
    model = spread(tiny_model(3), ends=2.0)
    beam_search(model, source, lengths, beam_size=3, length_penalty=1.0, n_best=1, max_length=30)
    filler = 3 * 6
    # At first a sentence has one hypothesis, the empty one.
    assert sizes[0] == 20 + ROWS
    assert sizes[1:] == sorted(sizes[1:], reverse=True)
    assert filler < sizes[-1] < sizes[1] <= 60 + filler
    assert all(size % 3 == 0 for size in sizes[1:])


def test_options_that_make_no_search_are_refused() -> None:
    source, lengths = tiny_batch([2], 9)
    for beam_size, n_best, max_length, alpha in ((2, 3, 5, 1.0), (2, 0, 5, 1.0), (2, 1, 0, 1.0), (2, 1, 5, -1.0)):
        with pytest.raises(ValueError, match="must be"):
            beam_search(
                tiny_model(),
                source,
                lengths,
                beam_size=beam_size,
                length_penalty=alpha,
                n_best=n_best,
                max_length=max_length,
            )
