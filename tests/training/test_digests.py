from collections.abc import Callable
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors import safe_open
from torch import nn

from seqlab.seq2seq.checkpoint import load_checkpoint, load_tensors
from seqlab.training.digests import ParameterDigests
from seqlab.training.interruption import Interrupted
from tests.training.conftest import Training, make_params, stop_at

SHAPES = {"part_of_a_row": (3,), "odd": (37, 61), "one_row": (16, 16), "rows": (64, 128)}


class Shapes(nn.Module):
    """Tensors that fill no row, some rows and a rest, one row, and rows alone; then one on no 64-bit boundary."""

    def __init__(self) -> None:
        super().__init__()
        draw = torch.Generator().manual_seed(1)
        for name, shape in SHAPES.items():
            self.register_parameter(name, nn.Parameter(torch.randn(shape, generator=draw)))
        packed = torch.randn(2000, generator=draw)
        self.unaligned = nn.Parameter(packed[3:1500].view(3, 499))


def last_row(digests: ParameterDigests) -> list[int]:
    digests.add()
    row: list[int] = digests.table[-1].tolist()
    return row


def flip(tensor: torch.Tensor, position: int, bit: int) -> None:
    bits = tensor.detach().view(-1).view(torch.uint8)
    bits[position * 4 + bit // 8] ^= 1 << bit % 8


def reference(tensor: torch.Tensor, drawn: list[int]) -> int:
    """The digest, in Python's integers; the rest that fills no row comes first."""
    content = tensor.detach().numpy().tobytes()
    whole = len(content) // 1024 * 1024
    rows = [content[whole:] + bytes(1024 - len(content) + whole)]
    rows += [content[start : start + 1024] for start in range(0, whole, 1024)]
    total = 0
    for row, weight in zip(rows, drawn, strict=False):
        summed = sum(np.frombuffer(row, "<i8").tolist()) + 2**63
        signed = summed % 2**64 - 2**63
        total += (signed ^ (signed >> 32)) * (weight | 1)
    return (total % 2**64) >> 32


def test_against_a_plain_reference() -> None:
    model = Shapes()
    row = last_row(ParameterDigests(model))
    most_rows = max(tensor.nbytes // 1024 + 1 for tensor in model.parameters())
    drawn = torch.randint(-(1 << 62), 1 << 62, (most_rows,), generator=torch.Generator().manual_seed(1)).tolist()
    assert [digest % 2**32 for digest in row] == [reference(tensor, drawn) for tensor in model.parameters()]


@pytest.mark.parametrize("name", [*SHAPES, "unaligned"])
def test_one_bit_changes_the_digest_of_its_tensor_alone(name: str) -> None:
    model = Shapes()
    digests = ParameterDigests(model)
    before = last_row(digests)
    tensor = model.get_parameter(name)
    index = list(dict(model.named_parameters())).index(name)
    for position in {0, 1, tensor.numel() // 2, tensor.numel() - 2, tensor.numel() - 1}:
        for bit in (0, 1, 22, 30, 31):
            flip(tensor, position, bit)
            after = last_row(digests)
            assert [one == other for one, other in zip(before, after, strict=True)] == [
                place != index for place in range(len(before))
            ]
            flip(tensor, position, bit)
    assert last_row(digests) == before


def test_changes_that_leave_sums_as_they_were_are_seen() -> None:
    model = Shapes()
    digests = ParameterDigests(model)
    before = last_row(digests)
    bits = model.get_parameter("rows").detach().view(-1).view(torch.int32)
    bits[100] += 1
    bits[700] -= 1
    assert last_row(digests) != before
    bits[100] -= 1
    bits[700] += 1
    assert last_row(digests) == before
    # Two signs, both in the upper half of a 64-bit integer.
    for position in (101, 701):
        flip(model.get_parameter("rows"), position, 31)
    assert last_row(digests) != before


def test_threads_change_nothing() -> None:
    model = nn.Embedding(6001, 257)
    found = []
    for threads in (1, 2):
        torch.set_num_threads(threads)
        found.append(last_row(ParameterDigests(model)))
    torch.set_num_threads(1)
    assert found[0] == found[1]


def test_a_training_leaves_a_row_for_every_step(training: Training) -> None:
    training()
    best = load_checkpoint(training.folder / "models/last")
    with safe_open(training.folder / "models/digests.safetensors", framework="pt") as file:
        rows = file.get_tensor("digests")
    names = dict(best.named_parameters())
    assert rows.shape == (3 * 7 + 1, len(names))
    assert rows[-1].tolist() == last_row(ParameterDigests(best))
    assert all(bool((later != earlier).any()) for earlier, later in pairwise(rows))


@pytest.mark.parametrize("number", [1, 2, 9, 20])
def test_interrupted_and_resumed(training: Training, expected: dict[str, bytes], number: int) -> None:
    with pytest.raises(Interrupted):
        training(stop=stop_at(number))
    assert training()["models/digests.safetensors"] == expected["models/digests.safetensors"]


def test_from_the_step_on_that_differs(trainings: Callable[[str], Training]) -> None:
    tables = []
    # The learning rate decays after the first epoch of seven steps.
    for decay in (0.9, 0.8):
        training = trainings(str(decay))
        training(make_params(train={"learning_rate_schedule": "exponential", "learning_rate_decay": decay}))
        with safe_open(training.folder / "models/digests.safetensors", framework="pt") as file:
            tables.append(file.get_tensor("digests"))
    differs = (tables[0] != tables[1]).any(1).tolist()
    assert differs == [False] * 8 + [True] * 14


def test_a_table_of_another_training_is_refused() -> None:
    digests = ParameterDigests(Shapes())
    digests.add()
    with pytest.raises(ValueError, match="other steps or tensors"):
        digests.restore(digests.table, 2)
    with pytest.raises(ValueError, match="other steps or tensors"):
        digests.restore(digests.table[:, 1:], 1)
    digests.restore(digests.table[:1], 0)
    assert len(digests.table) == 1


def test_parameters_put_back_are_seen(tmp_path: Path) -> None:
    model = Shapes()
    digests = ParameterDigests(model)
    saved = {name: tensor.clone() for name, tensor in model.state_dict().items()}
    with torch.no_grad():
        model.get_parameter("odd").mul_(2)
    assert last_row(digests) != digests.table[0].tolist()
    load_tensors(model, saved)
    assert last_row(digests) == digests.table[0].tolist()
