"""Batches of pairs of similar length: deterministic, resumable, with little padding."""

import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from seqlab.text.encoded import EncodedSplit

# Pairs are sorted by length within pools of about this many: large enough that the pairs of a batch are of nearly one
# length, small enough that they are others in each epoch.
_POOL = 16384
_SMALLEST_POOL_IN_BATCHES = 32


@dataclass(frozen=True)
class Batch:
    """Pairs of a split as int64 tensors, rows sorted by source length, longest first.

    Attributes:
        source: (batch, source_len) token ids, each row ended by EOS, then PAD.
        source_lengths: (batch,) tokens of each source, EOS included.
        target: (batch, target_len) labels, each row ended by EOS, then PAD; no SOS.
        target_lengths: (batch,) tokens of each target, EOS included.
        indices: (batch,) which pairs of the split these are.
    """

    source: Tensor
    source_lengths: Tensor
    target: Tensor
    target_lengths: Tensor
    indices: Tensor


class Epoch:
    """The batches of one pass over a split. Iteration begins at batch `start`; `len` counts all batches."""

    def __init__(self, split: EncodedSplit, order: NDArray[Any], bounds: NDArray[np.int64], start: int = 0) -> None:
        """Take pairs `order` (pairs,), of which batch i has those from `bounds`[i, 0] up to `bounds`[i, 1]."""
        self._split = split
        self._order = order
        self._bounds = bounds
        self._start = start

    def __len__(self) -> int:
        return len(self._bounds)

    def __getitem__(self, index: int) -> Batch:
        low, high = self._bounds[index]
        return _gather(self._split, self._order[low:high])

    def __iter__(self) -> Iterator[Batch]:
        for index in range(self._start, len(self)):
            yield self[index]


class Batches:
    """Training batches, shuffled anew each epoch; each pair is in exactly one batch of an epoch.

    The pairs are shuffled, sorted by length within pools, cut into batches, and the batches shuffled.
    """

    def __init__(
        self, split: EncodedSplit, batch_size: int, batch_by: Literal["sentences", "tokens"], seed: int
    ) -> None:
        """Make batches of `batch_size` pairs (`sentences`), or of at most `batch_size` tokens (`tokens`).

        Tokens are those of the longer side, padding and EOS included: rows times the longest sequence of the batch. A
        pair that has more than that makes a batch of its own.
        """
        self._split = split
        self._batch_size = batch_size
        self._batch_by = batch_by
        self._seed = seed

    def __len__(self) -> int:
        """Count the batches of an epoch; by tokens, of epoch 0: others may have a few more or less."""
        if self._batch_by == "sentences":
            return math.ceil(len(self._split) / self._batch_size)
        return len(self.epoch(0))

    def epoch(self, number: int, start: int = 0) -> Epoch:
        """Give the batches of an epoch, which depend on the seed and `number` alone; `start` skips those done."""
        generator = np.random.default_rng((self._seed, number))
        order = np.arange(len(self._split), dtype=np.uint32)
        generator.shuffle(order)
        pool = self._pool_size()
        bounds = np.concatenate(
            [self._sort_and_cut(order[low : low + pool]) + low for low in range(0, len(order), pool)]
        )
        return Epoch(self._split, order, generator.permutation(bounds), start)

    def _widths(self, rows: NDArray[Any] | slice) -> NDArray[Any]:
        """Tokens of the longer side of some pairs, EOS included."""
        return np.maximum(self._split.source_lengths[rows], self._split.target_lengths[rows]) + 1

    def _pool_size(self) -> int:
        rows = self._batch_size
        if self._batch_by == "tokens":
            rows = max(1, int(self._batch_size / self._widths(slice(_POOL)).mean()))
        return rows * max(_SMALLEST_POOL_IN_BATCHES, _POOL // rows)

    def _sort_and_cut(self, pool: NDArray[np.uint32]) -> NDArray[np.int64]:
        """Sort a pool in place, longest first; give the bounds of its batches (batches, 2)."""
        # The longer side first, then the source: of several orders tried, this pads least on both sides together.
        pool[:] = pool[np.lexsort((self._split.source_lengths[pool], self._widths(pool)))[::-1]]
        if self._batch_by == "sentences":
            starts = np.arange(0, len(pool), self._batch_size)
        else:
            starts = self._cut_by_tokens(self._widths(pool))
        return np.stack([starts, np.append(starts[1:], len(pool))], axis=1)

    def _cut_by_tokens(self, widths: NDArray[Any]) -> NDArray[np.int64]:
        starts = [0]
        # The first pair of a batch is its widest, so it alone says how many fit.
        while (start := starts[-1] + max(1, self._batch_size // int(widths[starts[-1]]))) < len(widths):
            starts.append(start)
        return np.array(starts, dtype=np.int64)


def sequential(split: EncodedSplit, batch_size: int) -> Iterator[Batch]:
    """Give each pair of a split once, in batches of `batch_size` of similar length, longest sources first."""
    order = np.lexsort((split.target_lengths, split.source_lengths))[::-1]
    starts = np.arange(0, len(order), batch_size, dtype=np.int64)
    return iter(Epoch(split, order, np.stack([starts, starts + batch_size], axis=1)))


def _gather(split: EncodedSplit, rows: NDArray[Any]) -> Batch:
    rows = rows[np.argsort(-split.source_lengths[rows], kind="stable")].astype(np.int64)
    arrays = (*split.sources.padded(rows), *split.targets.padded(rows), rows)
    return Batch(*(torch.from_numpy(array) for array in arrays))
