"""Cross-entropy over the vocabulary, fused with the projection to it."""

from typing import Any

import torch
from torch import Tensor
from torch.autograd.function import once_differentiable

from seqlab.model.linear import is_fast, linear
from seqlab.training.score_gradients import ScoreGradients

_CHUNK_SCORES = 6_000_000


class VocabularyLoss:
    """Mean cross-entropy of a batch's tokens, a chunk at a time, with the gradients found as it goes along.

    The scores of all tokens for all words are by far the largest tensor of training. So only a chunk of them exists at
    a time: its loss is taken, it becomes in place the gradient of the scores, and, when the chunk is full, that of the
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
        self._chunk = max(1, _CHUNK_SCORES // len(weight))
        self._gradients: ScoreGradients | None = None
        if torch.is_grad_enabled():
            self._gradients = ScoreGradients(self._cast_weight, len(labels), self._chunk, weight.dtype)

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
            for rows in torch.split(remaining, self._chunk):
                chunk = readout[rows].to(self._type)
                scores = self._scores(chunk)
                self._add(scores, scores.amax(1, keepdim=True), chunk, rows)
            # Label smoothing counts every score the same, so the mean score of all tokens is the mean readout by
            # the mean weight, and no pass over the scores is needed.
            means = (readout.mean(0, dtype=self._weight.dtype), self._weight.mean(0)) if self._smoothing else None
            nll = self._nll / len(self._labels)
            loss = nll if means is None else nll + self._smoothing_loss(*means)
            if self._gradients is None:
                return loss, nll
            gradients = self._gradients_of_mean(self._gradients, means)
        gradients = (gradients[0].to(readout.dtype), *gradients[1:])
        return _known(loss, gradients, readout, self._weight, self._bias), nll

    def _smoothing_loss(self, mean_readout: Tensor, mean_weight: Tensor) -> Tensor:
        """What label smoothing adds to the mean loss."""
        mean_score = mean_readout @ mean_weight + self._bias.mean()
        return self._smoothing * (self._label_scores / len(self._labels) - mean_score)

    def _gradients_of_mean(
        self, sums: ScoreGradients, means: tuple[Tensor, Tensor] | None
    ) -> tuple[Tensor, Tensor, Tensor]:
        """Those of the mean over all tokens, with the part of label smoothing that every score has."""
        sums.flush()
        tokens = len(self._labels)
        if means is None:
            return sums.readout.div_(tokens), sums.weight.div_(tokens), sums.bias.div_(tokens)
        mean_readout, mean_weight = means
        share = self._smoothing / len(self._weight)
        return (
            sums.readout.sub_(mean_weight * self._smoothing).div_(tokens),
            sums.weight.div_(tokens).sub_(mean_readout * share),
            sums.bias.div_(tokens).sub_(share),
        )

    def _scores(self, readout: Tensor) -> Tensor:
        if self._gradients is None or is_fast(self._cast_weight):
            return linear(readout, self._cast_weight, self._cast_bias)
        return torch.addmm(self._cast_bias, readout, self._cast_weight.t(), out=self._gradients.room(len(readout)))

    def _room(self, scores: Tensor) -> Tensor:
        """Where the probabilities go: to where the gradients are gathered, if those are of the same type."""
        room = scores if self._gradients is None else self._gradients.room(len(scores))
        return room if room.dtype == scores.dtype else scores

    def _add(self, scores: Tensor, peak: Tensor, readout: Tensor, rows: Tensor) -> None:
        """Add the loss of these rows, and its gradients; `scores` is used up."""
        labels = self._labels[rows].unsqueeze(1)
        scores = scores.to(self._weight.dtype)
        label_score = scores.gather(1, labels)
        # One kernel, which keeps a row in the cache. Of a row's probabilities the largest alone never underflows.
        probabilities = torch.softmax(scores, 1, out=self._room(scores))
        log_norm = peak - probabilities.amax(1, keepdim=True).log()
        self._nll += (log_norm - label_score).sum()
        self._label_scores += label_score.sum()
        if self._gradients is not None:
            certain = torch.full_like(labels, self._smoothing - 1, dtype=probabilities.dtype)
            self._gradients.add(probabilities.scatter_add_(1, labels, certain), readout, rows)


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
