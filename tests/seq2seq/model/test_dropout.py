"""Masks: how much they drop, and who sees the same ones."""

import pytest
import torch

from seqlab.seq2seq.model.dropout import Dropout, Masks, drop
from seqlab.seq2seq.model.packing import Packing
from tests.seq2seq.model.tiny import tiny_batch, tiny_model

CPU = torch.device("cpu")


@pytest.mark.parametrize("rate", [0.1, 0.3, 0.5, 0.9])
def test_elements_are_dropped_at_the_rate_and_the_mean_stays(rate: float) -> None:
    mask = Dropout(rate, torch.Generator().manual_seed(0)).mask(1001, 333, CPU)
    assert mask is not None
    assert mask.shape == (1001, 333)
    deviation = (rate * (1 - rate) / mask.numel()) ** 0.5
    assert (mask == 0).float().mean().item() == pytest.approx(rate, abs=5 * deviation)
    assert mask.mean().item() == pytest.approx(1, abs=5 * deviation / (1 - rate))
    kept = mask[mask != 0]
    assert kept.min() == kept.max() == pytest.approx(1 / (1 - rate), rel=1e-3)
    # Neighbours are drawn from one word of the generator: they must not go together.
    dropped = (mask.flatten()[: 4 * (mask.numel() // 4)] == 0).view(-1, 4).double()
    correlation = torch.corrcoef(dropped.t()) - torch.eye(4)
    assert correlation.abs().max() < 0.02


def test_equal_generators_draw_equal_masks() -> None:
    first, second = (Dropout(0.4, torch.Generator().manual_seed(5)) for _ in range(2))
    masks = [mask for mask in (first.mask(3, 7, CPU), first.mask(3, 7, CPU)) if mask is not None]
    again = [mask for mask in (second.mask(3, 7, CPU), second.mask(3, 7, CPU)) if mask is not None]
    assert torch.equal(torch.stack(masks), torch.stack(again))
    assert not torch.equal(masks[0], masks[1])


def test_rate_zero_draws_nothing() -> None:
    generator = torch.Generator().manual_seed(0)
    before = generator.get_state()
    assert Dropout(0.0, generator).mask(3, 3, CPU) is None
    assert torch.equal(generator.get_state(), before)


def test_masks_keep_the_type_of_the_values() -> None:
    mask = Dropout(0.5, torch.Generator()).mask(2, 2, CPU)
    for dtype in (torch.bfloat16, torch.float32, torch.float64):
        assert drop(torch.ones(2, 2, dtype=dtype), mask).dtype == dtype


def test_rows_of_masks_belong_together() -> None:
    masks = Masks(torch.arange(6.0).view(3, 2), (torch.arange(3.0)[:, None], None), torch.arange(3.0))
    part = masks.rows(slice(1, 3))
    assert part.embedding is not None
    assert part.embedding.tolist() == [[2, 3], [4, 5]]
    assert [None if mask is None else mask.tolist() for mask in part.between] == [[[1], [2]], None]
    assert part.readout is not None
    assert part.readout.tolist() == [1, 2]


def test_the_encoder_drops_only_with_masks() -> None:
    model = tiny_model(layers=2, attention="dot")
    source, lengths = tiny_batch([3, 2], 9)
    plain = model.train().encode(source, lengths).state.hidden
    assert torch.equal(plain, model.eval().encode(source, lengths).state.hidden)
    first, second = (
        model.encode(source, lengths, Dropout(0.5, torch.Generator().manual_seed(1))).state.hidden for _ in range(2)
    )
    assert torch.equal(first, second)
    assert not torch.equal(first, plain)


def test_each_mask_is_put_where_it_belongs() -> None:
    model = tiny_model(layers=2)
    memory = model.encode(*tiny_batch([3, 2], 9))
    state, token = model.initial_state(memory), torch.tensor([5, 7])
    nothing = torch.zeros(2, 1)
    scores, _, _ = model.step(token, state, memory, Masks(readout=nothing))
    assert torch.equal(scores, model.decoder.output_bias.expand(2, -1))
    first, second = (
        model.step(token, state, memory, Masks(between=(mask,)))[1].recurrent.hidden
        for mask in (nothing, torch.ones(2, 1))
    )
    assert torch.equal(first[0], second[0])  # below the mask
    assert not torch.equal(first[1], second[1])  # above it
    blind, _, _ = model.step(token, state, memory, Masks(embedding=nothing))
    other, _, _ = model.step(token + 1, state, memory, Masks(embedding=nothing))
    assert torch.equal(blind, other)


def test_the_encoder_drops_between_its_layers() -> None:
    model = tiny_model(layers=2, bidirectional=True)
    tokens, packing = torch.ones(5, 3).double(), Packing((2, 2, 1))
    first, second = (
        model.encoder.stack(tokens, packing, None, (mask,))[1].hidden for mask in (torch.zeros(5, 1), torch.ones(5, 1))
    )
    assert torch.equal(first[0], second[0])
    assert not torch.equal(first[1], second[1])
    masks = model.encoder.stack.masks(Dropout(0.5, torch.Generator()), 5, CPU)
    assert [None if mask is None else mask.shape for mask in masks] == [(5, 8)]
