"""A process of a training on several, started as `worker RANK CONNECTION MEMORY PARENT FOLDER`.

Connection, with rank 0, and memory are descriptors; the parent is rank 0's process, and the folder goes when it has
ended. Rank 0 tells it first what to do. It computes gradients of shards, and makes the same optimizer steps as rank 0,
which alone reads data, validates, writes and listens to signals.
"""

import json
import os
import shutil
import signal
import sys
import threading
import time
from multiprocessing.connection import Connection
from pathlib import Path

from seqlab.core.errors import SeqlabError
from seqlab.numerics import configure
from seqlab.params.params import parse_params

# How often a process looks whether rank 0 still lives.
WATCH_SECONDS = 0.5


def main() -> None:
    """Do one job."""
    # Whoever is told to stop is rank 0, and when it ends this process ends.
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, signal.SIG_IGN)
    rank, connection, memory, parent = (int(argument) for argument in sys.argv[1:5])
    threading.Thread(target=_end_with, args=(parent, Path(sys.argv[5])), daemon=True).start()
    try:
        _work(rank, Connection(connection), memory)
    except SeqlabError as error:
        sys.exit(str(error))
    except Exception:
        # As a rule because rank 0 has ended, or is about to end this process.
        time.sleep(2 * WATCH_SECONDS)
        raise


def _work(rank: int, connection: Connection, memory: int) -> None:
    job = json.loads(connection.recv_bytes())
    params = parse_params(job["params"], "rank 0")
    configure(params.runtime)
    # They import PyTorch, which reads the environment once.
    import torch

    from seqlab.numerics import torch_setup
    from seqlab.seq2seq.engines.choice import choose
    from seqlab.seq2seq.model.config import ModelConfig
    from seqlab.seq2seq.model.seq2seq import Seq2Seq
    from seqlab.training.processes.group import ConnectedGroup
    from seqlab.training.processes.orders import follow
    from seqlab.training.processes.rows import SharedRows
    from seqlab.training.seeds import generator
    from seqlab.training.shards import ShardedUpdater

    device = torch_setup(params.runtime)
    if device.type == "cuda":
        device = torch.device("cuda", rank)
        torch.cuda.set_device(device)
    # Rank 0 tells the parameters, and keeps their average.
    model = Seq2Seq(ModelConfig(**job["config"]), generator(params.seed, "initialisation")).to(device)
    model.train()
    size = job["world_size"]
    group = ConnectedGroup(rank, size, connections=[connection], rows=SharedRows(memory, rank, size))
    train = params.train.model_copy(update={"average_decay": 0.0})
    engine = choose(params.runtime.device, params.runtime.engine)
    updater = ShardedUpdater(model, train, params.seed, engine, group)
    group.meet()
    follow(updater, group.receive)


def _end_with(parent: int, folder: Path) -> None:
    """End when rank 0 has, whatever this process is waiting for, and leave nothing behind."""
    while os.getppid() == parent:
        time.sleep(WATCH_SECONDS)
    shutil.rmtree(folder, ignore_errors=True)
    os._exit(1)


if __name__ == "__main__":
    main()
