"""Rows that GPUs exchange, by torch.distributed."""

import datetime
from pathlib import Path

import torch.distributed as dist
from torch import Tensor

PATIENCE = datetime.timedelta(minutes=10)


class NcclRows:
    """Rows on GPUs of one machine, one for each process; see `Rows`.

    Args:
        store: A file that all processes name.
        rank: Of this process.
        world_size: How many there are.
        backend: Of torch.distributed.

    Raises (`put`, `all`):
        RuntimeError: the others do not come.
    """

    def __init__(self, store: Path, rank: int, world_size: int, backend: str = "nccl") -> None:
        self._store = store
        self._rank = rank
        self._size = world_size
        self._backend = backend
        self._own: Tensor | None = None
        self._rows: Tensor | None = None

    def put(self, row: Tensor) -> None:
        """As `Rows.put`."""
        if self._rows is None:
            joined = dist.FileStore(str(self._store), self._size)  # type: ignore[attr-defined]
            dist.init_process_group(
                self._backend, store=joined, rank=self._rank, world_size=self._size, timeout=PATIENCE
            )
            self._rows = row.new_empty(self._size, row.numel())
        self._own = row

    def all(self) -> Tensor:
        """As `Rows.all`."""
        if self._rows is None or self._own is None:
            raise AssertionError("no row was put")
        dist.all_gather_single(self._rows.view(-1), self._own)
        return self._rows

    def close(self) -> None:
        """As `Rows.close`."""
        if self._rows is not None:
            dist.destroy_process_group()
