"""A process of a training on several: `python -m seqlab.training.processes.worker RANK DESCRIPTOR`.

The descriptor is that of its connection with rank 0, which tells it first what to do. It computes gradients of shards,
and makes the same optimizer steps as rank 0, which alone reads data, validates, writes and listens to signals.
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
from typing import Any

from seqlab.core.errors import SeqlabError
from seqlab.numerics import configure
from seqlab.params.params import Params, parse_params

# How often a process looks whether rank 0 still lives.
WATCH_SECONDS = 0.5


def main() -> None:
    """Do one job."""
    # Whoever is told to stop is rank 0, and when it ends this process ends.
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, signal.SIG_IGN)
    rank, connection = int(sys.argv[1]), Connection(int(sys.argv[2]))
    job = json.loads(connection.recv_bytes())
    threading.Thread(target=_end_with, args=(job["parent"], Path(job["folder"])), daemon=True).start()
    params = parse_params(job["params"], "rank 0")
    configure(params.runtime)
    try:
        _work(params, job, rank, connection)
    except SeqlabError as error:
        sys.exit(str(error))


def _work(params: Params, job: dict[str, Any], rank: int, connection: Connection) -> None:
    # They import PyTorch, which reads the environment once.
    import torch

    from seqlab.numerics import torch_setup
    from seqlab.seq2seq.engines.choice import choose
    from seqlab.seq2seq.model.config import ModelConfig
    from seqlab.seq2seq.model.seq2seq import Seq2Seq
    from seqlab.training.processes.group import connect
    from seqlab.training.processes.orders import follow
    from seqlab.training.seeds import generator
    from seqlab.training.shards import ShardedUpdater

    device = torch_setup(params.runtime)
    if device.type == "cuda":
        device = torch.device("cuda", rank)
        torch.cuda.set_device(device)
    # Rank 0 tells the parameters, and keeps their average.
    model = Seq2Seq(ModelConfig(**job["config"]), generator(params.seed, "initialisation")).to(device)
    model.train()
    size, folder, memory = job["world_size"], Path(job["folder"]), job["memory"]
    group = connect([connection], rank, size, device=device.type, folder=folder, memory=memory)
    train = params.train.model_copy(update={"average_decay": 0.0})
    engine = choose(params.runtime.device, params.runtime.engine)
    updater = ShardedUpdater(model, train, params.seed, engine, group)
    try:
        group.meet()
        follow(updater, group.receive)
    except RuntimeError:
        # As a rule because rank 0 has ended, or is about to end this process.
        time.sleep(2 * WATCH_SECONDS)
        raise


def _end_with(parent: int, folder: Path) -> None:
    """End when rank 0 has, whatever this process is waiting for, and leave nothing behind."""
    while os.getppid() == parent:
        time.sleep(WATCH_SECONDS)
    shutil.rmtree(folder, ignore_errors=True)
    os._exit(1)


if __name__ == "__main__":
    main()
