"""SEQLAB_PROCESSES: how many processes of this machine compute one training. It changes no result."""

import os

import torch

from seqlab.core.errors import SeqlabError
from seqlab.params.schema import RuntimeParams
from seqlab.system.terminal import say

VARIABLE = "SEQLAB_PROCESSES"


def world_size(shards: int, runtime: RuntimeParams) -> int:
    """How many processes train: as SEQLAB_PROCESSES says, but none that would have nothing to do; 1 without it.

    Says so where they are fewer than asked for, or more than there are cores for.

    Raises:
        SeqlabError: it is no such number, or there are not as many GPUs.
    """
    value = os.environ.get(VARIABLE, "").strip() or "1"
    if not (value.isascii() and value.isdecimal()) or int(value) == 0:
        raise SeqlabError(f"{VARIABLE}={value}: write how many processes compute a training, such as 2")
    asked = int(value)
    rounds = -(-shards // asked)
    size = -(-shards // rounds)
    if size < asked:
        say(
            f"train: {VARIABLE} is {asked}, and {size} train: with train.shards {shards} more would not be faster",
            err=True,
        )
    _check_machine(size, runtime)
    return size


def _check_machine(size: int, runtime: RuntimeParams) -> None:
    if size == 1:
        return
    if runtime.device == "cuda":
        gpus = torch.cuda.device_count()
        if size > gpus:
            raise SeqlabError(
                f"{VARIABLE}: {size} processes need a GPU each, and this machine has {gpus}: set it lower"
            )
        return
    cores = _cores()
    if size * runtime.threads > cores:
        say(
            f"train: warning: {size} processes of {runtime.threads} threads share {cores} cores, and wait for one "
            f"another: lower {VARIABLE}, which changes no result, or runtime.threads, which does",
            err=True,
        )


def _cores() -> int:
    # macOS has no affinity.
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
