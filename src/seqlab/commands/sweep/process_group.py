"""Waiting for a group of processes: a training that DVC left alone when it was killed saves its state."""

import os
import time

import psutil

POLL_SECONDS = 0.2


def await_group(leader: int) -> None:
    """Wait until no process of the group is at work."""
    while any(_is_at_work(process, leader) for process in psutil.process_iter()):
        time.sleep(POLL_SECONDS)


def _is_at_work(process: psutil.Process, leader: int) -> bool:
    """Whether it is of the group; one that has ended, a zombie, is at work no more."""
    try:
        return os.getpgid(process.pid) == leader and process.status() != psutil.STATUS_ZOMBIE
    except (OSError, psutil.Error):
        # Gone, or somebody else's.
        return False
