"""The best of many against a full stable sort; among blocks, and at their borders."""

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from seqlab.seq2seq.decoding.ranking import best, best_continuations
from seqlab.seq2seq.model.argmax import BLOCK

ROWS = st.integers(1, 9).flatmap(
    lambda places: st.lists(
        st.lists(st.sampled_from([-1.0, 0.0, 0.5, 2.0]), min_size=places, max_size=places), min_size=1, max_size=4
    )
)


@given(ROWS, st.data())
def test_equals_a_stable_sort(rows: list[list[float]], data: st.DataObject) -> None:
    scores = torch.tensor(rows)
    count = data.draw(st.integers(1, scores.shape[1]))
    values, places = best(scores, count)
    expected, expected_places = scores.sort(dim=1, descending=True, stable=True)
    assert torch.equal(values, expected[:, :count])
    assert torch.equal(places, expected_places[:, :count])


def test_many_ties_among_many_places() -> None:
    scores = torch.zeros(3, 10_000)
    scores[1, 9_000] = 1
    assert best(scores, 4)[1].tolist() == [[0, 1, 2, 3], [9_000, 0, 1, 2], [0, 1, 2, 3]]


@pytest.mark.parametrize("places", [3, BLOCK - 1, BLOCK, BLOCK + 1, 5 * BLOCK, 7 * BLOCK + 3])
@pytest.mark.parametrize("count", [1, 2, 5])
@pytest.mark.parametrize("values", [2, 30, 1_000_000])
def test_best_continuations_equal_a_stable_sort(places: int, count: int, values: int) -> None:
    # Few values are many ties, within blocks and across them, within rows and across them.
    generator = torch.Generator().manual_seed(places * count + values)
    scores = torch.randint(values, (20, 4, places), generator=generator).float()
    offsets = torch.randint(2, (20, 4), generator=generator).double()
    offsets[:10, 1] = -torch.inf
    found, rows, columns = best_continuations(scores, offsets, count)
    expected, order = (scores.double() + offsets[:, :, None]).flatten(1).sort(dim=1, descending=True, stable=True)
    assert torch.equal(found, expected[:, :count])
    assert torch.equal(rows * places + columns, order[:, :count])


def test_more_continuations_than_there_are() -> None:
    scores = torch.tensor([[[0.5, -torch.inf, 2.0]], [[1.0, 1.0, 0.0]]])
    found, rows, places = best_continuations(scores, torch.zeros(2, 1, dtype=torch.float64), 100)
    assert found[:, :3].tolist() == [[2.0, 0.5, -torch.inf], [1.0, 1.0, 0.0]]
    assert places[0, :2].tolist() == [2, 0]
    assert places[1, :3].tolist() == [0, 1, 2]
    assert found.shape == rows.shape == places.shape == (2, 100)
    assert (found[:, 3:] == -torch.inf).all()
    assert not rows.any()
    assert int(places.max()) < 3
