"""What members failed by on this machine is read from DVC's queue."""

from dataclasses import dataclass

import pytest

from seqlab.commands.sweep.local_sweep import LocalSweep
from seqlab.commands.sweep.members import make_members
from seqlab.commands.sweep.plan import Planned
from seqlab.commands.sweep.queue import Queue
from seqlab.core.errors import SeqlabError
from seqlab.params.params import Params
from tests.commands.sweep.test_plan import GRID, Repository, repository

__all__ = ["repository"]
pytestmark = pytest.mark.parametrize("repository", ["."], indirect=True)


@dataclass(frozen=True)
class Attempt:
    """A failed task of the queue, of this recipe."""

    params: Params
    state: str = "failed"

    def is_of(self, params: Params, _experiments: object) -> bool:
        return params == self.params


def test_why_a_member_failed(repository: Repository, monkeypatch: pytest.MonkeyPatch) -> None:
    first, second = make_members(repository.root, GRID)
    logs = {
        first.name: "epoch 1\ntrain: the numbers went wrong\nERROR: failed to reproduce 'train': failed to run: x\n"
    }

    def log(_: Queue, name: str) -> str:
        if name not in logs:
            raise SeqlabError("no log")
        return logs[name]

    monkeypatch.setattr(Queue, "tasks", lambda _: {first.name: Attempt(first.params)})
    monkeypatch.setattr(Queue, "log", log)
    local = LocalSweep(repository.root, jobs=1)
    assert local.failure(Planned(first, "failed")) == "train: the numbers went wrong"
    assert local.failure(Planned(second, "failed")) == ""
    monkeypatch.setattr(Queue, "tasks", lambda _: {first.name: Attempt(second.params)})
    assert local.failure(Planned(first, "failed")) == ""
    monkeypatch.setattr(Queue, "tasks", lambda _: {first.name: Attempt(first.params)})
    logs.clear()
    assert local.failure(Planned(first, "failed")) == ""
