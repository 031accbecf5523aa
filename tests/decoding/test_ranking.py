"""The best of many against a full stable sort."""

import torch
from hypothesis import given
from hypothesis import strategies as st

from seqlab.decoding.ranking import best

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
