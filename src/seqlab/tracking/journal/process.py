"""Which process an execution is, and whether it still lives."""

import os
import platform
import time
from typing import Any

import psutil

# The clock's resolution behind a process's start time, generously.
START_SECONDS = 2.0
# A process on another machine cannot be asked; it is taken to live as long as its journal grows.
SILENCE_SECONDS = 600.0
# How far ahead its clock may be.
CLOCK_SECONDS = 600.0


def process_identity() -> dict[str, Any]:
    """This process: its id is used again some day, so its start time and its machine belong to its name."""
    return {"pid": os.getpid(), "started": psutil.Process().create_time(), "machine": platform.node()}


def is_alive(identity: dict[str, Any], last_seen: float) -> bool:
    """Whether the process named by `process_identity` lives; `last_seen`: when it last wrote, as seconds since 1970."""
    if identity.get("machine") != platform.node():
        return -CLOCK_SECONDS <= time.time() - last_seen < SILENCE_SECONDS
    try:
        process = psutil.Process(identity["pid"])
        same = abs(process.create_time() - identity["started"]) < START_SECONDS
        return bool(same and process.status() != psutil.STATUS_ZOMBIE)
    except (psutil.NoSuchProcess, KeyError, TypeError, ValueError, OverflowError):
        # Gone; or the identity is no process's, from a journal that somebody damaged.
        return False
