"""How few calls the CPU's engine makes."""

import pytest
import torch

from seqlab.seq2seq.engines.cpu.loss import teacher_forced_loss
from seqlab.seq2seq.model.decoder import Decoder, UnrolledDecoder
from seqlab.training.teacher_forcing import toss
from tests.seq2seq.model.tiny import tiny_batch, tiny_model


@pytest.mark.parametrize(
    ("ratio", "granularity", "calls"),
    [(1.0, "step", 1), (0.0, "step", 6), (1.0, "token", 1), (0.0, "sequence", 6)],
)
@pytest.mark.parametrize("cell", ["gru", "lstm"])
def test_steps_between_two_choices_are_one_call(
    ratio: float, granularity: str, calls: int, cell: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    counted: list[int] = []
    for kind, name in ((Decoder, "advance"), (UnrolledDecoder, "run")):
        _count(kind, name, counted, monkeypatch)
    coins = toss(granularity, ratio, 5, 6, torch.Generator())
    batch = (*tiny_batch([3, 5, 1, 4, 2], 9), *tiny_batch([6, 4, 4, 2, 1], 11, seed=1), coins)
    teacher_forced_loss(tiny_model(attention="dot", cell=cell), *batch)
    assert len(counted) == calls


def _count(kind: type, name: str, counted: list[int], monkeypatch: pytest.MonkeyPatch) -> None:
    method = getattr(kind, name)

    def counting(*args: object) -> object:
        counted.append(1)
        return method(*args)

    monkeypatch.setattr(kind, name, counting)
