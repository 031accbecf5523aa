"""A process of a training on several: `python -m seqlab.training.processes.worker`, its job as JSON on standard input.

It computes gradients of shards, and makes the same optimizer steps as rank 0, which alone reads data, validates, writes
and listens to signals.
"""

import json
import os
import shutil
import signal
import sys
import threading
import time
from pathlib import Path
from typing import Any

from seqlab.core.errors import SeqlabError
from seqlab.numerics import configure
from seqlab.params.params import Params, parse_params

STORE = "store"
# How often a process looks whether rank 0 still lives.
WATCH_SECONDS = 0.5


def ready(folder: Path, rank: int) -> Path:
    """The file that says that the process of this rank is about to join the group."""
    return folder / f"rank-{rank}.ready"


def main() -> None:
    """Do one job."""
    # Whoever is told to stop is rank 0, and when it ends this process ends.
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, signal.SIG_IGN)
    job = json.load(sys.stdin)
    threading.Thread(target=_end_with, args=(job["parent"], Path(job["folder"])), daemon=True).start()
    params = parse_params(job["params"], "rank 0")
    configure(params.runtime)
    try:
        _work(params, job)
    except SeqlabError as error:
        sys.exit(str(error))


def _work(params: Params, job: dict[str, Any]) -> None:
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
    rank, folder = job["rank"], Path(job["folder"])
    if device.type == "cuda":
        device = torch.device("cuda", rank)
        torch.cuda.set_device(device)
    # Rank 0 tells the parameters, and keeps their average.
    model = Seq2Seq(ModelConfig(**job["config"]), generator(params.seed, "initialisation")).to(device)
    model.train()
    ready(folder, rank).touch()
    group = connect(folder / STORE, rank, job["world_size"], device)
    train = params.train.model_copy(update={"average_decay": 0.0})
    engine = choose(params.runtime.device, params.runtime.engine)
    updater = ShardedUpdater(model, train, params.seed, engine, group)
    try:
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
