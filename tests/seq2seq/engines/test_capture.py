"""What surrounds a capture, without a GPU."""

import gc
import weakref
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
import torch

from seqlab.seq2seq.engines.capture import CudaGraphs


class Ring:
    """What the garbage collector alone deletes."""

    def __init__(self) -> None:
        self.ring = self


class Graph:
    """In a CUDA graph's place."""

    def replay(self) -> None:
        """Do nothing."""

    def pool(self) -> tuple[int, int]:
        """No memory."""
        return (0, 0)


@pytest.fixture(autouse=True)
def _no_cuda(monkeypatch: pytest.MonkeyPatch) -> None:
    @contextmanager
    def capturing(*_: object, **__: object) -> Iterator[None]:
        yield

    monkeypatch.setattr(torch.cuda, "CUDAGraph", Graph)
    monkeypatch.setattr(torch.cuda, "graph", capturing)


def test_no_earlier_graph_is_deleted_while_one_is_captured() -> None:
    """CUDA refuses it, and breaks off the capture: seen on a GPU, where the collector came by in the middle of one."""
    before = weakref.ref(Ring())
    deleted: list[bool] = []

    def work() -> None:
        deleted.append(before() is None)
        within = weakref.ref(Ring())
        # Enough for the collector to come by, if it may.
        kept = [[] for _ in range(10 * gc.get_threshold()[0])]  # type: ignore[var-annotated]
        deleted.append(within() is None)
        del kept

    CudaGraphs()(work)
    assert deleted == [True, False]
    assert gc.isenabled()


def test_the_collector_is_as_it_was_when_a_capture_fails() -> None:
    def work() -> None:
        raise RuntimeError("asked the device")

    with pytest.raises(RuntimeError, match="asked"):
        CudaGraphs()(work)
    assert gc.isenabled()
    gc.disable()
    try:
        CudaGraphs()(lambda: None)
        assert not gc.isenabled()
    finally:
        gc.enable()
