"""The processes that compute one training's gradients together: a process group of torch.distributed.

Gradients go by gloo on a CPU and by NCCL on GPUs; what rank 0 tells the others goes by gloo, on the CPU.
"""

import datetime
import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

import psutil
import safetensors.torch
import torch
import torch.distributed as dist
from torch import Tensor

# The others wait for rank 0 as long as it validates, or is stopped in a debugger; for a gradient nobody waits so long.
PATIENCE = datetime.timedelta(days=30)
GRADIENT_PATIENCE = datetime.timedelta(minutes=10)


@dataclass(frozen=True)
class Group:
    """`world_size` processes, of which this one has number `rank`."""

    rank: int = 0
    world_size: int = 1

    def gather(self, row: Tensor) -> Tensor:
        """Every process's tensor of this shape (n,), on every process: (world_size, n)."""
        return row[None]


ALONE = Group()


@dataclass(frozen=True)
class ConnectedGroup(Group):
    """A group of several processes, each of which has called `connect`.

    Raises (each method):
        RuntimeError: another process has ended.
    """

    _control: dist.ProcessGroup | None = None
    _gradients: dist.ProcessGroup | None = None
    _rows: dict[torch.Size, Tensor] = field(default_factory=dict)

    def gather(self, row: Tensor) -> Tensor:
        """As `Group.gather`; the result is overwritten by the next."""
        if row.shape not in self._rows:
            self._rows[row.shape] = row.new_empty(self.world_size, *row.shape)
        rows = self._rows[row.shape]
        dist.all_gather_single(rows.view(-1), row, group=self._gradients)
        return rows

    def send(self, tensors: Mapping[str, Tensor]) -> None:
        """Tell all others; of rank 0 alone."""
        content = torch.frombuffer(bytearray(safetensors.torch.save(dict(tensors))), dtype=torch.uint8)
        dist.broadcast(torch.tensor([len(content)]), src=0, group=self._control)
        dist.broadcast(content, src=0, group=self._control)

    def receive(self) -> dict[str, Tensor]:
        """What rank 0 says next; of all others."""
        size = torch.zeros(1, dtype=torch.int64)
        dist.broadcast(size, src=0, group=self._control)
        content = torch.zeros(int(size), dtype=torch.uint8)
        dist.broadcast(content, src=0, group=self._control)
        return safetensors.torch.load(content.numpy().tobytes())


def connect(store: Path, rank: int, world_size: int, device: torch.device) -> ConnectedGroup:
    """Make the process group of one machine; `store` is a file that all its processes name.

    Raises:
        RuntimeError: the others do not come.
    """
    # Nothing is heard of it outside this machine.
    os.environ.setdefault("GLOO_SOCKET_IFNAME", _loopback())
    joined = dist.FileStore(str(store), world_size)  # type: ignore[attr-defined]
    dist.init_process_group("gloo", store=joined, rank=rank, world_size=world_size, timeout=GRADIENT_PATIENCE)
    control = dist.new_group(backend="gloo", timeout=PATIENCE)
    gradients = dist.new_group(backend="nccl", timeout=GRADIENT_PATIENCE) if device.type == "cuda" else None
    return ConnectedGroup(rank, world_size, control, gradients)


def disconnect() -> None:
    """Leave the process group; whoever waits for this process learns that it is gone."""
    if dist.is_initialized():
        dist.destroy_process_group()


def _loopback() -> str:
    addresses = psutil.net_if_addrs()
    return next(name for name, found in addresses.items() if any(each.address == "127.0.0.1" for each in found))
