"""Loss and perplexity against a plain step-by-step loop."""

import math
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch

from seqlab.core.special_tokens import EOS, SOS
from seqlab.scoring.perplexity import as_perplexity, perplexity
from seqlab.seq2seq.engines.choice import CPU, PLAIN
from seqlab.seq2seq.engines.engine import LossOutput
from seqlab.seq2seq.model.seq2seq import Seq2Seq
from tests.evaluation.pairs import PAIRS, batches, make_model


@torch.no_grad()
def one_by_one(model: Seq2Seq) -> float:
    total, tokens = 0.0, 0
    for source, target in PAIRS:
        ids = torch.tensor([[*source, EOS]])
        memory = model.encode(ids, torch.tensor([ids.shape[1]]))
        state, token = model.initial_state(memory), SOS
        for label in [*target, EOS]:
            scores, state, _ = model.step(torch.tensor([token]), state, memory)
            total -= scores.log_softmax(1)[0, label].item()
            token = label
            tokens += 1
    return total / tokens


@pytest.mark.parametrize("size", [1, 2, 4])
def test_is_that_of_a_loop_over_each_token(size: int) -> None:
    model = make_model()
    loss, found = perplexity(model, batches(size), CPU)
    assert loss == pytest.approx(one_by_one(model), rel=1e-9)
    assert found == pytest.approx(math.exp(loss))


def test_is_the_engine_s() -> None:
    model, asked = make_model(), list[int]()

    def loss(*args: Any, **options: Any) -> LossOutput:
        asked.append(1)
        return PLAIN.loss(*args, **options)

    found = perplexity(model, batches(2), replace(PLAIN, loss=loss))
    assert found == pytest.approx(perplexity(model, batches(2), CPU), rel=1e-12)
    assert len(asked) == 2


def test_of_a_model_that_knows_nothing() -> None:
    model = make_model()
    torch.nn.init.zeros_(model.decoder.output_bias)
    assert model.decoder.output_weight is not None
    torch.nn.init.zeros_(model.decoder.output_weight)
    assert perplexity(model, batches(4), CPU)[1] == pytest.approx(12.0)


def test_beyond_floating_point() -> None:
    assert as_perplexity(1000.0) == math.inf
    assert math.isnan(as_perplexity(math.nan))


def test_leaves_no_gradient(tmp_path: Path) -> None:
    model = make_model()
    perplexity(model, batches(2), CPU)
    assert all(parameter.grad is None for parameter in model.parameters())
