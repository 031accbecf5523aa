"""Losses by position against one sentence at a time, step by step."""

import pytest
import torch

from seqlab.core.special_tokens import EOS, SOS
from seqlab.evaluation.exposure import exposure
from seqlab.scoring.perplexity import perplexity
from seqlab.seq2seq.engines.choice import CPU
from seqlab.seq2seq.model.seq2seq import Seq2Seq
from tests.evaluation.pairs import PAIRS, batches, make_model


@torch.no_grad()
def one_by_one(model: Seq2Seq, *, forced: bool) -> dict[int, list[float]]:
    losses: dict[int, list[float]] = {}
    for source, target in PAIRS:
        ids = torch.tensor([[*source, EOS]])
        memory = model.encode(ids, torch.tensor([ids.shape[1]]))
        state, token = model.initial_state(memory), SOS
        for position, label in enumerate([*target, EOS], start=1):
            scores, state, _ = model.step(torch.tensor([token]), state, memory)
            losses.setdefault(position, []).append(-scores.log_softmax(1)[0, label].item())
            token = label if forced else int(scores.argmax())
    return losses


@pytest.mark.parametrize("size", [1, 3, 4])
@pytest.mark.parametrize("input_feeding", [False, True])
def test_losses_are_those_of_a_plain_loop(size: int, input_feeding: bool) -> None:
    model = make_model(input_feeding=input_feeding)
    gold, own = one_by_one(model, forced=True), one_by_one(model, forced=False)
    found = exposure(model, list(batches(size)))
    assert [each.position for each in found] == [1, 2, 3, 4, 5]
    assert [each.tokens for each in found] == [4, 3, 2, 1, 1]
    for each in found:
        assert each.gold_nll == pytest.approx(sum(gold[each.position]) / each.tokens, rel=1e-12)
        assert each.own_nll == pytest.approx(sum(own[each.position]) / each.tokens, rel=1e-12)
    # The first token has no words before it; later the two prefixes part.
    assert found[0].gold_nll == found[0].own_nll
    assert found[1].gold_nll != found[1].own_nll


def test_all_positions_together_are_the_loss_under_teacher_forcing() -> None:
    model = make_model()
    found = exposure(model, list(batches(2)))
    mean = sum(each.gold_nll * each.tokens for each in found) / sum(each.tokens for each in found)
    assert mean == pytest.approx(perplexity(model, batches(2), CPU)[0], rel=1e-12)
