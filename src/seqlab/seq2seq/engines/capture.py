"""CUDA graphs: work that was captured once is done again by one call, without a launch for each of its kernels.

And the copies of what it reads and leaves, for which the program does not wait.
"""

import gc
import logging
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from itertools import count

import torch
from torch import Tensor

logger = logging.getLogger(__name__)

Work = Callable[[], None]
# Captures work, which has been done before, without doing it; gives what does it again. The work finds its inputs where
# it found them then, leaves its results there, and asks nothing of the device.
Capture = Callable[[Work], Work]


class CudaGraphs:
    """Captures work as graphs that share one pool of memory: they may run one after another only."""

    def __init__(self) -> None:
        self._pool: tuple[int, int] | None = None

    def __call__(self, work: Work) -> Work:
        """Capture.

        Raises:
            RuntimeError: the work does what a graph cannot.
        """
        graph = torch.cuda.CUDAGraph()
        with _without_garbage_collection(), torch.cuda.graph(graph, pool=self._pool):  # type: ignore[arg-type]
            work()
        self._pool = self._pool or graph.pool()
        return graph.replay


@contextmanager
def _without_garbage_collection() -> Iterator[None]:
    """Meanwhile no object of a cycle is deleted: to delete an earlier graph breaks off the capture of this one."""
    gc.collect()
    enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if enabled:
            gc.enable()


class Repeated:
    """Captures work when it is done the second time: the first, as it is written, lets the libraries choose kernels.

    Captured or not, work computes the same bits. What cannot be captured runs as it is, and from then on nothing is
    tried any more; the log says so once.

    Args:
        capture: What captures; None: nothing is.
        what: What the works are, in the plural, for the log.
    """

    def __init__(self, capture: Capture | None, what: str) -> None:
        self._capture, self._what = capture, what

    def __call__(self, work: Work) -> Work:
        """Work that is captured, if it can be."""
        times, now = count(1), work

        def run() -> None:
            nonlocal now
            if next(times) == 2:
                now = self._captured(work)
            now()

        return run

    def _captured(self, work: Work) -> Work:
        if self._capture is None:
            return work
        try:
            return self._capture(work)
        except torch.OutOfMemoryError:
            raise
        except RuntimeError as error:
            self._capture = None
            reason = str(error).partition("\n")[0]
            logger.warning("%s are not captured as CUDA graphs, and are slower for it: %s", self._what, reason)
            return work


def capture_for(device: torch.device) -> Capture | None:
    """What captures work of this device; None where there are no graphs."""
    return CudaGraphs() if device.type == "cuda" else None


def pinned(device: torch.device) -> bool:
    """Whether what goes over to the device is best in pinned memory: a GPU reads that while the program goes on."""
    return device.type == "cuda"


def fetch(values: Tensor) -> Callable[[], list[float]]:
    """Begin to fetch numbers (count,); what waits for them, and gives them as they are now."""
    if values.device.type != "cuda":
        return values.clone().tolist
    here = torch.empty(values.shape, dtype=values.dtype, pin_memory=True)
    here.copy_(values, non_blocking=True)
    # Recorded behind all that the device was given so far.
    event = torch.cuda.Event()  # type: ignore[no-untyped-call]
    event.record()

    def wait() -> list[float]:
        event.synchronize()
        return here.tolist()

    return wait
