"""Sub-streams of randomness."""

from itertools import product
from typing import get_args

import torch

from seqlab.training.seeds import Stream, generator, stream_seed


def test_every_purpose_and_step_has_a_stream_of_its_own() -> None:
    seeds = {stream_seed(*key) for key in product(range(20), get_args(Stream), range(50))}
    assert len(seeds) == 20 * 5 * 50
    assert all(0 <= seed < 2**63 for seed in seeds)


def test_known_value() -> None:
    """Another value would change every result."""
    assert stream_seed(1, "dropout", 7) == 1_380_361_523_798_732_636


def test_generators_start_anew() -> None:
    assert torch.equal(
        torch.rand(5, generator=generator(1, "coins", 3)), torch.rand(5, generator=generator(1, "coins", 3))
    )
