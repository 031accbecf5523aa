"""What must not be on both sides of a split, and a random order that is the same everywhere."""

import hashlib
import heapq
import re
import unicodedata
from collections.abc import Iterable


def fold(text: str) -> str:
    """What near-identical texts share: their letters and digits, whatever the case, spacing and punctuation."""
    folded = unicodedata.normalize("NFKC", text).casefold()
    return re.sub(r"[\W_]+", "", folded) or folded


def rank(seed: int, text: str) -> int:
    """A 64-bit number that puts texts into a random order: the same on every machine, whatever the other texts are."""
    return int.from_bytes(hashlib.blake2b(f"{seed} {text}".encode(), digest_size=8).digest(), "big")


def lowest_ranks(ranks: Iterable[int], count: int) -> list[int]:
    """The `count` lowest different numbers, rising; fewer if there are fewer. Memory does not grow with the input."""
    # A heap of negated numbers: its first element is the largest one kept.
    heap: list[int] = []
    kept: set[int] = set()
    for number in ranks:
        if number in kept or (len(heap) == count and number > -heap[0]):
            continue
        kept.add(number)
        heapq.heappush(heap, -number)
        if len(heap) > count:
            kept.remove(-heapq.heappop(heap))
    return sorted(kept)


class Components:
    """Connected components of a graph that grows edge by edge (union–find with path halving)."""

    def __init__(self) -> None:
        self._parents: dict[str, str] = {}

    def join(self, one: str, other: str) -> None:
        """Add an edge."""
        self._parents[self.root(one)] = self.root(other)

    def root(self, node: str) -> str:
        """The node that stands for the component of `node`."""
        parents = self._parents
        while (parent := parents.setdefault(node, node)) != node:
            parents[node] = parents[parent]
            node = parents[node]
        return node
