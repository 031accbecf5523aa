"""Dropout masks from a counter: the generator's own numbers, and the same mask whatever is around a token."""

import pytest
import torch
from torch import Tensor

from seqlab.seq2seq.engines.cuda.counter import random_words
from seqlab.seq2seq.engines.cuda.masks import CounterMasks

_WORD = (1 << 64) - 1
KEY = 0x548C9DECBCE65297


def squares64(counter: int, key: int) -> int:
    """As the paper writes it, in C on unsigned integers (Widynski 2020)."""

    def turned(x: int) -> int:
        return (x >> 32 | x << 32) & _WORD

    x = y = counter * key & _WORD
    z = y + key & _WORD
    x = turned(x * x + y & _WORD)
    x = turned(x * x + z & _WORD)
    x = turned(x * x + y & _WORD)
    t = x = x * x + z & _WORD
    x = turned(x)
    return t ^ (x * x + y & _WORD) >> 32


def test_words_are_those_of_the_paper() -> None:
    counters = torch.tensor([0, 1, 2, 77, 1 << 56, (3 << 36) + (5 << 16) + 1, -1])
    found = random_words(counters, torch.tensor(KEY)).tolist()
    assert [word & _WORD for word in found] == [squares64(counter & _WORD, KEY) for counter in counters.tolist()]


def mask(steps: int, rows: int, width: int, place: int = 1, key: int = KEY, rate: float = 0.3) -> Tensor:
    found = CounterMasks(rate, torch.tensor(key))(place, torch.ones(steps, rows, dtype=torch.bool), width)
    assert found is not None
    return found


def test_a_tokens_mask_depends_on_its_place_step_and_row_alone() -> None:
    small = mask(5, 3, 10)
    assert torch.equal(mask(9, 8, 10)[:5, :3], small)
    assert torch.equal(mask(5, 3, 21)[:, :, :10], small)
    for other in (mask(5, 3, 10, place=2), mask(5, 3, 10, key=KEY + 2)):
        assert not torch.equal(other, small)
    assert len({tuple(row) for row in mask(5, 3, 64).flatten(0, 1).tolist()}) == 15


def test_as_many_are_dropped_as_asked_and_the_rest_make_up_for_it() -> None:
    found = mask(100, 50, 200)
    kept = found > 0
    assert kept.double().mean().item() == pytest.approx(0.7, abs=0.002)
    assert set(found.flatten().tolist()) == {0.0, found.max().item()}
    assert found.mean().item() == pytest.approx(1, abs=0.003)
    assert CounterMasks(0.0, torch.tensor(KEY))(0, torch.ones(2, 2, dtype=torch.bool), 4) is None
