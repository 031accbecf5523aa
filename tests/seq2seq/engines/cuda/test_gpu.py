"""The cuda engine on a GPU: what only one can show."""

import copy
from collections.abc import Callable, Iterator
from typing import Any

import pytest
import torch
from torch import Tensor

from seqlab.evaluation.search.beam import beam_search
from seqlab.evaluation.search.ensemble import Ensemble
from seqlab.seq2seq.decoding.greedy import greedy
from seqlab.seq2seq.decoding.hypothesis import Hypothesis
from seqlab.seq2seq.decoding.ranking import best_continuations, best_unasked
from seqlab.seq2seq.engines.capture import CudaGraphs, Work
from seqlab.seq2seq.engines.choice import CUDA, PLAIN
from seqlab.seq2seq.engines.cuda.masks import CounterMasks
from seqlab.seq2seq.engines.cuda.stepwise import ahead
from seqlab.seq2seq.engines.engine import Engine
from seqlab.seq2seq.model.dropout import Dropout
from seqlab.seq2seq.model.seq2seq import Seq2Seq
from seqlab.text.batches import Batch
from seqlab.training.ahead import AheadUpdater
from seqlab.training.digests import ParameterDigests
from seqlab.training.teacher_forcing import toss
from tests.seq2seq.model.tiny import calm, tiny_batch, tiny_model
from tests.training.conftest import make_model, make_params
from tests.training.graphs.test_steps import KINDS

pytestmark = [
    pytest.mark.gpu,
    pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA device: run on a machine with a GPU"),
]


class Counting(CudaGraphs):
    """Counts what it captures."""

    captured = 0

    def __call__(self, work: Work) -> Work:
        self.captured += 1
        return super().__call__(work)


def uncaptured(work: Work) -> Work:
    return work


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind["cell"])
def test_loss_and_gradients_are_the_plain_engines_on_the_cpu(kind: dict[str, Any]) -> None:
    source, source_lengths = tiny_batch([3, 5, 1, 4, 2], 9)
    target, target_lengths = tiny_batch([6, 4, 4, 2, 1], 11, seed=1)
    coins = toss("token", 0.5, 5, 6, torch.Generator().manual_seed(1))
    found = []
    for engine, device in ((PLAIN, "cpu"), (CUDA, "cuda")):
        model = tiny_model(**kind).to(device)
        output = engine.loss(
            model,
            source.to(device),
            source_lengths,
            target.to(device),
            target_lengths,
            coins,
            label_smoothing=0.1,
            dropout=Dropout(0.3, torch.Generator().manual_seed(2)),
        )
        output.loss.backward()  # type: ignore[no-untyped-call]
        found.append([output.loss.detach().cpu(), *(p.grad.cpu() for p in model.parameters() if p.grad is not None)])
    for expected, here in zip(*found, strict=True):
        torch.testing.assert_close(here, expected, rtol=1e-9, atol=1e-12)


def test_masks_are_those_of_the_cpu() -> None:
    real, key = torch.ones(7, 5, dtype=torch.bool), torch.tensor(0x548C9DECBCE65297)
    here, there = (CounterMasks(0.4, key.to(device))(2, real.to(device), 30) for device in ("cpu", "cuda"))
    assert here is not None
    assert there is not None
    assert torch.equal(here, there.cpu())


@pytest.fixture
def deterministic() -> Iterator[None]:
    """As a stage computes."""
    before = torch.are_deterministic_algorithms_enabled()
    torch.use_deterministic_algorithms(True)
    yield
    torch.use_deterministic_algorithms(before)


@pytest.mark.usefixtures("deterministic")
@pytest.mark.parametrize("precision", ["float32", "bfloat16"])
@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind["cell"])
def test_thrice_the_same_bytes_captured_or_not(kind: dict[str, Any], precision: str) -> None:
    options = {"embedding_size": 16, "hidden_size": 16, "dropout": 0.3, **kind}
    changes = {"average_decay": 0.9, "label_smoothing": 0.1, "precision": precision, "batch_size": 8}
    params = make_params(model=options, train=changes | {"teacher_forcing_granularity": "token"})
    model = make_model(params, 50, 50)
    graphs = [Counting(), Counting()]
    tables = [_trained(copy.deepcopy(model), params, capture) for capture in (*graphs, uncaptured)]
    assert torch.equal(tables[0], tables[1])
    assert torch.equal(tables[0], tables[2])
    # Two shapes, and the digests.
    assert [each.captured for each in graphs] == [3, 3]


def _trained(model: Seq2Seq, params: Any, capture: Any) -> Tensor:
    """The digests of eight steps on batches of two shapes."""
    updater = AheadUpdater(model.cuda(), params.train, 1, CUDA, capture=capture)
    digests = ParameterDigests(updater.model, updater.repeated)
    for step in range(1, 9):
        updater.begin(_batch(step), step=step, learning_rate=0.01 / step, place="here")
        digests.add()
    updater.finish()
    return digests.table


def _batch(number: int) -> Batch:
    longest = (5, 9)[number % 2]
    draw = torch.Generator().manual_seed(number)
    sides = [torch.randint(longest - 1, longest + 1, (8,), generator=draw) for _ in range(2)]
    padded = [tiny_batch(lengths.tolist(), 50, number + place) for place, lengths in enumerate(sides)]
    return Batch(*padded[0], *padded[1], torch.arange(8))


def _greedy(model: Any, source: Tensor, lengths: Tensor) -> list[list[Hypothesis]]:
    return [[found] for found in greedy(model, source, lengths, max_length=13, with_attention=True)]


def _beam(model: Any, source: Tensor, lengths: Tensor) -> list[list[Hypothesis]]:
    return beam_search(
        model, source, lengths, beam_size=5, length_penalty=1.0, n_best=3, max_length=13, with_attention=True
    )


@pytest.mark.usefixtures("deterministic")
@pytest.mark.parametrize("search", [_greedy, _beam])
@pytest.mark.parametrize("members", [1, 2])
@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind["cell"])
def test_searches_give_the_same_bits_captured_or_not(
    kind: dict[str, Any], members: int, search: Callable[..., list[list[Hypothesis]]]
) -> None:
    models = [calm(tiny_model(seed, **kind, target_vocab_size=150)).float().cuda() for seed in range(members)]
    model, graphs = models[0] if members == 1 else Ensemble(models), Counting()
    captured, plain = ahead(model, graphs), ahead(model, uncaptured)
    # Of one shape, and of another.
    for number, rows in enumerate((9, 16, 3, 70, 70)):
        draw = torch.Generator().manual_seed(number)
        source, lengths = tiny_batch(torch.randint(1, 15, (rows,), generator=draw).tolist(), 9, number)
        both = [search(each, source.cuda(), lengths) for each in (captured, plain)]
        for found, expected in zip(*both, strict=True):
            for one, other in zip(found, expected, strict=True):
                assert (one.tokens, one.score) == (other.tokens, other.score)
                assert (one.attention is None) == (other.attention is None)
                assert one.attention is None or torch.equal(one.attention, other.attention)
    assert graphs.captured == 2


@pytest.mark.parametrize("search", [_greedy, _beam])
@pytest.mark.parametrize("engine", [CUDA, PLAIN], ids=lambda engine: engine.name)
@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind["cell"])
def test_searches_find_what_they_find_on_the_cpu(
    kind: dict[str, Any], engine: Engine, search: Callable[..., list[list[Hypothesis]]]
) -> None:
    model = calm(tiny_model(3, **kind))
    source, lengths = tiny_batch([3, 1, 5, 2] * 20, 9)
    expected = search(model, source, lengths)
    searched = engine.searched(engine.stepwise(model.cuda()))
    for found, there in zip(search(searched, source.cuda(), lengths), expected, strict=True):
        assert [each.tokens for each in found] == [each.tokens for each in there]
        assert [each.score for each in found] == pytest.approx([each.score for each in there], abs=1e-9)


@pytest.mark.parametrize("places", [60, 6000, 32000])
def test_of_equal_scores_the_first_are_found(places: int) -> None:
    scores = torch.randint(5, (30, 10, places), generator=torch.Generator().manual_seed(places)).float()
    offsets = torch.zeros(30, 10, dtype=torch.float64)
    for count in (1, 10):
        expected = best_continuations(scores, offsets, count)
        found = best_continuations(scores.cuda(), offsets.cuda(), count, best_unasked)
        for one, other in zip(found, expected, strict=True):
            assert torch.equal(one.cpu(), other)
