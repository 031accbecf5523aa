"""The packed layout against PyTorch's own."""

import torch
from hypothesis import given
from hypothesis import strategies as st
from torch.nn.utils.rnn import pack_padded_sequence

from seqlab.seq2seq.model.packing import Packing

LENGTHS = st.lists(st.integers(1, 7), min_size=1, max_size=6).map(lambda lengths: sorted(lengths, reverse=True))


@given(LENGTHS)
def test_layout_is_that_of_pytorch(lengths: list[int]) -> None:
    padded = torch.arange(1.0, 1 + len(lengths) * lengths[0] * 2).view(len(lengths), lengths[0], 2)
    packing = Packing.of_lengths(torch.tensor(lengths))
    expected = pack_padded_sequence(padded, torch.tensor(lengths), batch_first=True)
    assert packing.batch_sizes == tuple(expected.batch_sizes.tolist())
    packed = packing.pack(padded)
    assert torch.equal(packed, expected.data)
    back = packing.pad(packed)
    for row, length in enumerate(lengths):
        assert torch.equal(back[row, :length], padded[row, :length])
        assert (back[row, length:] == 0).all()


@given(LENGTHS, st.data())
def test_parts_and_spans_fit_together(lengths: list[int], data: st.DataObject) -> None:
    packing = Packing.of_lengths(torch.tensor(lengths))
    start = data.draw(st.integers(0, packing.steps - 1))
    stop = data.draw(st.integers(start + 1, packing.steps))
    steps = packing.pack(torch.arange(packing.steps).expand(len(lengths), -1))
    assert set(steps[packing.span(start, stop)].tolist()) == set(range(start, stop))
    assert sum(packing.part(start, stop).batch_sizes) == len(steps[packing.span(start, stop)])


@given(LENGTHS)
def test_gather_repeats_a_row_at_each_of_its_tokens(lengths: list[int]) -> None:
    packing = Packing.of_lengths(torch.tensor(lengths))
    rows = torch.arange(float(len(lengths)))[:, None]
    expected = packing.pack(rows[:, None, :].expand(-1, packing.steps, -1))
    assert torch.equal(packing.gather(rows), expected)
