"""The fused projection and cross-entropy against PyTorch's own, and its gradients against finite differences."""

import math

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor

from seqlab.seq2seq.engines.cpu import score_gradients, vocabulary_loss
from seqlab.seq2seq.engines.cpu.vocabulary_loss import VocabularyLoss
from seqlab.seq2seq.model.linear import gradient_of_weight, linear

TOKENS, SIZE, WORDS = 7, 3, 5


@pytest.fixture(params=[1, 3, 100])
def chunk(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> int:
    """Rows of a chunk: one, some, all."""
    rows: int = request.param
    monkeypatch.setattr(vocabulary_loss, "_CHUNK_SCORES", rows * WORDS)
    return rows


def tensors(requires_grad: bool = True) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    generator = torch.Generator().manual_seed(0)
    readout, weight, bias = (
        torch.randn(shape, generator=generator, dtype=torch.float64).requires_grad_(requires_grad)
        for shape in ((TOKENS, SIZE), (WORDS, SIZE), (WORDS,))
    )
    return readout, weight, bias, torch.randint(WORDS, (TOKENS,), generator=generator)


@pytest.mark.parametrize("smoothing", [0.0, 0.1, 0.9])
@pytest.mark.parametrize("asked", [[], [6], [2, 0, 5], list(range(TOKENS))])
def test_loss_and_gradients_equal_those_of_pytorch(asked: list[int], smoothing: float, chunk: int) -> None:
    readout, weight, bias, labels = tensors()
    scores = F.linear(readout, weight, bias)
    expected = F.cross_entropy(scores, labels, label_smoothing=smoothing)
    expected_gradients = torch.autograd.grad(3 * expected, (readout, weight, bias))
    fused = VocabularyLoss(weight, bias, labels, smoothing)
    if asked:
        predictions = fused.predict(readout.detach()[asked], torch.tensor(asked))
        assert torch.equal(predictions, scores[asked].argmax(1))
    loss, nll = fused.total(readout)
    gradients = torch.autograd.grad(3 * loss, (readout, weight, bias))
    torch.testing.assert_close(loss, expected, rtol=1e-12, atol=0)
    torch.testing.assert_close(nll, F.cross_entropy(scores, labels).detach(), rtol=1e-12, atol=0)
    for found, reference in zip(gradients, expected_gradients, strict=True):
        torch.testing.assert_close(found, reference, rtol=1e-10, atol=1e-14)


def test_gradients_are_those_of_finite_differences(chunk: int) -> None:
    readout, weight, bias, labels = tensors()

    def loss(readout: Tensor, weight: Tensor, bias: Tensor) -> Tensor:
        return VocabularyLoss(weight, bias, labels, 0.2).total(readout)[0]

    assert torch.autograd.gradcheck(loss, (readout, weight, bias))


def test_extreme_scores_stay_finite() -> None:
    readout, weight, bias, labels = (tensor.detach() for tensor in tensors())
    weight = (1e4 * weight).float().requires_grad_()
    loss, _ = VocabularyLoss(weight, bias.float(), labels, 0.1).total(readout.float())
    expected = F.cross_entropy(F.linear(readout.float(), weight, bias.float()), labels, label_smoothing=0.1)
    torch.testing.assert_close(loss, expected)
    (gradient,) = torch.autograd.grad(loss, weight)
    assert gradient.isfinite().all()


def test_extreme_scores_under_autocast() -> None:
    """A label less likely than any number says still has the loss and the gradient that it has."""
    readout, labels = torch.ones(1, 1), torch.tensor([1])
    weight = torch.tensor([[2.0**9], [0.0]], requires_grad=True)
    with torch.autocast("cpu", torch.bfloat16):
        loss, _ = VocabularyLoss(weight, torch.zeros(2), labels, 0.0).total(readout)
    assert loss.item() == 2**9
    assert torch.autograd.grad(loss, weight)[0].tolist() == [[1.0], [-1.0]]


def test_without_gradients_none_are_kept() -> None:
    readout, weight, bias, labels = tensors()
    with torch.no_grad():
        loss, _ = VocabularyLoss(weight, bias, labels, 0.0).total(readout)
    assert not loss.requires_grad
    torch.testing.assert_close(loss, F.cross_entropy(F.linear(readout, weight, bias), labels).detach())


def test_no_more_than_a_chunk_of_scores_exists_at_a_time(monkeypatch: pytest.MonkeyPatch) -> None:
    readout, weight, bias, labels = tensors()
    monkeypatch.setattr(vocabulary_loss, "_CHUNK_SCORES", 2 * WORDS)
    rows = []

    def watching(inputs: Tensor, *parameters: Tensor) -> Tensor:
        rows.append(len(inputs))
        return linear(inputs, *parameters)

    monkeypatch.setattr(vocabulary_loss, "linear", watching)
    fused = VocabularyLoss(weight, bias, labels, 0.0)
    fused.predict(readout.detach()[[1, 4, 5]], torch.tensor([1, 4, 5]))
    fused.total(readout)
    assert rows == [3, 2, 2]  # each token once, those asked for and the rest


def test_the_products_of_few_tokens_are_made_together(monkeypatch: pytest.MonkeyPatch) -> None:
    readout, weight, bias, labels = tensors()
    monkeypatch.setattr(vocabulary_loss, "_CHUNK_SCORES", 4 * WORDS)
    rows = []

    def watching(of_outputs: Tensor, inputs: Tensor) -> Tensor:
        rows.append(len(inputs))
        return gradient_of_weight(of_outputs, inputs)

    monkeypatch.setattr(score_gradients, "gradient_of_weight", watching)
    fused = VocabularyLoss(weight, bias, labels, 0.0)
    for position in (3, 0, 5, 1, 2):
        fused.predict(readout.detach()[[position]], torch.tensor([position]))
    fused.total(readout)
    assert rows == [4, 2, 1]  # four of those asked for, the rest, which are many, and the last of those asked for


def test_under_autocast_the_loss_is_that_of_narrow_scores() -> None:
    readout, weight, bias, labels = (tensor.detach() for tensor in tensors())
    readout, weight, bias = readout.float(), weight.float().requires_grad_(), bias.float()
    with torch.autocast("cpu", torch.bfloat16):
        loss, nll = VocabularyLoss(weight, bias, labels, 0.1).total(readout)
        scores = F.linear(readout, weight, bias)
    assert scores.dtype == torch.bfloat16
    expected = F.cross_entropy(scores.float(), labels, label_smoothing=0.1)
    # Eight bits of a probability are its logarithm within 2^-8, and as many of the scores do not say more of it.
    torch.testing.assert_close(loss, expected, rtol=0, atol=2**-8)
    torch.testing.assert_close(nll, F.cross_entropy(scores.float(), labels), rtol=0, atol=2**-8)
    (gradient,) = torch.autograd.grad(loss, weight)
    assert gradient.dtype == torch.float32
    (reference,) = torch.autograd.grad(expected, weight)
    torch.testing.assert_close(gradient, reference, rtol=0, atol=2**-7 * float(reference.abs().max()))


@pytest.mark.parametrize("asked", [False, True])
def test_a_label_nearly_certain_keeps_its_loss_and_gradient_under_autocast(asked: bool) -> None:
    """p − 1 of a probability near 1 must not be taken from eight bits of p, nor log p."""
    readout, labels = torch.ones(1, 1), torch.tensor([0])
    weight = torch.tensor([[7.0], [0.0]], requires_grad=True)
    with torch.autocast("cpu", torch.bfloat16):
        fused = VocabularyLoss(weight, torch.zeros(2), labels, 0.0)
        if asked:
            fused.predict(readout, torch.tensor([0]))
        loss, _ = fused.total(readout)
    (gradient,) = torch.autograd.grad(loss, weight)
    torch.testing.assert_close(loss.detach(), torch.tensor(math.log1p(math.exp(-7))), rtol=0.01, atol=0)
    torch.testing.assert_close(gradient[0, 0], torch.tensor(-1 / (1 + math.exp(7))), rtol=0.01, atol=0)
