"""Every engine gives the loss and the gradients of the plain one, which is the definition.

A new engine is one more in `PROVED`.
"""

from collections.abc import Iterator
from dataclasses import replace
from itertools import cycle, islice, product

import pytest
import torch
from torch import Tensor

from seqlab.core.special_tokens import SOS
from seqlab.seq2seq.engines.choice import CPU, CUDA, PLAIN
from seqlab.seq2seq.engines.engine import Engine, autocast
from seqlab.seq2seq.model.dropout import Dropout
from seqlab.seq2seq.model.seq2seq import Seq2Seq
from seqlab.training.teacher_forcing import toss
from tests.seq2seq.model.tiny import TINY, tiny_batch, tiny_model

PROVED = (CPU, CUDA)
proved = pytest.mark.parametrize("engine", PROVED, ids=lambda engine: engine.name)
every = pytest.mark.parametrize("engine", [PLAIN, *PROVED], ids=lambda engine: engine.name)

ATTENTIONS = (("none", False), *product(("dot", "general", "additive"), (False, True)))
COINS = tuple(product(("step", "token", "sequence"), (0.0, 0.3, 0.7, 1.0)))
# bidirectional, layers, tie_output, dropout, label_smoothing
OTHERS = tuple(product((False, True), (1, 2), (False, True), (0.0, 0.4), (0.0, 0.1)))
Others = tuple[bool, int, bool, float, float]

SOURCE_LENGTHS = [3, 5, 1, 4, 2]
TARGET_LENGTHS = [6, 4, 4, 2, 1]


def the_same(engine: Engine, model: Seq2Seq, coins: Tensor, label_smoothing: float, rate: float) -> Tensor:
    """Check loss, its gradients, and the loss without smoothing; the loss."""
    source, source_lengths = tiny_batch(SOURCE_LENGTHS, 9)
    target, target_lengths = tiny_batch(TARGET_LENGTHS, 11, seed=1)
    found = []
    for each in (PLAIN, engine):
        model.zero_grad()
        output = each.loss(
            model,
            source,
            source_lengths,
            target,
            target_lengths,
            coins,
            label_smoothing=label_smoothing,
            dropout=Dropout(rate, torch.Generator().manual_seed(2)),
        )
        output.loss.backward()  # type: ignore[no-untyped-call]
        assert output.tokens == sum(TARGET_LENGTHS)
        assert not output.nll.requires_grad
        gradients = {name: parameter.grad for name, parameter in model.named_parameters()}
        found.append((output.loss.detach(), output.nll, gradients))
    (plain, plain_nll, plain_gradients), (loss, nll, gradients) = found
    torch.testing.assert_close((loss, nll), (plain, plain_nll), rtol=1e-12, atol=0)
    for name, gradient in gradients.items():
        assert gradient is not None, name
        torch.testing.assert_close(gradient, plain_gradients[name], rtol=1e-9, atol=1e-13, msg=name)
    return loss


def check(
    engine: Engine,
    cell: str,
    attention: str,
    input_feeding: bool,
    context: str,
    coin: tuple[str, float],
    other: Others,
) -> None:
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
    the_same(engine, model, coins, label_smoothing, rate)


@proved
@pytest.mark.parametrize("context", ["initial", "every_step"])
@pytest.mark.parametrize(("attention", "input_feeding"), ATTENTIONS)
@pytest.mark.parametrize("cell", ["gru", "lstm", "rnn"])
def test_equals_the_plain_loop(engine: Engine, cell: str, attention: str, input_feeding: bool, context: str) -> None:
    # The other options take turns, each time from another place, so that over all cases each meets each.
    turn = 5 * ATTENTIONS.index((attention, input_feeding)) + len(cell) + len(context)
    others: Iterator[Others] = islice(cycle(OTHERS), turn, None, 3)
    for coin, other in zip(COINS, others, strict=False):
        check(engine, cell, attention, input_feeding, context, coin, other)


@pytest.mark.slow
@proved
@pytest.mark.parametrize("other", OTHERS)
@pytest.mark.parametrize("context", ["initial", "every_step"])
@pytest.mark.parametrize(("attention", "input_feeding"), ATTENTIONS)
@pytest.mark.parametrize("cell", ["gru", "lstm", "rnn"])
def test_equals_the_plain_loop_in_every_combination(
    engine: Engine, cell: str, attention: str, input_feeding: bool, context: str, other: Others
) -> None:
    # A coin each, in turns: over all cases each meets each cell, attention, context and other option.
    turn = OTHERS.index(other) + 5 * ATTENTIONS.index((attention, input_feeding)) + len(cell) + len(context)
    check(engine, cell, attention, input_feeding, context, COINS[turn % len(COINS)], other)


@every
@pytest.mark.parametrize("tie_output", [False, True])
def test_tied_embeddings_have_the_gradients_of_both_sides(engine: Engine, tie_output: bool) -> None:
    model = tiny_model(tie_embeddings=True, tie_output=tie_output, source_vocab_size=11, attention="dot", layers=2)
    the_same(engine, model, toss("token", 0.5, 5, 6, torch.Generator().manual_seed(1)), 0.1, 0.3)


@proved
def test_of_words_that_score_the_same_the_lowest_is_fed(engine: Engine) -> None:
    model = tiny_model()
    assert model.decoder.output_weight is not None
    with torch.no_grad():
        model.decoder.output_weight[[5, 7]] = model.decoder.output_weight[10].clone()
        model.decoder.output_bias[[10, 5, 7]] = 99.0
    coins = torch.zeros(5, 6, dtype=torch.bool)
    the_same(engine, model, coins, 0.0, 0.0)
    gradient = model.decoder.embedding.weight.grad
    assert gradient is not None
    assert gradient.any(1).nonzero().flatten().tolist() == [SOS, 5]


@every
def test_the_models_own_words_are_fed_where_the_coin_says_so(engine: Engine) -> None:
    model = tiny_model()
    coins = torch.ones(5, 6, dtype=torch.bool)
    truth = the_same(engine, model, coins, 0.0, 0.0)
    coins[:, 0] = False
    assert the_same(engine, model, coins, 0.0, 0.0) == truth  # the first step is fed SOS whatever its coin
    coins[0, 3] = False
    assert the_same(engine, model, coins, 0.0, 0.0) != truth
    coins[0, 3] = True
    coins[3, 2:] = False  # after the end of that sentence
    assert the_same(engine, model, coins, 0.0, 0.0) == truth


@every
@pytest.mark.parametrize("cell", ["gru", "lstm", "rnn"])
def test_order_of_rows_and_padding_change_nothing(engine: Engine, cell: str) -> None:
    model = tiny_model(attention="dot", bidirectional=True, cell=cell)
    source, source_lengths = tiny_batch(SOURCE_LENGTHS, 9)
    target, target_lengths = tiny_batch(TARGET_LENGTHS, 11, seed=1)
    coins = toss("token", 0.5, 5, 6, torch.Generator().manual_seed(1))
    expected = engine.loss(model, source, source_lengths, target, target_lengths, coins)
    order = torch.tensor([3, 0, 4, 2, 1])
    wide_target = torch.cat([torch.where(target == 0, 10**6, target), torch.full((5, 3), -1)], 1)
    wide_coins = torch.cat([coins, torch.zeros(5, 3, dtype=torch.bool)], 1)
    source = torch.where(source == 0, 10**6, source)
    other = engine.loss(
        model, source[order], source_lengths[order], wide_target[order], target_lengths[order], wide_coins[order]
    )
    assert other.tokens == expected.tokens == sum(TARGET_LENGTHS)
    torch.testing.assert_close(other.loss, expected.loss, rtol=1e-12, atol=0)


@every
def test_nll_is_the_loss_without_smoothing(engine: Engine) -> None:
    model = tiny_model()
    coins = torch.ones(5, 6, dtype=torch.bool)
    batch = (*tiny_batch(SOURCE_LENGTHS, 9), *tiny_batch(TARGET_LENGTHS, 11, seed=1), coins)
    plain, smoothed = (engine.loss(model, *batch, label_smoothing=smoothing) for smoothing in (0.0, 0.2))
    assert plain.loss.item() == plain.nll.item() == pytest.approx(smoothed.nll.item(), rel=1e-12)
    assert smoothed.loss.item() != smoothed.nll.item()
    with torch.no_grad():
        quick = engine.loss(model, *batch)
    assert not quick.loss.requires_grad
    assert quick.loss.item() == pytest.approx(plain.loss.item(), rel=1e-12)


@every
@pytest.mark.parametrize("ratio", [0.0, 0.5, 1.0])
@pytest.mark.parametrize("attention", ["none", "additive"])
def test_bfloat16_autocast_comes_near(engine: Engine, ratio: float, attention: str) -> None:
    shape = replace(TINY, attention=attention, hidden_size=16, embedding_size=16, bidirectional=True)
    model = Seq2Seq(shape, torch.Generator().manual_seed(0))
    coins = toss("token", ratio, 5, 6, torch.Generator().manual_seed(1))
    batch = (*tiny_batch(SOURCE_LENGTHS, 9), *tiny_batch(TARGET_LENGTHS, 11, seed=1), coins)
    gradients = []
    for precision in ("float32", "bfloat16"):
        with autocast(torch.device("cpu"), precision):
            assert torch.is_autocast_enabled("cpu") == (precision == "bfloat16")
            output = engine.loss(model, *batch, label_smoothing=0.1)
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
