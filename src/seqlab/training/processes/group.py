"""The processes that compute one training's gradients together.

Rank 0 is connected with each of the others, and they with it alone, by a pipe that ends with either: a process that was
killed is noticed at once. gloo, PyTorch's own way between processes, does not always see it, and waits.
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from multiprocessing.connection import Connection

from torch import Tensor

from seqlab.training.processes.rows import SharedRows

_HERE = b"here"


class DisconnectedError(RuntimeError):
    """Another process has ended."""


@dataclass(frozen=True)
class Group:
    """`world_size` processes, of which this one has number `rank`."""

    rank: int = 0
    world_size: int = 1

    def gather(self, row: Tensor) -> Tensor:
        """Every process's tensor of this shape (n,), on every process: (world_size, n)."""
        return row[None]


ALONE = Group()


@dataclass(frozen=True, kw_only=True)
class ConnectedGroup(Group):
    """A group of several processes of one machine.

    Args:
        connections: Of rank 0 with each of the others; of another with rank 0.
        rows: What they exchange, whatever the device, goes by these.

    Raises (each method):
        DisconnectedError: another process has ended.
    """

    connections: Sequence[Connection]
    rows: SharedRows

    def gather(self, row: Tensor) -> Tensor:
        """As `Group.gather`; the result may be overwritten after the next."""
        self.rows.put(row)
        self.meet()
        return self.rows.all().to(row.device)

    def meet(self) -> None:
        """Wait until all processes are here."""
        with _ending():
            if self.rank != 0:
                self.connections[0].send_bytes(_HERE)
                self.connections[0].recv_bytes()
                return
            for connection in self.connections:
                connection.recv_bytes()
            for connection in self.connections:
                connection.send_bytes(_HERE)

    def send(self, content: bytes) -> None:
        """Tell all others; of rank 0 alone."""
        with _ending():
            for connection in self.connections:
                connection.send_bytes(content)

    def receive(self) -> bytes:
        """What rank 0 says next; of all others."""
        with _ending():
            return self.connections[0].recv_bytes()

    def close(self) -> None:
        """Part from the others."""
        self.rows.close()
        for connection in self.connections:
            connection.close()


@contextmanager
def _ending() -> Iterator[None]:
    try:
        yield
    except (EOFError, OSError) as error:
        raise DisconnectedError("the connection with another process has ended") from error
