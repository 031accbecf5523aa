"""Cross-entropy over the vocabulary, fused with the projection to it."""

from typing import Any

import torch
from torch import Tensor
from torch.autograd.function import once_differentiable

_CHUNK_SCORES = 6_000_000


class VocabularyLoss:
    """Mean cross-entropy of a batch's tokens, a chunk at a time, with the gradients found as it goes along.

    The scores of all tokens for all words are by far the largest tensor of training. So only a chunk of them exists at
    a time: its loss is taken, it becomes in place the gradient of the scores, and that at once the gradients of the
    readout, the weight and the bias, which wait for `total`. Each token is projected once, whoever asks first: the step
    that must know what the model would say (`predict`), or `total`.

    Label smoothing spreads its mass over the whole vocabulary, as nn.CrossEntropyLoss does: the loss of a token is
    −(1 − ε) log p(label) − ε mean(log p). Under autocast the matrix products are computed in its type, the softmax and
    the sums in float32.

    Args:
        weight: (vocabulary, size).
        bias: (vocabulary,).
        labels: (tokens,), what should be said.
        label_smoothing: ε, 0 ≤ ε < 1.
    """

    def __init__(self, weight: Tensor, bias: Tensor, labels: Tensor, label_smoothing: float) -> None:
        self._weight, self._bias, self._labels, self._smoothing = weight, bias, labels, label_smoothing
        device = weight.device.type
        self._type = torch.get_autocast_dtype(device) if torch.is_autocast_enabled(device) else weight.dtype
        self._cast_weight, self._cast_bias = weight.detach().to(self._type), bias.detach().to(self._type)
        self._remaining = torch.ones(len(labels), dtype=torch.bool)
        self._nll, self._label_scores = weight.new_zeros(()), weight.new_zeros(())
        self._gradients: tuple[Tensor, Tensor, Tensor] | None = None
        if torch.is_grad_enabled():
            readout = weight.new_empty(len(labels), weight.shape[1], dtype=self._type)
            self._gradients = (readout, torch.zeros_like(weight), torch.zeros_like(bias))

    def predict(self, readout: Tensor, positions: Tensor) -> Tensor:
        """What the model would say at some of the tokens, and their part of the loss.

        Args:
            readout: (some, size).
            positions: (some,), which of the tokens these are; on the CPU, each at most once in the life of this loss.

        Returns:
            (some,) ids; of words that score the same, the lowest.
        """
        self._remaining[positions] = False
        with torch.no_grad(), torch.autocast(readout.device.type, enabled=False):
            readout = readout.to(self._type)
            scores = self._scores(readout)
            peak, predictions = scores.max(1, keepdim=True)
            self._add(scores, peak, readout, positions.to(readout.device))
        return predictions.squeeze(1)

    def total(self, readout: Tensor) -> tuple[Tensor, Tensor]:
        """The mean loss over all tokens, with its gradient, and the mean without label smoothing.

        Args:
            readout: (tokens, size), that of all tokens.
        """
        with torch.no_grad(), torch.autocast(readout.device.type, enabled=False):
            remaining = self._remaining.nonzero().squeeze(1).to(readout.device)
            for rows in torch.split(remaining, max(1, _CHUNK_SCORES // self._weight.shape[0])):
                chunk = readout[rows].to(self._type)
                scores = self._scores(chunk)
                self._add(scores, scores.amax(1, keepdim=True), chunk, rows)
            nll = self._nll / len(self._labels)
            loss = nll + self._smooth(readout) if self._smoothing else nll.clone()
        if self._gradients is None:
            return loss, nll
        gradients = (self._gradients[0].to(readout.dtype), *self._gradients[1:])
        return _known(loss, gradients, readout, self._weight, self._bias), nll

    def _smooth(self, readout: Tensor) -> Tensor:
        """What label smoothing adds to the loss, and to the gradients: every score counts the same.

        So the mean score of a token is its readout by the mean of the weights, and no pass over the scores is needed.
        """
        words, share = self._weight.shape[0], self._smoothing / self._weight.shape[0]
        mean_weight, mean_readout = self._weight.mean(0), readout.mean(0, dtype=self._weight.dtype)
        if self._gradients is not None:
            readout_gradient, weight_gradient, bias_gradient = self._gradients
            readout_gradient.sub_((mean_weight * (self._smoothing / len(self._labels))).to(self._type))
            weight_gradient.sub_(mean_readout * share)
            bias_gradient.sub_(share)
        mean_score = mean_readout @ mean_weight + self._bias.sum() / words
        return self._smoothing * (self._label_scores / len(self._labels) - mean_score)

    def _scores(self, readout: Tensor) -> Tensor:
        return torch.addmm(self._cast_bias, readout, self._cast_weight.t())

    def _add(self, scores: Tensor, peak: Tensor, readout: Tensor, rows: Tensor) -> None:
        """Add the loss of these rows, and its gradients; `scores` is used up."""
        labels = self._labels[rows].unsqueeze(1)
        scores = scores.to(self._weight.dtype)
        label_score = scores.gather(1, labels)
        # One kernel, which keeps a row in the cache. Of a row's probabilities the largest alone never underflows.
        probabilities = torch.softmax(scores, 1, out=scores)
        log_norm = peak - probabilities.amax(1, keepdim=True).log()
        self._nll += (log_norm - label_score).sum()
        self._label_scores += label_score.sum()
        if self._gradients is not None:
            certain = torch.full_like(labels, self._smoothing - 1, dtype=probabilities.dtype)
            self._pass_on(probabilities.scatter_add_(1, labels, certain), self._gradients, readout, rows)

    def _pass_on(self, gradient: Tensor, known: tuple[Tensor, Tensor, Tensor], readout: Tensor, rows: Tensor) -> None:
        """From the gradient of the scores, times the number of tokens, to those of readout, weight and bias."""
        readout_gradient, weight_gradient, bias_gradient = known
        share = 1 / len(self._labels)
        bias_gradient.add_(gradient.sum(0), alpha=share)
        gradient = gradient.to(self._type)
        readout_gradient[rows] = (gradient @ self._cast_weight).mul_(share)
        if self._type == weight_gradient.dtype:
            weight_gradient.addmm_(gradient.t(), readout, alpha=share)
        else:
            weight_gradient.add_(gradient.t() @ readout, alpha=share)


def _known(value: Tensor, gradients: tuple[Tensor, ...], *inputs: Tensor) -> Tensor:
    with_gradients: Tensor = _KnownGradients.apply(value, gradients, *inputs)  # type: ignore[no-untyped-call]
    return with_gradients


class _KnownGradients(torch.autograd.Function):
    """A number, and what its gradients with respect to some tensors are already known to be."""

    @staticmethod
    def forward(ctx: Any, value: Tensor, gradients: tuple[Tensor, ...], *_inputs: Tensor) -> Tensor:
        ctx.save_for_backward(*gradients)
        return value.clone()

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor | None, ...]:
        return None, None, *(known * gradient.to(known.dtype) for known in ctx.saved_tensors)
