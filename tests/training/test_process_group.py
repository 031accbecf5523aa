"""What the processes of a training exchange, with threads in their places."""

import os
import random
import resource
import struct
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from multiprocessing.connection import Connection, Pipe

import pytest
import torch

from seqlab.training.processes.group import ConnectedGroup, DisconnectedError
from seqlab.training.processes.rows import SharedRows, open_memory

# Who waits for nobody fails, and not the whole run.
pytestmark = pytest.mark.timeout(60)

SIZE = 3


@pytest.fixture
def memory() -> Iterator[int]:
    made = open_memory()
    yield made
    os.close(made)


@pytest.fixture
def groups(memory: int) -> Iterator[list[ConnectedGroup]]:
    """Those of all ranks."""
    pipes = [Pipe() for _ in range(1, SIZE)]
    connections: list[list[Connection]] = [[own for own, _ in pipes], *([other] for _, other in pipes)]
    yield [
        ConnectedGroup(rank, SIZE, connections=found, rows=SharedRows(os.dup(memory), rank, SIZE))
        for rank, found in enumerate(connections)
    ]
    for ends in pipes:
        for end in ends:
            end.close()


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


def test_memory_may_be_a_file_without_a_name(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delattr(os, "memfd_create", raising=False)
    memory = open_memory()
    assert os.fstat(memory).st_nlink == 0
    rows = [SharedRows(os.dup(memory), rank, 2) for rank in range(2)]
    os.close(memory)
    for rank, each in enumerate(rows):
        each.put(torch.tensor([rank + 0.5]))
    assert [each.all().tolist() for each in rows] == [[[0.5], [1.5]]] * 2
    for each in rows:
        each.close()


def test_memory_that_there_is_not_is_an_error_and_no_signal(memory: int) -> None:
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (2**20, limits[1]))
    try:
        with pytest.raises(OSError, match="File too large"):
            SharedRows(memory, 0, 2).put(torch.zeros(2**20))
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)


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
    with pytest.raises(DisconnectedError, match=r"^the connection with another process has ended$"):
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
    with pytest.raises(DisconnectedError, match=r"^the connection with another process has ended$"):
        do(groups[1])


def test_a_message_that_breaks_off_is_an_end(groups: list[ConnectedGroup]) -> None:
    os.write(groups[0].connections[0].fileno(), struct.pack("!i", 1000) + b"the first words")
    groups[0].connections[0].close()
    with pytest.raises(DisconnectedError):
        groups[1].receive()
