"""Figures of an encoded split, for the DVC metric."""

from collections.abc import Sequence
from typing import Any

from seqlab.core.special_tokens import UNK


class SideStatistics:
    """Counts the tokens of one side, as they are stored: without SOS and EOS, after truncation."""

    def __init__(self) -> None:
        self.texts = 0
        self._tokens = 0
        self._longest = 0
        self._unknown = 0
        self._empty = 0

    def add(self, sequences: Sequence[Sequence[int]]) -> None:
        """Count sequences of token ids."""
        for ids in sequences:
            length = len(ids)
            self._tokens += length
            self._longest = max(self._longest, length)
            self._unknown += ids.count(UNK)
            self._empty += not length
        self.texts += len(sequences)

    def summary(self) -> dict[str, Any]:
        """Give the figures; `unknown_rate` is the fraction of tokens that are UNK."""
        return {
            "tokens": self._tokens,
            "mean_length": round(self._tokens / self.texts, 4) if self.texts else 0.0,
            "max_length": self._longest,
            "unknown_tokens": self._unknown,
            "unknown_rate": round(self._unknown / self._tokens, 6) if self._tokens else 0.0,
            "empty": self._empty,
        }


class SplitStatistics:
    """Counts the examples and pairs of one split."""

    def __init__(self) -> None:
        self.examples = 0
        self.dropped_pairs = 0
        self.truncated_sources = 0
        self.source = SideStatistics()
        self.target = SideStatistics()

    def summary(self) -> dict[str, Any]:
        """Give the figures in the order in which a person reads them."""
        return {
            "examples": self.examples,
            "pairs": self.target.texts,
            "dropped_pairs": self.dropped_pairs,
            "truncated_sources": self.truncated_sources,
            "source": self.source.summary(),
            "target": self.target.summary(),
        }
