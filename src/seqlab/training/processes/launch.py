"""Starts the processes that compute a training together with this one, and ends them."""

import json
import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from multiprocessing.connection import Connection, Pipe
from pathlib import Path

from seqlab.core.errors import SeqlabError
from seqlab.params.params import Params
from seqlab.seq2seq.model.config import ModelConfig
from seqlab.training.processes import worker
from seqlab.training.processes.group import ConnectedGroup, DisconnectedError
from seqlab.training.processes.rows import SharedRows, open_memory

# Seconds in which a process whose connection broke is expected to have ended.
ENDING_SECONDS = 10.0
_POLL_SECONDS = 0.02


@dataclass(frozen=True)
class Workers:
    """The processes of all ranks but 0, as rank 0 sees them."""

    group: ConnectedGroup
    processes: Mapping[int, subprocess.Popen[bytes]]
    folder: Path

    @contextmanager
    def watched(self) -> Iterator[None]:
        """Work together with them.

        Raises:
            SeqlabError: one of them has ended.
        """
        try:
            yield
        except DisconnectedError:
            deadline = time.monotonic() + ENDING_SECONDS
            while time.monotonic() < deadline:
                _check(self.processes, self.folder)
                time.sleep(_POLL_SECONDS)
            raise


@contextmanager
def launched(params: Params, config: ModelConfig, world_size: int) -> Iterator[Workers | None]:
    """Processes that compute steps with this one, which is rank 0, until the block ends; None if it is alone.

    They are out of the terminal's reach: Ctrl-C is this one's to answer. When it ends, however it does, they end.

    Args:
        params: Of the training.
        config: Of the model.
        world_size: How many processes, with this one.

    Raises:
        SeqlabError: one of them cannot start.
    """
    if world_size == 1:
        yield None
        return
    with tempfile.TemporaryDirectory(prefix="seqlab-train-") as name:
        folder, memory = Path(name), open_memory()
        processes: dict[int, subprocess.Popen[bytes]] = {}
        connections: list[Connection] = []
        group = ConnectedGroup(0, world_size, connections=connections, rows=SharedRows(memory, 0, world_size))
        workers = Workers(group, processes, folder)
        try:
            for rank in range(1, world_size):
                processes[rank], connection = _start(folder, memory, rank)
                connections.append(connection)
            with workers.watched():
                group.send(_job(params, config, world_size))
                group.meet()
            yield workers
        finally:
            # They hold nothing that this one does not, and have nothing to say.
            for process in processes.values():
                process.kill()
                process.wait()
            group.close()


def _job(params: Params, config: ModelConfig, world_size: int) -> bytes:
    job = {"params": params.model_dump(mode="json"), "config": asdict(config), "world_size": world_size}
    return json.dumps(job).encode()


def _start(folder: Path, memory: int, rank: int) -> tuple[subprocess.Popen[bytes], Connection]:
    own, other = Pipe()
    source = str(Path(__file__).parents[3])
    path = os.pathsep.join(filter(None, [source, os.environ.get("PYTHONPATH")]))
    arguments = [str(rank), str(other.fileno()), str(memory), str(os.getpid()), str(folder)]
    with _log(folder, rank).open("wb") as log, other:
        process = subprocess.Popen(
            [sys.executable, "-m", worker.__name__, *arguments],
            env=os.environ | {"PYTHONPATH": path},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=log,
            pass_fds=[memory, other.fileno()],
            start_new_session=True,
        )
    return process, own


def _check(processes: Mapping[int, subprocess.Popen[bytes]], folder: Path) -> None:
    for rank, process in processes.items():
        if (status := process.poll()) is not None:
            raise SeqlabError(
                f"the process of rank {rank} {_ending(status, _log(folder, rank))}, and training stopped; "
                "`dvc repro` goes on from the last saved state, on as many processes as you like"
            )


def _ending(status: int, log: Path) -> str:
    if status < 0:
        return f"was killed by {signal.Signals(-status).name}"
    *_, said = ["", *filter(None, log.read_text("utf-8", "replace").splitlines())]
    return f"ended with exit status {status}" + (f" ({said.strip()})" if said else "")


def _log(folder: Path, rank: int) -> Path:
    return folder / f"rank-{rank}.log"
