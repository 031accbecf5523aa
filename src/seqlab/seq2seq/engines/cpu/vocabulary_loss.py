"""Cross-entropy over the vocabulary, fused with the projection to it."""

import torch
import torch.nn.functional as F
from torch import Tensor

from seqlab.seq2seq.engines.cpu.score_gradients import ScoreGradients
from seqlab.seq2seq.engines.known_gradients import with_known_gradients
from seqlab.seq2seq.model.argmax import argmax
from seqlab.seq2seq.model.linear import linear

_CHUNK_SCORES = 6_000_000


class VocabularyLoss:
    """Mean cross-entropy of a batch's tokens, a chunk at a time, with the gradients found as it goes along.

    The scores of all tokens for all words are by far the largest tensor of training. So only a chunk of them exists at
    a time: its loss is taken, it becomes in place the gradient of the scores, and, when the chunk is full, that of the
    readout, the weight and the bias, which wait for `total`. Each token is projected once, whoever asks first: the step
    that must know what the model would say (`predict`), or `total`.

    Label smoothing spreads its mass over the whole vocabulary, as nn.CrossEntropyLoss does: the loss of a token is
    −(1 − ε) log p(label) − ε mean(log p). Under autocast scores, probabilities and what is multiplied by these are of
    its type; losses and sums are not.

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
            scores = linear(readout, self._cast_weight, self._cast_bias)
            predictions = argmax(scores)
            self._add(scores, readout, positions.to(readout.device))
        return predictions

    def total(self, readout: Tensor) -> tuple[Tensor, Tensor]:
        """The mean loss over all tokens, with its gradient, and the mean without label smoothing.

        Args:
            readout: (tokens, size), that of all tokens.
        """
        with torch.no_grad(), torch.autocast(readout.device.type, enabled=False):
            remaining = self._remaining.nonzero().squeeze(1).to(readout.device)
            for rows in torch.split(remaining, self._chunk):
                chunk = readout[rows].to(self._type)
                self._add(linear(chunk, self._cast_weight, self._cast_bias), chunk, rows)
            # Label smoothing counts every score the same, so the mean score of all tokens is the mean readout by
            # the mean weight, and no pass over the scores is needed.
            means = (readout.mean(0, dtype=self._weight.dtype), self._weight.mean(0)) if self._smoothing else None
            nll = self._nll / len(self._labels)
            loss = nll if means is None else nll + self._smoothing_loss(*means)
            if self._gradients is None:
                return loss, nll
            gradients = self._gradients_of_sum(self._gradients, means)
        return with_known_gradients(loss, gradients, len(self._labels), readout, self._weight, self._bias), nll

    def _smoothing_loss(self, mean_readout: Tensor, mean_weight: Tensor) -> Tensor:
        """What label smoothing adds to the mean loss."""
        mean_score = mean_readout @ mean_weight + self._bias.mean()
        return self._smoothing * (self._label_scores / len(self._labels) - mean_score)

    def _gradients_of_sum(
        self, sums: ScoreGradients, means: tuple[Tensor, Tensor] | None
    ) -> tuple[Tensor, Tensor, Tensor]:
        """Those of the sum over all tokens, with the part of label smoothing that every score has."""
        readout, weight, bias = sums.total()
        if means is None:
            return readout, weight, bias
        mean_readout, mean_weight = means
        share = self._smoothing * len(self._labels) / len(self._weight)
        return readout.sub_(mean_weight * self._smoothing), weight.sub_(mean_readout * share), bias.sub_(share)

    def _add(self, scores: Tensor, readout: Tensor, rows: Tensor) -> None:
        """Add the loss of these rows, and its gradients; `scores` is used up."""
        labels = self._labels[rows]
        at_labels = torch.arange(len(rows), device=rows.device), labels
        if self._smoothing:
            self._label_scores += scores[at_labels].sum(dtype=self._weight.dtype)
        on_cpu = scores.device.type == "cpu"
        losses = None if on_cpu else self._cross_entropy(scores, labels)
        # One kernel, which keeps a row in the cache.
        room = scores if self._gradients is None else self._gradients.room(scores)
        probabilities = torch.softmax(scores, 1, out=room)
        of_labels = self._wide(probabilities[at_labels])
        gradients = of_labels + (self._smoothing - 1)
        if self._type != self._weight.dtype:
            # Eight bits of a probability near 1 do not say how far it is from 1. The sum of the others does.
            probabilities[at_labels] = 0
            others = self._wide(probabilities.sum(1))
            gradients = self._smoothing - others
            of_labels = torch.where(others < 0.5, 1 - others, of_labels)
        self._nll += (self._minus_log(of_labels, readout, labels) if losses is None else losses).sum()
        if self._gradients is not None:
            probabilities[at_labels] = gradients.to(self._type)
            self._gradients.add(probabilities, readout, rows)

    def _minus_log(self, probabilities: Tensor, readout: Tensor, labels: Tensor) -> Tensor:
        """−log p of labels whose p is known, which spares a CPU two passes over the scores."""
        losses = -probabilities.log()
        # Of a label less likely than the smallest number p says nothing.
        lost = (probabilities < torch.finfo(probabilities.dtype).tiny).nonzero().squeeze(1)
        if len(lost):
            scores = linear(readout[lost], self._cast_weight, self._cast_bias)
            losses[lost] = self._cross_entropy(scores, labels[lost])
        return losses

    def _cross_entropy(self, scores: Tensor, labels: Tensor) -> Tensor:
        return F.cross_entropy(self._wide(scores), labels, reduction="none")

    def _wide(self, values: Tensor) -> Tensor:
        return values.to(self._weight.dtype)
