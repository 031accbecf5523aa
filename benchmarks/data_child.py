"""Trains for some steps in a process of its own: `python -m benchmarks.data_child REQUEST`; see data.py."""

import json
import os
import sys
import tempfile
import time
from collections.abc import Mapping
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING, Any

import psutil

from benchmarks.measure import ROOT, say, status
from seqlab.numerics import configure, torch_setup
from seqlab.params.params import Params, load_params

if TYPE_CHECKING:
    from seqlab.training.validator import ValidationScores

MODEL = {"embedding_size": 64, "hidden_size": 64, "attention": "none", "dropout": 0.0}


def main() -> None:
    """Do what the request asks, and print what came of it as JSON."""
    request = json.loads(sys.argv[1])
    params = load_params(ROOT / "params.yaml")
    changes = {"epochs": 1, "batch_size": 128, "batch_by": "sentences"}
    params = params.model_copy(
        update={
            "model": params.model.model_copy(update=MODEL),
            "train": params.train.model_copy(update=changes),
        }
    )
    configure(params.runtime)
    torch_setup(params.runtime)
    tokenized = Path(request["tokenized"])
    drop_from_page_cache(tokenized / "train")
    steps = Steps(request["steps"])
    with tempfile.TemporaryDirectory(prefix="seqlab-benchmark-") as folder:
        train(params, tokenized, Path(folder), steps)
    # Training first: what is timed here would leave memory behind.
    say(
        json.dumps({"first_step": steps.first, **steps.highest, **time_data(params, tokenized / "train", steps.wanted)})
    )


def drop_from_page_cache(folder: Path) -> None:
    """Let the disk be part of the start."""
    for path in folder.iterdir():
        with open(path, "rb") as file:
            os.fsync(file.fileno())
            os.posix_fadvise(file.fileno(), 0, 0, os.POSIX_FADV_DONTNEED)


class Steps:
    """Asked after each step whether to stop: looks at the clock and at the memory."""

    def __init__(self, wanted: int) -> None:
        self.wanted = wanted
        self.first = 0.0
        self.highest = {"anonymous": 0.0, "file": 0.0}
        self._done = 0

    def stop(self) -> bool:
        """True after the last."""
        if not self._done:
            self.first = time.time() - psutil.Process().create_time()
        self._done += 1
        for name, megabytes in resident().items():
            self.highest[name] = max(self.highest[name], megabytes)
        return self._done == self.wanted


def resident() -> dict[str, float]:
    """Megabytes of this process in memory: its own, and those of mapped files."""
    return {name: status(key) / 1e6 for name, key in (("anonymous", "RssAnon"), ("file", "RssFile"))}


def no_validator(_model: object, _pause: object) -> "ValidationScores":
    """Training ends before it is asked."""
    raise NotImplementedError


def train(params: Params, tokenized: Path, folder: Path, steps: Steps) -> None:
    """Train as stage train does, until the steps are done."""
    from seqlab.seq2seq.engines.choice import choose
    from seqlab.training.continuation import Continuation
    from seqlab.training.interruption import Interrupted
    from seqlab.training.run import train

    try:
        train(
            params,
            tokenized=tokenized,
            models=folder / "models",
            reports=folder / "reports",
            checkpoints=folder / "checkpoints",
            fingerprint="benchmark",
            continuation=Continuation(folder / "ended", "benchmark"),
            engine=choose(params.runtime.device, params.runtime.engine),
            validator=no_validator,
            stop=steps.stop,
        )
    except Interrupted:
        return
    raise SystemExit(f"an epoch has fewer than {steps.wanted} steps; give more pairs")


def time_data(params: Params, folder: Path, batches: int) -> Mapping[str, Any]:
    """Seconds that opening the split, its first batch, and each later one take, from the page cache."""
    from seqlab.text.batches import Batches
    from seqlab.text.encoded import open_split

    times = [time.perf_counter()]
    split = open_split(folder)
    split.require_vocabularies(1 << 16, 1 << 16)
    times.append(time.perf_counter())
    epoch = iter(Batches(split, params.train.batch_size, params.train.batch_by, seed=1).epoch(1))
    next(epoch)
    times.append(time.perf_counter())
    for _ in range(batches - 1):
        next(epoch)
    times.append(time.perf_counter())
    opening, first, rest = (after - before for before, after in pairwise(times))
    return {"open": opening, "first_batch": first, "batch": rest / (batches - 1)}


if __name__ == "__main__":
    main()
