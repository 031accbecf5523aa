"""What the processes of a training exchange, with threads or forked processes in their places."""

import json
import os
import random
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from multiprocessing.connection import Connection, Pipe
from pathlib import Path

import pytest
import torch

from seqlab.training.processes.group import ConnectedGroup, connect
from seqlab.training.processes.nccl import NcclRows
from seqlab.training.processes.rows import open_memory
from tests.training.test_interruption import _fork

SIZE = 3


@pytest.fixture
def groups(tmp_path: Path) -> list[ConnectedGroup]:
    """Those of all ranks."""
    pipes = [Pipe() for _ in range(1, SIZE)]
    connections: list[list[Connection]] = [[own for own, _ in pipes], *([other] for _, other in pipes)]
    memory = open_memory()
    return [
        connect(found, rank, SIZE, device="cpu", folder=tmp_path, memory=os.dup(memory))
        for rank, found in enumerate(connections)
    ]


def test_all_have_the_rows_of_all_until_the_next_however_fast_each_is(groups: list[ConnectedGroup]) -> None:
    rounds, length = 60, 1000

    def member(rank: int) -> bool:
        drawn = random.Random(rank)
        right = True
        for number in range(rounds):
            rows = groups[rank].gather(torch.full((length,), float(SIZE * number + rank)))
            expected = torch.arange(SIZE * number, SIZE * (number + 1.0))[:, None].expand(SIZE, length)
            for _ in range(drawn.choice([1, 4])):
                right &= rows.equal(expected)
                time.sleep(0.0005)
        return right

    with ThreadPoolExecutor(SIZE) as pool:
        assert list(pool.map(member, range(SIZE))) == [True] * SIZE


def test_the_same_rows_are_used_again(groups: list[ConnectedGroup]) -> None:
    # The step's time would go into new pages.
    def member(rank: int) -> list[int]:
        return [groups[rank].gather(torch.zeros(5)).data_ptr() for _ in range(6)]

    with ThreadPoolExecutor(SIZE) as pool:
        for places in pool.map(member, range(SIZE)):
            assert places == places[:2] * 3


@pytest.mark.parametrize(
    "do",
    [
        lambda group: group.meet(),
        lambda group: group.gather(torch.zeros(2)),
        lambda group: [group.send(b"step") for _ in range(2)],
    ],
    ids=["meet", "gather", "send"],
)
def test_rank_0_notices_at_once_that_another_has_ended(
    do: Callable[[ConnectedGroup], object], groups: list[ConnectedGroup]
) -> None:
    groups[2].close()
    groups[1].connections[0].send_bytes(b"here")
    with pytest.raises(RuntimeError, match=r"^the connection with another process has ended$"):
        do(groups[0])


@pytest.mark.parametrize(
    "do",
    [lambda group: group.meet(), lambda group: group.gather(torch.zeros(2)), lambda group: group.receive()],
    ids=["meet", "gather", "receive"],
)
def test_the_others_notice_that_rank_0_has_ended(
    do: Callable[[ConnectedGroup], object], groups: list[ConnectedGroup]
) -> None:
    groups[0].close()
    with pytest.raises(RuntimeError, match=r"^the connection with another process has ended$"):
        do(groups[1])


def test_rows_by_torch_distributed(tmp_path: Path) -> None:
    # What GPUs do by NCCL, by gloo.
    def gathered(rank: int) -> list[list[list[float]]]:
        rows = NcclRows(tmp_path / "store", rank, 2, backend="gloo")
        found = []
        for number in (1.0, 2.0):
            rows.put(torch.tensor([number, float(rank)]))
            found.append(rows.all().tolist())
        rows.close()
        return found

    child = _fork(lambda: (tmp_path / "found.json").write_text(json.dumps(gathered(1)), "utf-8"))
    found = gathered(0)
    os.waitpid(child, 0)
    assert found == [[[number, 0.0], [number, 1.0]] for number in (1.0, 2.0)]
    assert json.loads((tmp_path / "found.json").read_text("utf-8")) == found
