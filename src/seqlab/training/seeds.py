"""Sub-streams of randomness: one generator for each purpose and step, none shared."""

import hashlib
from typing import Literal

import torch

Stream = Literal["initialisation", "shuffling", "dropout", "coins", "segmentation"]


def stream_seed(seed: int, stream: Stream, step: int = 0, shard: int | None = None) -> int:
    """The seed of a sub-stream, 0 ≤ seed < 2^63: a hash of the experiment's seed, the purpose and the step.

    A generator made anew for each step needs no state to be saved, and what one purpose draws changes no other. Where a
    batch is cut into shards, each of them draws from a sub-stream of its own, whichever process computes it.
    """
    key = f"{seed}/{stream}/{step}" if shard is None else f"{seed}/{stream}/{step}/{shard}"
    return int.from_bytes(hashlib.blake2b(key.encode(), digest_size=8).digest(), "big") >> 1


def generator(seed: int, stream: Stream, step: int = 0, shard: int | None = None) -> torch.Generator:
    """A CPU generator at the start of a sub-stream; the CPU's, so that a GPU run draws the same numbers."""
    return torch.Generator().manual_seed(stream_seed(seed, stream, step, shard))
