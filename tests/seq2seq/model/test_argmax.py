"""The best of a row beside PyTorch's own."""

import pytest
import torch

from seqlab.seq2seq.model.argmax import BLOCK, argmax


@pytest.mark.parametrize("places", [1, 3, BLOCK - 1, BLOCK, BLOCK + 1, 2 * BLOCK - 1, 5 * BLOCK, 7 * BLOCK + 3])
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64, torch.bfloat16])
@pytest.mark.parametrize("values", [2, 5, 10_000])
def test_it_is_the_first_of_the_largest(places: int, dtype: torch.dtype, values: int) -> None:
    scores = torch.randint(values, (300, places), generator=torch.Generator().manual_seed(places)).to(dtype)
    assert argmax(scores).tolist() == [row.index(max(row)) for row in scores.tolist()]


def test_rows_of_infinity() -> None:
    scores = torch.full((3, 3 * BLOCK + 1), -torch.inf)
    scores[1, 2 * BLOCK] = 0
    scores[2, -1] = torch.inf
    assert argmax(scores).tolist() == [0, 2 * BLOCK, 3 * BLOCK]


def test_no_rows() -> None:
    assert argmax(torch.empty(0, 2 * BLOCK)).tolist() == []
