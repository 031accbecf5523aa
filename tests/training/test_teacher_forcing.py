"""The fast teacher-forced loss and its gradients equal the literal step-by-step loop's."""

from collections.abc import Iterator
from dataclasses import replace
from itertools import cycle, islice, product

import pytest
import torch
from torch import Tensor

from seqlab.model.decoder import Decoder, UnrolledDecoder
from seqlab.model.dropout import Dropout
from seqlab.model.seq2seq import Seq2Seq
from seqlab.seq2seq.engines.cpu.loss import teacher_forced_loss
from seqlab.training.teacher_forcing import toss
from tests.model.tiny import TINY, tiny_batch, tiny_model
from tests.training.step_by_step import literal_loss

ATTENTIONS = (("none", False), *product(("dot", "general", "additive"), (False, True)))
COINS = tuple(product(("step", "token", "sequence"), (0.0, 0.3, 0.7, 1.0)))
# bidirectional, layers, tie_output, dropout, label_smoothing
OTHERS = tuple(product((False, True), (1, 2), (False, True), (0.0, 0.4), (0.0, 0.1)))
Others = tuple[bool, int, bool, float, float]

SOURCE_LENGTHS = [3, 5, 1, 4, 2]
TARGET_LENGTHS = [6, 4, 4, 2, 1]


def the_same(model: Seq2Seq, coins: Tensor, label_smoothing: float, rate: float) -> Tensor:
    """Check loss and gradients; the loss."""
    source, source_lengths = tiny_batch(SOURCE_LENGTHS, 9)
    target, target_lengths = tiny_batch(TARGET_LENGTHS, 11, seed=1)
    found = []
    for function in (literal_loss, teacher_forced_loss):
        model.zero_grad()
        output = function(
            model,
            source,
            source_lengths,
            target,
            target_lengths,
            coins,
            label_smoothing=label_smoothing,
            dropout=Dropout(rate, torch.Generator().manual_seed(2)),
        )
        loss = output if isinstance(output, Tensor) else output.loss
        loss.backward()  # type: ignore[no-untyped-call]
        found.append((loss.detach(), {name: parameter.grad for name, parameter in model.named_parameters()}))
    (literal, literal_gradients), (fast, gradients) = found
    torch.testing.assert_close(fast, literal, rtol=1e-12, atol=0)
    for name, gradient in gradients.items():
        assert gradient is not None, name
        torch.testing.assert_close(gradient, literal_gradients[name], rtol=1e-9, atol=1e-13, msg=name)
    return fast


def check(cell: str, attention: str, input_feeding: bool, context: str, coin: tuple[str, float], other: Others) -> None:
    bidirectional, layers, tie_output, rate, label_smoothing = other
    model = tiny_model(
        cell=cell,
        attention=attention,
        input_feeding=input_feeding,
        context=context,
        bidirectional=bidirectional,
        layers=layers,
        tie_output=tie_output,
    )
    coins = toss(*coin, len(TARGET_LENGTHS), max(TARGET_LENGTHS), torch.Generator().manual_seed(3))
    the_same(model, coins, label_smoothing, rate)


@pytest.mark.parametrize("context", ["initial", "every_step"])
@pytest.mark.parametrize(("attention", "input_feeding"), ATTENTIONS)
@pytest.mark.parametrize("cell", ["gru", "lstm", "rnn"])
def test_equals_the_literal_loop(cell: str, attention: str, input_feeding: bool, context: str) -> None:
    # The other options take turns, each time from another place, so that over all cases each meets each.
    turn = 5 * ATTENTIONS.index((attention, input_feeding)) + len(cell) + len(context)
    others: Iterator[Others] = islice(cycle(OTHERS), turn, None, 3)
    for coin, other in zip(COINS, others, strict=False):
        check(cell, attention, input_feeding, context, coin, other)


@pytest.mark.slow
@pytest.mark.parametrize("other", OTHERS)
@pytest.mark.parametrize("context", ["initial", "every_step"])
@pytest.mark.parametrize(("attention", "input_feeding"), ATTENTIONS)
@pytest.mark.parametrize("cell", ["gru", "lstm", "rnn"])
def test_equals_the_literal_loop_in_every_combination(
    cell: str, attention: str, input_feeding: bool, context: str, other: Others
) -> None:
    # Every other coin, in turns: each meets each cell, attention and context with half of the other options.
    turn = OTHERS.index(other) + ATTENTIONS.index((attention, input_feeding)) + len(cell) + len(context)
    for coin in COINS[turn % 2 :: 2]:
        check(cell, attention, input_feeding, context, coin, other)


def test_the_models_own_words_are_fed_where_the_coin_says_so() -> None:
    model = tiny_model()
    coins = torch.ones(5, 6, dtype=torch.bool)
    truth = the_same(model, coins, 0.0, 0.0)
    coins[:, 0] = False
    assert the_same(model, coins, 0.0, 0.0) == truth  # the first step is fed SOS whatever its coin
    coins[0, 3] = False
    assert the_same(model, coins, 0.0, 0.0) != truth
    coins[0, 3] = True
    coins[3, 2:] = False  # after the end of that sentence
    assert the_same(model, coins, 0.0, 0.0) == truth


def test_order_of_rows_and_padding_change_nothing() -> None:
    model = tiny_model(attention="dot", bidirectional=True)
    source, source_lengths = tiny_batch(SOURCE_LENGTHS, 9)
    target, target_lengths = tiny_batch(TARGET_LENGTHS, 11, seed=1)
    coins = toss("token", 0.5, 5, 6, torch.Generator().manual_seed(1))
    expected = teacher_forced_loss(model, source, source_lengths, target, target_lengths, coins)
    order = torch.tensor([3, 0, 4, 2, 1])
    wide_target = torch.cat([torch.where(target == 0, 10**6, target), torch.full((5, 3), -1)], 1)
    wide_coins = torch.cat([coins, torch.zeros(5, 3, dtype=torch.bool)], 1)
    source = torch.where(source == 0, 10**6, source)
    other = teacher_forced_loss(
        model, source[order], source_lengths[order], wide_target[order], target_lengths[order], wide_coins[order]
    )
    assert other.tokens == expected.tokens == sum(TARGET_LENGTHS)
    torch.testing.assert_close(other.loss, expected.loss, rtol=1e-12, atol=0)


def test_nll_is_the_loss_without_smoothing() -> None:
    model = tiny_model()
    coins = torch.ones(5, 6, dtype=torch.bool)
    batch = (*tiny_batch(SOURCE_LENGTHS, 9), *tiny_batch(TARGET_LENGTHS, 11, seed=1), coins)
    plain, smoothed = (teacher_forced_loss(model, *batch, label_smoothing=smoothing) for smoothing in (0.0, 0.2))
    assert plain.loss.item() == plain.nll.item() == pytest.approx(smoothed.nll.item(), rel=1e-12)
    assert smoothed.loss.item() != smoothed.nll.item()
    with torch.no_grad():
        quick = teacher_forced_loss(model, *batch)
    assert not quick.loss.requires_grad
    assert quick.loss.item() == pytest.approx(plain.loss.item(), rel=1e-12)


@pytest.mark.parametrize(
    ("ratio", "granularity", "calls"),
    [(1.0, "step", 1), (0.0, "step", 6), (1.0, "token", 1), (0.0, "sequence", 6)],
)
@pytest.mark.parametrize("cell", ["gru", "lstm"])
def test_steps_between_two_choices_are_one_call(
    ratio: float, granularity: str, calls: int, cell: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    counted: list[int] = []
    for kind, name in ((Decoder, "advance"), (UnrolledDecoder, "run")):
        _count(kind, name, counted, monkeypatch)
    coins = toss(granularity, ratio, 5, 6, torch.Generator())
    batch = (*tiny_batch(SOURCE_LENGTHS, 9), *tiny_batch(TARGET_LENGTHS, 11, seed=1), coins)
    teacher_forced_loss(tiny_model(attention="dot", cell=cell), *batch)
    assert len(counted) == calls


def _count(kind: type, name: str, counted: list[int], monkeypatch: pytest.MonkeyPatch) -> None:
    method = getattr(kind, name)

    def counting(*args: object) -> object:
        counted.append(1)
        return method(*args)

    monkeypatch.setattr(kind, name, counting)


@pytest.mark.parametrize("ratio", [0.0, 0.5, 1.0])
@pytest.mark.parametrize("attention", ["none", "additive"])
def test_bfloat16_autocast_comes_near(ratio: float, attention: str) -> None:
    shape = replace(TINY, attention=attention, hidden_size=16, embedding_size=16, bidirectional=True)
    model = Seq2Seq(shape, torch.Generator().manual_seed(0))
    coins = toss("token", ratio, 5, 6, torch.Generator().manual_seed(1))
    batch = (*tiny_batch(SOURCE_LENGTHS, 9), *tiny_batch(TARGET_LENGTHS, 11, seed=1), coins)
    gradients = []
    for enabled in (False, True):
        with torch.autocast("cpu", torch.bfloat16, enabled=enabled):
            output = teacher_forced_loss(model, *batch, label_smoothing=0.1)
        model.zero_grad()
        output.loss.backward()  # type: ignore[no-untyped-call]
        assert output.loss.dtype == torch.float32
        gradients.append(torch.cat([_gradient(parameter) for parameter in model.parameters()]))
    exact, rough = gradients
    assert (exact - rough).norm() / exact.norm() < 0.1


def _gradient(parameter: Tensor) -> Tensor:
    assert parameter.grad is not None  # under autocast, too, every parameter takes part
    assert parameter.grad.dtype == torch.float32
    return parameter.grad.flatten()
