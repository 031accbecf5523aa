"""Memory that the processes of a training share, in which each leaves a row of numbers for all."""

import mmap
import os
import sys
import tempfile

import torch
from torch import Tensor

_BLOCKS = 2


class SharedRows:
    """One tensor of every process, all of shape (n,), exchanged again and again.

    There are two blocks, used in turns: a process that is ahead writes one while another still reads the other. It
    cannot be two ahead, since all meet between `put` and `all`.

    Args:
        file: The descriptor of the memory, which every process was given.
        rank: Of this process.
        world_size: How many share it.

    Raises (`put`):
        OSError: there is not as much memory.
    """

    def __init__(self, file: int, rank: int, world_size: int) -> None:
        self._file = file
        self._rank = rank
        self._size = world_size
        self._blocks: Tensor | None = None
        self._turn = 0

    def put(self, row: Tensor) -> None:
        """Give the tensor of this process."""
        if self._blocks is None:
            self._blocks = self._map(row)
        self._turn = (self._turn + 1) % _BLOCKS
        self._blocks[self._turn, self._rank].copy_(row)

    def all(self) -> Tensor:
        """Those of all, (world_size, n) on the CPU, once each has given its own; overwritten after the next."""
        if self._blocks is None:
            raise AssertionError("no row was put")
        return self._blocks[self._turn]

    def close(self) -> None:
        """Give the descriptor back."""
        os.close(self._file)

    def _map(self, row: Tensor) -> Tensor:
        # Each process does so, to the same size: whoever is first makes the memory.
        size = _BLOCKS * self._size * row.numel() * row.element_size()
        if sys.platform == "darwin":
            os.ftruncate(self._file, size)
        else:
            # Now, and not by a signal when a page that cannot be had is written.
            os.posix_fallocate(self._file, 0, size)
        memory = mmap.mmap(self._file, size)
        return torch.frombuffer(memory, dtype=row.dtype).view(_BLOCKS, self._size, row.numel())


def open_memory() -> int:
    """The descriptor of new memory for `SharedRows`, without a name, so that nothing of it is left behind."""
    try:
        # Not /dev/shm, which has 64 MB in a container.
        return os.memfd_create("seqlab-rows")
    except (AttributeError, OSError):
        # macOS has no such call, nor has a Python that was built for an old glibc.
        with tempfile.TemporaryFile() as file:
            return os.dup(file.fileno())
