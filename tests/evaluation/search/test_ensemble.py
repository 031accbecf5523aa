"""The ensemble against its members taken one by one, and the searches over it against plainly written ones."""

from collections.abc import Sequence

import numpy as np
import pytest
import torch

from seqlab.core.special_tokens import EOS, SOS
from seqlab.evaluation.search.beam import beam_search
from seqlab.evaluation.search.ensemble import Ensemble
from seqlab.seq2seq.decoding.greedy import greedy
from seqlab.seq2seq.model.seq2seq import Seq2Seq
from tests.evaluation.search.plain_search import PlainSearch, ranked
from tests.evaluation.search.ways import Way, ways
from tests.seq2seq.model.tiny import calm, tiny_batch, tiny_model

LENGTHS = [3, 1, 5, 2]
SHAPES: list[dict[str, object]] = [
    {},
    {"attention": "dot"},
    {"cell": "lstm", "layers": 2, "bidirectional": True, "attention": "additive", "input_feeding": True},
    {"cell": "rnn", "context": "every_step", "tie_output": True},
]
# Of members that are another each.
MIXED: list[dict[str, object]] = [
    {"hidden_size": 5, "cell": "lstm"},
    {"attention": "dot", "bidirectional": True},
    {"attention": "additive", "input_feeding": True, "layers": 2},
]


class PlainMean(PlainSearch):
    """Searches over the mean of the probabilities that several plain searches know."""

    def __init__(self, searches: Sequence[PlainSearch]) -> None:
        super().__init__(searches[0]._model, searches[0]._source)
        self._searches = searches

    def log_probabilities(self, tokens: tuple[int, ...]) -> list[float]:
        """log of the mean p of every word after SOS and these tokens."""
        every = np.exp([search.log_probabilities(tokens) for search in self._searches])
        return [float(each) for each in np.log(every.mean(0))]


def members(shapes: Sequence[dict[str, object]]) -> list[Seq2Seq]:
    return [calm(tiny_model(seed, **shape)) for seed, shape in enumerate(shapes)]


@pytest.mark.parametrize("shapes", [*([shape] * 3 for shape in SHAPES), MIXED])
@torch.no_grad()
def test_a_step_is_the_mean_of_the_members_probabilities(shapes: list[dict[str, object]]) -> None:
    source, lengths = tiny_batch(LENGTHS, 9)
    models = members(shapes)
    ensemble = Ensemble(models)
    memory = ensemble.encode(source, lengths)
    memories = [model.encode(source, lengths) for model in models]
    state = ensemble.initial_state(memory)
    states = [model.initial_state(each) for model, each in zip(models, memories, strict=True)]
    rows = torch.tensor([2, 0, 3])
    token = torch.full((4,), SOS)
    for step in range(4):
        scores, state, weights = ensemble.step(token, state, memory)
        parts = zip(models, states, memories, strict=True)
        found = [model.step(token, before, encoded) for model, before, encoded in parts]
        states = [each[1] for each in found]
        logits = np.stack([each[0].numpy() for each in found])
        probabilities = np.exp(logits) / np.exp(logits).sum(2, keepdims=True)
        np.testing.assert_allclose(scores.numpy(), np.log(probabilities.mean(0)), atol=1e-12)
        assert (weights is None) == all(shape.get("attention") is None for shape in shapes)
        if weights is not None:
            attention = np.stack([each[2].numpy() for each in found if each[2] is not None])
            np.testing.assert_allclose(weights.numpy(), attention.mean(0), atol=1e-12)
        token = scores.argmax(1)
        if step == 1:
            token, state, memory = token[rows], state.select(rows), memory.select(rows)
            states = [each.select(rows) for each in states]
            memories = [each.select(rows) for each in memories]
            assert memory.rows == 3


@ways
@pytest.mark.parametrize("shapes", [*([shape] * 2 for shape in SHAPES[2:]), MIXED])
@pytest.mark.parametrize("alpha", [0.0, 1.0])
def test_beam_search_is_the_plain_search_over_mean_probabilities(
    way: Way, shapes: list[dict[str, object]], alpha: float
) -> None:
    source, lengths = tiny_batch(LENGTHS, 9)
    models = members(shapes)
    searched = way(Ensemble(models))
    found = beam_search(searched, source, lengths, beam_size=5, length_penalty=alpha, n_best=5, max_length=6)
    for row, hypotheses in enumerate(found):
        plain = PlainMean([PlainSearch(model, source[row, : LENGTHS[row]]) for model in models])
        expected = ranked(plain.beam(5, 6), alpha)
        assert [each.tokens for each in hypotheses] == [
            [token for token in each.tokens if token != EOS] for each in expected
        ]
        for hypothesis, reference in zip(hypotheses, expected, strict=True):
            assert hypothesis.log_probability == pytest.approx(reference.log_probability, abs=1e-9)


@ways
@pytest.mark.parametrize("shapes", [[{"attention": "general"}] * 2, MIXED])
def test_greedy_search_is_the_plain_beam_of_one(way: Way, shapes: list[dict[str, object]]) -> None:
    source, lengths = tiny_batch(LENGTHS, 9)
    models = members(shapes)
    for row, hypothesis in enumerate(greedy(way(Ensemble(models)), source, lengths, max_length=6)):
        plain = PlainMean([PlainSearch(model, source[row, : LENGTHS[row]]) for model in models])
        (expected,) = plain.beam(1, 6)
        assert hypothesis.tokens == [token for token in expected.tokens if token != EOS]
        assert hypothesis.log_probability == pytest.approx(expected.log_probability, abs=1e-9)


@pytest.mark.parametrize("shapes", [[{"attention": "dot"}] * 2, MIXED])
def test_attention_maps_are_means_of_those_that_have_some(shapes: list[dict[str, object]]) -> None:
    source, lengths = tiny_batch([5], 9)
    models = members(shapes)
    (found,) = greedy(Ensemble(models), source, lengths, max_length=6, with_attention=True)
    assert found.attention is not None
    assert found.attention.sum(1).tolist() == pytest.approx([1.0] * len(found.tokens))


@pytest.mark.parametrize("shapes", [[{"attention": "dot"}] * 3, MIXED])
@pytest.mark.parametrize("beam_size", [1, 4])
def test_a_sentence_does_not_depend_on_its_batch(beam_size: int, shapes: list[dict[str, object]]) -> None:
    source, lengths = tiny_batch([5, 3, 1, 4, 2, 5, 5, 3], 9)
    model = Ensemble(members(shapes)).float()
    options = {"beam_size": beam_size, "length_penalty": 1.0, "n_best": beam_size, "max_length": 8}
    together = beam_search(model, source, lengths, **options)  # type: ignore[arg-type]
    for row, length in enumerate(lengths.tolist()):
        (alone,) = beam_search(model, source[row : row + 1, :length], lengths[row : row + 1], **options)  # type: ignore[arg-type]
        assert [each.tokens for each in alone] == [each.tokens for each in together[row]]
        expected = [each.score for each in together[row]]
        assert [each.score for each in alone] == pytest.approx(expected, abs=1e-5)


@torch.no_grad()
def test_an_ensemble_in_an_ensemble_counts_as_one() -> None:
    source, lengths = tiny_batch(LENGTHS, 9)
    models = members(MIXED)
    nested = Ensemble([models[0], Ensemble(models[1:])])
    memory = nested.encode(source, lengths)
    token = torch.full((4,), SOS)
    scores, _, _ = nested.step(token, nested.initial_state(memory), memory)
    for row, length in enumerate(LENGTHS):
        first, *others = (np.exp(PlainSearch(model, source[row, :length]).log_probabilities(())) for model in models)
        np.testing.assert_allclose(scores[row].exp().numpy(), (first + np.mean(others, 0)) / 2, atol=1e-12)


@pytest.mark.parametrize("size", ["source_vocab_size", "target_vocab_size"])
def test_members_of_other_vocabularies_are_refused(size: str) -> None:
    with pytest.raises(ValueError, match="the same vocabularies"):
        Ensemble([tiny_model(), tiny_model(**{size: 12})])
