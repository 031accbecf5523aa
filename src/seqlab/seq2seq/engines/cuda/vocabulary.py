"""The loss over the vocabulary summed over tokens, and its gradients, a chunk at a time."""

from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor

from seqlab.seq2seq.model.order import any_order

# Bytes of the scores that exist at a time: enough to keep a GPU busy, little beside a model of that vocabulary.
CHUNK_BYTES = 1 << 27


@dataclass(frozen=True)
class Sums:
    """Sums over the tokens of a batch.

    Attributes:
        loss: Scalar, with label smoothing.
        nll: Scalar, without.
        of_readout: (tokens, size), the gradient of `loss`; None, like the others, where gradients are not enabled.
        of_weight: (vocabulary, size).
        of_bias: (vocabulary,).
    """

    loss: Tensor
    nll: Tensor
    of_readout: Tensor | None = None
    of_weight: Tensor | None = None
    of_bias: Tensor | None = None


class VocabularySums:
    """Cross-entropy of tokens of which some weigh nothing.

    The scores of a chunk become in place their own gradient. Label smoothing spreads ε over the whole vocabulary, as
    nn.CrossEntropyLoss does. Scores and products are of type `kind`; losses and sums of the weight's.

    Args:
        weight: (vocabulary, size).
        bias: (vocabulary,).
        label_smoothing: ε, 0 ≤ ε < 1.
        kind: The type of scores and products.
    """

    def __init__(self, weight: Tensor, bias: Tensor, label_smoothing: float, kind: torch.dtype) -> None:
        self.kind = kind
        self._weight, self._bias, self._smoothing = weight.detach(), bias.detach(), label_smoothing
        self._cast_weight, self._cast_bias = self._weight.to(kind), self._bias.to(kind)

    @torch.no_grad()
    def scores(self, readout: Tensor) -> Tensor:
        """The scores (rows, vocabulary) of a readout (rows, size), unnormalised log probabilities."""
        with torch.autocast(readout.device.type, enabled=False):
            return F.linear(readout.to(self.kind), self._cast_weight, self._cast_bias)

    @torch.no_grad()
    def __call__(self, readout: Tensor, labels: Tensor, counts: Tensor, *, gradients: bool) -> Sums:
        """Compute.

        Args:
            readout: (tokens, size).
            labels: (tokens,) ids.
            counts: (tokens,) bool, False where a token weighs nothing.
            gradients: Whether to compute them too.
        """
        with torch.autocast(readout.device.type, enabled=False):
            return self._sums(readout.to(self.kind), labels, counts.to(self.kind), gradients)

    def _sums(self, readout: Tensor, labels: Tensor, counts: Tensor, gradients: bool) -> Sums:
        wide = self._weight.dtype
        counted = readout * counts[:, None]
        nll, label_scores = self._weight.new_zeros(()), self._weight.new_zeros(())
        parts: list[Tensor] = []
        of_weight: Tensor | None = None
        of_bias = self._bias.new_zeros(self._bias.shape)
        pieces = -(-len(labels) * len(self._weight) * self.kind.itemsize // CHUNK_BYTES)
        size = -(-len(labels) // pieces)
        for rows, label, count, both in zip(
            *(torch.split(each, size) for each in (readout, labels, counts, counted)), strict=True
        ):
            scores = self.scores(rows)
            of_label = scores.gather(1, label[:, None]).squeeze(1).to(wide)
            losses = self._to_gradient(scores, label, of_label)
            nll += (losses * count).sum(dtype=wide)
            label_scores += (of_label * count).sum(dtype=wide)
            if gradients:
                parts.append((scores @ self._cast_weight) * count[:, None])
                of_weight = _added(of_weight, scores.t(), both, wide)
                of_bias += count @ scores
            # Before there are the next.
            del scores
        tokens = counts.sum(dtype=wide)
        means = counted.sum(0, dtype=wide), self._weight.mean(0)
        loss = (
            nll + self._smoothing * (label_scores - means[0] @ means[1] - tokens * self._bias.mean())
            if self._smoothing
            else nll
        )
        if not gradients or of_weight is None:
            return Sums(loss, nll)
        of_readout = torch.cat(parts)
        if self._smoothing:
            # Every score has this part of the gradient, so no pass over the scores is needed.
            share = self._smoothing / len(self._weight)
            of_readout -= (means[1] * self._smoothing).to(self.kind) * counts[:, None]
            of_weight -= means[0] * share
            of_bias -= tokens * share
        return Sums(loss, nll, of_readout, of_weight, of_bias)

    def _to_gradient(self, scores: Tensor, labels: Tensor, of_label: Tensor) -> Tensor:
        """Make of the scores their gradient, but for what smoothing adds to all; and give −log p of the labels."""
        wide, at = self._weight.dtype, labels[:, None]
        highest = scores.amax(1).to(wide)
        probabilities = torch.softmax(scores, 1, out=scores)
        likely = probabilities.gather(1, at).squeeze(1).to(wide)
        # log Σ exp(s) = max s − log max p: neither overflows, and a p that is too small for a number plays no part.
        losses = highest - probabilities.amax(1).to(wide).log() - of_label
        gradient = likely - 1
        if self.kind != wide:
            # Eight bits of a probability near 1 do not say how far it is from 1. The sum of the others does.
            others = (probabilities.sum(1, dtype=wide) - likely).clamp(min=0)
            losses = torch.where(others < 0.5, -torch.log1p(-others), losses)
            gradient = -others
        gradient = (gradient + self._smoothing).to(self.kind)
        with any_order():
            probabilities.scatter_(1, at, gradient[:, None])
        return losses


def _added(total: Tensor | None, left: Tensor, right: Tensor, wide: torch.dtype) -> Tensor:
    """A product added to a total of another type, which a GPU does as it multiplies."""
    if left.dtype == wide or left.device.type != "cuda":
        product = (left @ right).to(wide)
        return product if total is None else total.add_(product)
    if total is None:
        return torch.mm(left, right, out_dtype=wide)
    return torch.addmm(total, left, right, out_dtype=wide, out=total)
