"""Following the queue, against one that plays what DVC's does: late answers, lost workers, signals."""

import os
import signal
from collections.abc import Callable, Iterable, Sequence
from functools import partial
from pathlib import Path

import pytest

from seqlab.commands.sweep import local_sweep as module
from seqlab.commands.sweep.failure import reason
from seqlab.commands.sweep.local_sweep import LocalSweep
from seqlab.commands.sweep.members import Member
from seqlab.commands.sweep.plan import Planned, State
from seqlab.commands.sweep.queue import Task
from seqlab.commands.sweep.result import Result
from seqlab.core.errors import SeqlabError
from seqlab.params.params import load_params
from tests.commands.sweep.test_grid import ROOT

PARAMS = load_params(ROOT / "params.yaml")
LOST = """WARNING: corrupted cache file '../../../cache/runs/5b/5bd5/.fM5x.tmp'.
ERROR: failed to reproduce 'download': [Errno 2] No such file or directory: '/a/.dvc/cache/runs/5b/5bd5/.fM5x.tmp'

"""
LOGS = {"lost": LOST, "dropped": None}
Statuses = dict[str, str]


class Played:
    """A queue whose answers are given, one for each time that it is asked; the last one stays."""

    def __init__(self, *answers: Statuses | Callable[[], Statuses], workers: int = 1) -> None:
        self.answers = list(answers)
        self.calls: list[str] = []
        self.alive = workers

    def tasks(self) -> dict[str, Task]:
        """The next answer."""
        answer = self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]
        statuses = answer() if callable(answer) else answer
        return {name: Task(name, status, "") for name, status in statuses.items()}  # type: ignore[arg-type]

    def add(self, name: str, settings: Sequence[str]) -> None:
        """Note it."""
        self.calls.append(f"add {name} {' '.join(settings)}")

    def start(self, workers: int) -> None:
        """Note it."""
        self.calls.append(f"start {workers}")

    def remove(self, names: Iterable[str]) -> None:
        """Note it."""
        self.calls += [f"remove {name}" for name in names]

    def kill(self, name: str) -> bool:
        """Note it."""
        self.calls.append(f"kill {name}")
        return True

    def workers(self) -> int:
        """How many live."""
        return self.alive

    def fail_abandoned(self) -> None:
        """Note it."""
        self.calls.append("fail_abandoned")

    def log(self, name: str) -> str | None:
        """As DVC's: the stage's words, then its own; None of one that never began."""
        if name == "silent":
            raise SeqlabError("no log")
        if name in LOGS:
            return LOGS[name]
        return f"epoch 1\r  1%\rtrain: {name} went wrong\nERROR: failed to reproduce 'train': failed to run: x\n\n"


class Finished:
    """Experiments that are there in the end."""

    moved = False

    def __init__(self, *names: str) -> None:
        self._names = names

    def check_baseline(self) -> None:
        """Raise where somebody committed meanwhile."""
        if self.moved:
            raise SeqlabError("another commit was checked out meanwhile")

    def revisions(self) -> dict[str, str]:
        """Each with a commit."""
        return dict.fromkeys(self._names, "0" * 40)


def make_sweep(
    monkeypatch: pytest.MonkeyPatch, queue: Played, finished: Sequence[str], **members: State
) -> Callable[[], Result]:
    """Runs a sweep of members in these states."""
    monkeypatch.setattr(module, "Queue", lambda _: queue)
    monkeypatch.setattr(module, "Experiments", lambda _: Finished(*finished))
    monkeypatch.setattr(module, "POLL_SECONDS", 0)
    plan = [Planned(Member(name, (f"x={name}",), PARAMS), state) for name, state in members.items()]
    return partial(LocalSweep(Path(), jobs=2).run, plan)


def test_nothing_is_queued_on_another_commit(monkeypatch: pytest.MonkeyPatch) -> None:
    """What DVC would run there it would file under that."""
    queue = Played({}, {"a": "done"})
    monkeypatch.setattr(Finished, "moved", True)
    with pytest.raises(SeqlabError, match="another commit was checked out meanwhile"):
        make_sweep(monkeypatch, queue, "a", a="new")()
    assert queue.calls == []


def test_only_what_is_not_there_is_queued(monkeypatch: pytest.MonkeyPatch) -> None:
    queue = Played({"c": "failed", "d": "queued"}, dict.fromkeys("bcd", "done"))
    sweep = make_sweep(monkeypatch, queue, "abcd", a="done", b="new", c="failed", d="queued")
    assert sweep().done == list("abcd")
    assert queue.calls == ["remove c", "add b x=b", "add c x=c", "start 2"]


def test_nothing_to_do_starts_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    queue = Played({})
    assert make_sweep(monkeypatch, queue, "a", a="done")().done == ["a"]
    assert queue.calls == []


def test_a_failure_stops_nothing_and_says_why(monkeypatch: pytest.MonkeyPatch) -> None:
    queue = Played(
        {}, {"a": "failed", "b": "running", "silent": "failed"}, {"a": "failed", "b": "done", "silent": "failed"}
    )
    result = make_sweep(monkeypatch, queue, "b", a="new", b="new", silent="new")()
    assert result.done == ["b"]
    assert result.failed == {"a": "train: a went wrong", "silent": "no log"}


@pytest.mark.parametrize("name", ["lost", "dropped"])
def test_a_member_that_failed_by_no_fault_of_its_own_runs_once_more(monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    first = {"a": "running", name: "failed"}
    queue = Played({}, first, {"a": "done", name: "failed"}, {name: "queued"}, {name: "done"})
    revisions = [{"a": ""}, {"a": ""}, {"a": "", name: ""}]
    members: dict[str, State] = {"a": "new", name: "new"}
    sweep = make_sweep(monkeypatch, queue, "", **members)
    monkeypatch.setattr(Finished, "revisions", lambda _: revisions.pop(0))
    result = sweep()
    assert (result.done, result.failed) == (["a", name], {})
    assert queue.calls[2:] == ["start 2", f"remove {name}", f"add {name} x={name}", "start 2"]


@pytest.mark.parametrize(
    ("name", "said"),
    [("lost", "failed to reproduce 'download': [Errno 2]"), ("dropped", "DVC's worker ended before it began")],
)
def test_a_member_that_has_no_luck_twice_has_failed(monkeypatch: pytest.MonkeyPatch, name: str, said: str) -> None:
    queue = Played({}, {name: "failed"})
    members: dict[str, State] = {name: "new"}
    result = make_sweep(monkeypatch, queue, "", **members)()
    assert queue.calls.count(f"add {name} x={name}") == 2
    assert list(result.failed) == [name]
    assert result.failed[name].startswith(said)


def test_the_reason_is_the_stages_before_dvcs() -> None:
    assert reason("5\ntrain: no room\nERROR: failed to reproduce 'train': failed to run: x, exited with 1\n") == (
        "train: no room"
    )
    assert reason("Reproducing\nERROR: unexpected error - disk\n") == "unexpected error - disk"
    assert reason("") == "it said nothing"


def test_a_task_that_is_nowhere_for_a_moment_has_not_ended(monkeypatch: pytest.MonkeyPatch) -> None:
    queue = Played({}, {"a": "queued"}, {}, {"a": "running"}, {}, {"a": "done"})
    result = make_sweep(monkeypatch, queue, "a", a="new")()
    assert (result.done, result.failed) == (["a"], {})
    assert queue.answers == [{"a": "done"}]


def test_a_task_that_somebody_removed_ends(monkeypatch: pytest.MonkeyPatch) -> None:
    result = make_sweep(monkeypatch, Played({}, {"silent": "queued"}, {}), "", silent="new")()
    assert result.failed == {"silent": "no log"}


def test_lost_workers_are_replaced(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "LOOK_SECONDS", 0)
    queue = Played({}, {"a": "running"}, {"a": "done"}, workers=0)
    make_sweep(monkeypatch, queue, "a", a="new")()
    assert queue.calls[:4] == ["add a x=a", "start 2", "fail_abandoned", "start 2"]


def test_a_signal_takes_back_what_waits_and_kills_what_runs_once(monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupted() -> Statuses:
        os.kill(os.getpid(), signal.SIGINT)
        return {"a": "running", "b": "queued", "c": "done"}

    running = {"a": "running", "b": "queued"}
    queue = Played({}, interrupted, running, {"a": "running"}, {}, {"d": "running"}, {"d": "failed"})
    result = make_sweep(monkeypatch, queue, "c", a="new", b="new", c="new", d="new")()
    assert queue.calls[-3:] == ["remove b", "kill a", "kill d"]
    assert result.done == ["c"]
    assert (result.stopped, result.interrupted) == (["a", "b", "d"], True)
    assert result.failed == {}


def test_one_that_a_worker_takes_while_it_is_taken_back_is_killed(monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupted() -> Statuses:
        os.kill(os.getpid(), signal.SIGINT)
        return {"a": "queued"}

    queue = Played({}, interrupted, {"a": "queued"}, {"a": "running"}, {})
    sweep = make_sweep(monkeypatch, queue, "", a="new")
    monkeypatch.setattr(queue, "remove", refuse)
    assert sweep().stopped == ["a"]
    assert queue.calls[-1] == "kill a"


def refuse(names: Iterable[str]) -> None:
    """As DVC's queue, which knows nothing of what is not in it."""
    if found := list(names):
        raise SeqlabError(f"dvc queue remove: '{found[0]}' is not a valid experiment name")
