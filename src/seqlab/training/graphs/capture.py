"""CUDA graphs: work that was captured once is done again by one call, without a launch for each of its kernels."""

from collections.abc import Callable

import torch

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
        with torch.cuda.graph(graph, pool=self._pool):  # type: ignore[arg-type]
            work()
        self._pool = self._pool or graph.pool()
        return graph.replay
