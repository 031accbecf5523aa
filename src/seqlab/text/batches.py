"""Batches of pairs of similar length: deterministic, resumable, with little padding."""

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
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
# A part of a split has at most as many pairs: some 40 MB, and some tenths of a second, before its first batch.
_PART = 1 << 20


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


@dataclass(frozen=True)
class _Part:
    """Pairs `order` (pairs,), of which batch i has those from `bounds`[i, 0] up to `bounds`[i, 1]."""

    order: NDArray[Any]
    bounds: NDArray[np.int64]

    def __len__(self) -> int:
        return len(self.bounds)

    def rows(self, index: int) -> NDArray[Any]:
        low, high = self.bounds[index]
        return self.order[low:high]


class Epoch:
    """The batches of one pass over a split. Iteration begins at batch `start`; `len` counts all batches."""

    def __init__(self, split: EncodedSplit, arrange: Callable[[int], _Part], parts: int = 1, start: int = 0) -> None:
        """Take the pairs part by part, each arranged when its turn comes."""
        self._split = split
        self._arrange = arrange
        self._parts = parts
        self._start = start

    def __len__(self) -> int:
        return sum(len(self._arrange(number)) for number in range(self._parts))

    def __getitem__(self, index: int) -> Batch:
        return next(iter(Epoch(self._split, self._arrange, self._parts, index)))

    def __iter__(self) -> Iterator[Batch]:
        skipped = self._start
        for number in range(self._parts):
            part = self._arrange(number)
            for index in range(skipped, len(part)):
                yield _gather(self._split, part.rows(index))
            skipped = max(0, skipped - len(part))


class Batches:
    """Training batches, shuffled anew each epoch; each pair is in exactly one batch of an epoch.

    The pairs are shuffled, sorted by length within pools, cut into batches, and the batches shuffled. A large split is
    drawn in parts, each a random sample of the whole, one part after another: so memory does not grow with the split.
    """

    def __init__(
        self,
        split: EncodedSplit,
        batch_size: int,
        batch_by: Literal["sentences", "tokens"],
        seed: int,
        in_epoch: Callable[[int], EncodedSplit] | None = None,
    ) -> None:
        """Make batches of `batch_size` pairs (`sentences`), or of at most `batch_size` tokens (`tokens`).

        Tokens are those of the longer side, padding and EOS included: rows times the longest sequence of the batch. A
        pair that has more than that makes a batch of its own. `in_epoch` gives the same pairs as an epoch has them, if
        they are not the same tokens in all of them.
        """
        self._in_epoch = in_epoch or (lambda _number: split)
        self._batch_size = batch_size
        self._batch_by = batch_by
        self._seed = seed
        self._size = len(split)
        self._parts = math.ceil(self._size / _PART)

    def __len__(self) -> int:
        """Count the batches of an epoch; by tokens, about: epochs differ by a few, and large splits are estimated."""
        pairs = [self._part_size(number) for number in range(self._parts)]
        if self._batch_by == "sentences":
            return sum(math.ceil(size / self._batch_size) for size in pairs)
        return round(len(self._arrange(self._in_epoch(0), 0, 0)) * sum(pairs) / pairs[0])

    def epoch(self, number: int, start: int = 0) -> Epoch:
        """Give the batches of an epoch, which depend on the seed and `number` alone; `start` skips those done."""
        split = self._in_epoch(number)
        return Epoch(split, partial(self._arrange, split, number), self._parts, start)

    def _arrange(self, split: EncodedSplit, epoch: int, number: int) -> _Part:
        """Draw one part, shuffle it, and sort and cut it pool by pool."""
        rows, generator = self._draw(epoch, number)
        sources, targets = split.lengths_of(rows)
        widths = np.maximum(sources, targets) + 1
        order = np.arange(len(rows), dtype=np.uint32)
        generator.shuffle(order)
        size = self._pool_size(widths)
        bounds = []
        for low in range(0, len(order), size):
            pool = order[low : low + size]
            # The longer side first, then the source: of several orders tried, this pads least on both sides together.
            pool[:] = pool[np.lexsort((sources[pool], widths[pool]))[::-1]]
            bounds.append(self._cut(widths[pool]) + low)
        return _Part(rows[order], generator.permutation(np.concatenate(bounds)))

    def _draw(self, epoch: int, number: int) -> tuple[NDArray[Any], np.random.Generator]:
        """The pairs of a part, ascending, and what shuffles them."""
        generator = np.random.default_rng((self._seed, epoch))
        if self._parts == 1:
            return np.arange(self._size, dtype=np.uint32), generator
        # Of each run of neighbours, as many as there are parts, this part has one, and the next part the one after it.
        runs = self._size // self._parts
        first = generator.integers(self._parts, size=runs)
        rest = np.arange(runs * self._parts + number, self._size, self._parts)
        rows = np.append(np.arange(runs) * self._parts + (first + number) % self._parts, rest)
        # Not `number` alone: a seed that ends in 0 is to NumPy the one without it.
        return rows, np.random.default_rng((self._seed, epoch, number + 1))

    def _part_size(self, number: int) -> int:
        runs, rest = divmod(self._size, self._parts)
        return runs + (number < rest)

    def _pool_size(self, widths: NDArray[Any]) -> int:
        rows = self._batch_size
        if self._batch_by == "tokens":
            rows = max(1, int(self._batch_size / widths[:_POOL].mean()))
        return rows * max(_SMALLEST_POOL_IN_BATCHES, _POOL // rows)

    def _cut(self, widths: NDArray[Any]) -> NDArray[np.int64]:
        """Cut a pool of these widths, widest first; give the bounds of its batches (batches, 2)."""
        if self._batch_by == "sentences":
            starts = np.arange(0, len(widths), self._batch_size)
        else:
            starts = self._cut_by_tokens(widths)
        return np.stack([starts, np.append(starts[1:], len(widths))], axis=1)

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
    part = _Part(order, np.stack([starts, starts + batch_size], axis=1))
    return iter(Epoch(split, lambda _number: part))


def _gather(split: EncodedSplit, rows: NDArray[Any]) -> Batch:
    rows = rows.astype(np.int64)
    sources, targets = split.sources.padded(rows), split.targets.padded(rows)
    longest_first = np.argsort(-sources[1], kind="stable")
    arrays = (*sources, *targets, rows)
    return Batch(*(torch.from_numpy(array[longest_first]) for array in arrays))
