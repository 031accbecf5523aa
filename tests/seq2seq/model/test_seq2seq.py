"""The model against the plain engine and the equations of the papers, sentence by sentence and step by step."""

from itertools import product

import pytest
import torch
from torch import Tensor

from seqlab.core.special_tokens import SOS
from seqlab.seq2seq.engines.plain import loss as plain
from seqlab.seq2seq.model.dropout import Masks
from seqlab.seq2seq.model.packing import Packing
from seqlab.seq2seq.model.seq2seq import Seq2Seq
from tests.seq2seq.model.tiny import tiny_batch, tiny_model

CELLS = ("gru", "lstm", "rnn")
ATTENTIONS = (("none", False), *product(("dot", "general", "additive"), (False, True)))


@pytest.mark.parametrize("context", ["initial", "every_step"])
@pytest.mark.parametrize(("attention", "input_feeding"), ATTENTIONS)
@pytest.mark.parametrize("cell", CELLS)
def test_step_computes_the_documented_equations(cell: str, attention: str, input_feeding: bool, context: str) -> None:
    for bidirectional, layers, tie_output in product((False, True), (1, 2), (False, True)):
        model = tiny_model(
            cell=cell,
            attention=attention,
            input_feeding=input_feeding,
            context=context,
            bidirectional=bidirectional,
            layers=layers,
            tie_output=tie_output,
        )
        lengths = [3, 5, 1]
        source, source_lengths = tiny_batch(lengths, 9)
        fed = [[SOS, 4, 7], [SOS, 9, 9], [SOS, 1, 5]]
        scores, weights = _by_steps(model, source, source_lengths, fed)
        for row, length in enumerate(lengths):
            expected, expected_weights = _plainly(model, source[row, :length], fed[row])
            torch.testing.assert_close(scores[row], expected, rtol=1e-10, atol=1e-12)
            if expected_weights is not None and weights is not None:
                torch.testing.assert_close(weights[row, :, :length], expected_weights, rtol=1e-10, atol=1e-12)
                assert (weights[row, :, length:] == 0).all()


@pytest.mark.parametrize("cell", CELLS)
@pytest.mark.parametrize("bidirectional", [False, True])
def test_padding_changes_nothing(cell: str, bidirectional: bool) -> None:
    model = tiny_model(cell=cell, attention="general", bidirectional=bidirectional, layers=2, context="every_step")
    source, lengths = tiny_batch([2, 6, 4], 9)
    fed = [[SOS, 5, 6]] * 3
    scores, _ = _by_steps(model, source, lengths, fed)
    other = torch.where(source == 0, 8, source)
    wider = torch.cat([other, torch.full((3, 4), 7)], 1)
    for changed in (other, wider):
        torch.testing.assert_close(_by_steps(model, changed, lengths, fed)[0], scores, rtol=0, atol=1e-12)


@pytest.mark.parametrize(("attention", "input_feeding"), ATTENTIONS)
def test_several_hypotheses_of_a_source_step_as_if_each_had_its_own(attention: str, input_feeding: bool) -> None:
    model = tiny_model(attention=attention, input_feeding=input_feeding, context="every_step", cell="lstm")
    source, lengths = tiny_batch([4, 2], 9)
    memory = model.encode(source, lengths)
    copies = torch.tensor([0, 0, 0, 1, 1, 1])
    token = torch.tensor([4, 5, 6, 7, 8, 9])
    state = model.initial_state(memory).select(copies)
    shared_scores, shared_state, shared_weights = model.step(token, state, memory)
    own_scores, own_state, own_weights = model.step(token, state, memory.select(copies))
    torch.testing.assert_close(shared_scores, own_scores)
    torch.testing.assert_close(shared_state.recurrent.hidden, own_state.recurrent.hidden)
    if own_weights is not None:
        torch.testing.assert_close(shared_weights, own_weights)


@pytest.mark.parametrize("cell", CELLS)
@pytest.mark.parametrize("context", ["initial", "every_step"])
def test_advance_over_many_steps_equals_one_at_a_time(cell: str, context: str) -> None:
    model = tiny_model(cell=cell, context=context, attention="dot", layers=2)
    memory = model.encode(*tiny_batch([3, 4, 2], 9))
    lengths = [4, 2, 1]
    tokens, _ = tiny_batch(lengths, 11)
    packing = Packing.of_lengths(torch.tensor(lengths))
    masks = model.decoder.masks(None, sum(lengths))
    seen, state = model.decoder.advance(
        packing.pack(tokens), packing, model.initial_state(memory), memory.context, masks
    )
    readout, _ = model.decoder.read(seen, packing, memory)
    padded = packing.pad(model.decoder.scores(readout))
    fed = tokens.tolist()
    scores, _ = _by_steps(model, *tiny_batch([3, 4, 2], 9), fed)
    for row, length in enumerate(lengths):
        torch.testing.assert_close(padded[row, :length], scores[row, :length], rtol=1e-10, atol=1e-12)
        alone = model.encode(*tiny_batch([3, 4, 2], 9)).select(torch.tensor([row]))
        last = model.initial_state(alone)
        for token in fed[row][:length]:
            _, last, _ = model.step(torch.tensor([token]), last, alone)
        torch.testing.assert_close(state.recurrent.hidden[:, row], last.recurrent.hidden[:, 0], rtol=1e-10, atol=1e-12)


def test_a_tied_output_has_no_weight_of_its_own() -> None:
    tied = dict(tiny_model(tie_output=True).named_parameters())
    assert "decoder.output_weight" not in tied
    assert "decoder.output_weight" in dict(tiny_model(tie_output=False).named_parameters())


@pytest.mark.parametrize("tie_output", [False, True])
def test_tied_embeddings_are_one_parameter_with_the_gradients_of_both_sides(tie_output: bool) -> None:
    tied = tiny_model(tie_embeddings=True, tie_output=tie_output, attention="dot", source_vocab_size=11)
    apart = tiny_model(tie_output=tie_output, attention="dot", source_vocab_size=11)
    names = {name for name, _ in tied.named_parameters()}
    assert {name for name, _ in apart.named_parameters()} - names == {"decoder.embedding.weight"}
    with torch.no_grad():
        for name, parameter in tied.named_parameters():
            apart.get_parameter(name).copy_(parameter)
        apart.decoder.embedding.weight.copy_(tied.encoder.embedding.weight)
    source, lengths = tiny_batch([3, 5], 9)
    found = []
    for model in (tied, apart):
        scores, _ = _by_steps(model, source, lengths, [[SOS, 4, 7], [SOS, 9, 9]])
        scores.square().sum().backward()  # type: ignore[no-untyped-call]
        found.append(scores.detach())
    torch.testing.assert_close(*found, rtol=0, atol=0)
    both = [model.encoder.embedding.weight.grad for model in (tied, apart)] + [apart.decoder.embedding.weight.grad]
    assert all(gradient is not None and gradient.any() for gradient in both)
    torch.testing.assert_close(both[0], both[1] + both[2], rtol=1e-12, atol=1e-14)  # type: ignore[operator]


def test_two_vocabularies_cannot_share_an_embedding() -> None:
    with pytest.raises(ValueError, match="one vocabulary"):
        tiny_model(tie_embeddings=True, source_vocab_size=9, target_vocab_size=10)


def _by_steps(model: Seq2Seq, source: Tensor, lengths: Tensor, fed: list[list[int]]) -> tuple[Tensor, Tensor | None]:
    memory = model.encode(source, lengths)
    state = model.initial_state(memory)
    scores, weights = [], []
    for tokens in zip(*fed, strict=True):
        score, state, weight = model.step(torch.tensor(tokens), state, memory)
        scores.append(score)
        weights += [] if weight is None else [weight]
    return torch.stack(scores, 1), torch.stack(weights, 1) if weights else None


def _plainly(model: Seq2Seq, source: Tensor, fed: list[int]) -> tuple[Tensor, Tensor | None]:
    encoded = plain.encode(model, source[None], torch.tensor([len(source)]), None)
    state, readout = encoded.state, encoded.context.new_zeros(1, model.config.readout_size)
    scores, weights = [], []
    for token in fed:
        score, state, readout, weight = plain.decode(model, torch.tensor([token]), state, readout, encoded, Masks())
        scores.append(score[0])
        weights += [] if weight is None else [weight[0]]
    return torch.stack(scores), torch.stack(weights) if weights else None
