"""DVC's queue: its words for how it is with a task, and a name that two tasks have."""

from pathlib import Path

import pytest

from seqlab.commands.sweep import queue as module
from seqlab.commands.sweep.queue import Queue, Task


def test_what_dvc_says_of_tasks(monkeypatch: pytest.MonkeyPatch) -> None:
    rows = [("a", "Running", "1"), ("b", "Queued", "2"), ("", "Queued", "0123456789"), ("c", "Success", "3")]
    rows += [("d", "Failed", "4"), ("a", "Failed", "5")]
    listed = [dict(zip(("name", "status", "rev"), row, strict=True)) for row in rows]
    monkeypatch.setattr(module, "queued_tasks", lambda _: listed)
    assert Queue(Path()).tasks() == {
        "a": Task("a", "running", "1"),
        "b": Task("b", "queued", "2"),
        "0123456": Task("0123456", "queued", "0123456789"),
        "c": Task("c", "done", "3"),
        "d": Task("d", "failed", "4"),
    }
