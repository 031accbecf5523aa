"""What is kept of searches in fixed shapes: graphs, as long as the parameters stay where they are."""

from typing import Any

import pytest
import torch
from torch import Tensor

from seqlab.core.special_tokens import EOS
from seqlab.evaluation.search.beam import beam_search
from seqlab.seq2seq.decoding.fixed import LOOK, padded_shape
from seqlab.seq2seq.decoding.greedy import greedy
from seqlab.seq2seq.engines import ahead_model
from seqlab.seq2seq.engines.ahead_model import AheadModel
from seqlab.seq2seq.engines.cuda.stepwise import ahead
from seqlab.seq2seq.model.seq2seq import Seq2Seq
from tests.seq2seq.model.tiny import tiny_batch, tiny_model
from tests.training.graphs.stand_in import StandIn


def translate(model: Any, source: Tensor, lengths: Tensor, max_length: int = 20) -> list[tuple[list[int], float]]:
    found = [[each] for each in greedy(model, source, lengths, max_length=max_length)]
    found += beam_search(
        model, source, lengths, beam_size=3, length_penalty=1.0, n_best=2, max_length=max_length, with_attention=True
    )
    return [(each.tokens, each.score) for hypotheses in found for each in hypotheses]


def assert_same(model: Seq2Seq, searched: AheadModel, lengths: list[int]) -> None:
    source, of_source = tiny_batch(lengths, 9, sum(lengths))
    found, expected = (translate(each, source, of_source) for each in (searched, model))
    assert [tokens for tokens, _ in found] == [tokens for tokens, _ in expected]
    assert [score for _, score in found] == pytest.approx([score for _, score in expected], abs=1e-12)


@pytest.mark.parametrize(
    ("batch", "source_len", "expected"),
    [(1, 1, (16, 16)), (16, 15, (16, 16)), (17, 16, (64, 32)), (64, 31, (64, 32)), (65, 32, (128, 48))],
)
def test_shapes_are_few_and_leave_room(batch: int, source_len: int, expected: tuple[int, int]) -> None:
    assert padded_shape(batch, source_len) == expected


def test_batches_of_a_shape_share_its_graph_and_nothing_else() -> None:
    model, graphs = tiny_model(3, attention="dot", cell="lstm"), StandIn()
    searched = ahead(model, graphs)
    for lengths in ([3, 1, 5], [2] * 16, [1], [15, 3, 4]):
        assert_same(model, searched, lengths)
    assert graphs.captured == 2
    assert_same(model, searched, [16])
    assert graphs.captured == 4


def test_it_looks_now_and_then_whether_all_have_ended() -> None:
    model, graphs = tiny_model(), StandIn()
    with torch.no_grad():
        model.decoder.output_bias[EOS] = 50
    translate(ahead(model, graphs), *tiny_batch([2, 3], 9), max_length=50)
    # The first step of each search is not a replay.
    assert graphs.replayed == 2 * (LOOK - 1)


def test_parameters_that_change_are_read_anew_and_those_that_move_captured_anew() -> None:
    model, graphs = tiny_model(), StandIn()
    searched = ahead(model, graphs)
    assert_same(model, searched, [2, 3])
    with torch.no_grad():
        model.decoder.output_bias.add_(torch.linspace(-1, 1, 11))
    assert_same(model, searched, [2, 3])
    assert graphs.captured == 2
    model.decoder.output_bias.data = model.decoder.output_bias.data.flip(0).clone()
    assert_same(model, searched, [2, 3])
    assert graphs.captured == 4


def test_parameters_that_move_are_read_anew_where_nothing_is_captured() -> None:
    model = tiny_model()
    searched = ahead(model)
    assert_same(model, searched, [2, 3])
    for parameter in model.parameters():
        parameter.data = parameter.data.flip(0).clone()
    assert_same(model, searched, [2, 3])


def test_the_shape_that_came_last_is_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ahead_model, "MOST_SHAPES", 2)
    model, graphs = tiny_model(), StandIn()
    searched = ahead(model, graphs)
    for length, captured in ((1, 2), (16, 4), (16, 4), (1, 6)):
        assert_same(model, searched, [length])
        assert graphs.captured == captured


def test_what_cannot_be_captured_runs_as_it_is_and_the_log_says_so_once(caplog: pytest.LogCaptureFixture) -> None:
    def refuse(work: object) -> Any:
        raise RuntimeError("operation not permitted when stream is capturing\nmore")

    model = tiny_model(2, attention="additive")
    searched = ahead(model, refuse)
    for lengths in ([3, 1], [3, 1], [17]):
        assert_same(model, searched, lengths)
    assert [record.message for record in caplog.records] == [
        "searches are not captured as CUDA graphs, and are slower for it: operation not permitted when stream is "
        "capturing"
    ]
