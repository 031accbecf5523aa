"""One training on several processes: the bytes of one, whatever becomes of them."""

import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import psutil
import pytest

from seqlab.core.errors import SeqlabError
from seqlab.params.params import Params
from seqlab.training.events import BatchFinished, Event, TrainingStarted
from seqlab.training.interruption import Interrupted
from seqlab.training.processes import setting
from seqlab.training.processes.group import ConnectedGroup, DisconnectedError
from seqlab.training.processes.launch import Workers
from seqlab.training.processes.rows import SharedRows
from seqlab.training.processes.setting import world_size
from tests.training.conftest import STEPS_PER_EPOCH, make_params, stop_at
from tests.training.test_interruption import _fork
from tests.training.test_run import Trainings


def make_sharded() -> Params:
    return make_params(
        runtime={"threads": 1},
        model={"cell": "lstm", "attention": "dot", "dropout": 0.3},
        train={"shards": 4, "average_decay": 0.9, "learning_rate_schedule": "plateau"},
    )


def at_step(number: int, action: Callable[[], object]) -> Callable[[Event], None]:
    def listener(event: Event) -> None:
        if isinstance(event, BatchFinished) and event.step == number:
            action()

    return listener


@pytest.fixture
def workers() -> Callable[[], list[psutil.Process]]:
    """The workers among the processes that this test started: what other tests left may end at any moment."""
    earlier = set(psutil.Process().children())

    def found() -> list[psutil.Process]:
        children = set(psutil.Process().children()) - earlier
        return sorted(
            (child for child in children if "seqlab.training.processes.worker" in child.cmdline()),
            key=lambda child: child.pid,
        )

    return found


def test_stopped_killed_and_resumed_on_other_numbers_of_processes(
    trainings: Trainings, workers: Callable[[], list[psutil.Process]]
) -> None:
    expected = trainings("one")(make_sharded())
    training, begun, found = trainings("several"), [], []

    def note(event: Event) -> None:
        if isinstance(event, TrainingStarted):
            begun.append(event.step)
            found.append(len(workers()))

    with pytest.raises(Interrupted, match="its state is saved"):
        training(make_sharded(), world_size=2, stop=stop_at(STEPS_PER_EPOCH + 4), listeners=[note])
    assert not workers()

    def kill() -> None:
        workers()[-1].kill()

    with pytest.raises(SeqlabError, match=r"^the process of rank [12] was killed by SIGKILL, and training stopped; "):
        training(make_sharded(), world_size=3, save_seconds=0.0, listeners=[note, at_step(STEPS_PER_EPOCH + 5, kill)])
    assert not workers()
    assert training(make_sharded(), world_size=2, listeners=[note]) == expected
    assert begun == [0, STEPS_PER_EPOCH + 3, STEPS_PER_EPOCH + 5]
    assert found == [1, 2, 1]


def test_no_process_outlives_rank_0(
    trainings: Trainings,
    workers: Callable[[], list[psutil.Process]],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    training = trainings("killed")
    reader, writer = os.pipe()

    def tell() -> None:
        os.write(writer, b"".join(f"{worker.pid}\n".encode() for worker in workers()) + b".")

    def main() -> None:
        training(make_sharded(), world_size=2, listeners=[at_step(1, tell), at_step(2, lambda: time.sleep(60))])

    child = _fork(main)
    os.close(writer)
    with open(reader, encoding="utf-8") as pipe:
        worker = psutil.Process(int(pipe.readline()))
        before = set(Path(tempfile.gettempdir()).glob("seqlab-train-*"))
        os.kill(child, signal.SIGKILL)
        os.waitpid(child, 0)
    worker.wait(30)
    assert len(before) == 1
    assert not any(folder.exists() for folder in before)


@pytest.mark.parametrize(
    ("program", "message"),
    [
        (
            "import sys; sys.exit('out of memory at step 7: lower train.batch_size')",
            r"ended with exit status 1 \(out of",
        ),
        ("import os; os.kill(os.getpid(), 15)", "was killed by SIGTERM, "),
    ],
)
def test_a_process_that_ended_says_why(program: str, message: str, tmp_path: Path) -> None:
    with (tmp_path / "rank-1.log").open("wb") as log:
        process = subprocess.Popen([sys.executable, "-c", program], stderr=log)
    with (
        pytest.raises(SeqlabError, match=f"^the process of rank 1 {message}"),
        Workers(ConnectedGroup(connections=[], rows=SharedRows(-1, 0, 2)), {1: process}, tmp_path).watched(),
    ):
        raise DisconnectedError("the connection with another process has ended")


def runtime(threads: int = 1) -> Any:
    return make_params(runtime={"threads": threads}).runtime


@pytest.mark.parametrize(
    ("value", "shards", "expected", "said"),
    [
        (None, 4, 1, ""),
        ("", 4, 1, ""),
        ("1", 1, 1, ""),
        ("2", 4, 2, ""),
        ("4", 4, 4, ""),
        ("3", 4, 2, "train: SEQLAB_PROCESSES is 3, and 2 train: with train.shards 4 more would not be faster\n"),
        ("9", 4, 4, "train: SEQLAB_PROCESSES is 9, and 4 train: with train.shards 4 more would not be faster\n"),
        ("2", 1, 1, "train: SEQLAB_PROCESSES is 2, and 1 train: with train.shards 1 more would not be faster\n"),
    ],
)
def test_no_process_is_started_that_would_have_nothing_to_do(
    value: str | None,
    shards: int,
    expected: int,
    said: str,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setattr(setting, "_cores", lambda: 4)
    if value is None:
        monkeypatch.delenv("SEQLAB_PROCESSES", raising=False)
    else:
        monkeypatch.setenv("SEQLAB_PROCESSES", value)
    assert world_size(shards, runtime()) == expected
    assert capsys.readouterr().err == said


@pytest.mark.parametrize("value", ["0", "-1", "two", "1.5", "²"])
def test_another_number_of_processes_is_refused(value: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SEQLAB_PROCESSES", value)
    with pytest.raises(SeqlabError, match=rf"^SEQLAB_PROCESSES={value}: write how many processes"):
        world_size(4, runtime())


def test_more_threads_than_cores_are_a_warning(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(setting, "_cores", lambda: 2)
    monkeypatch.setenv("SEQLAB_PROCESSES", "2")
    assert world_size(2, runtime(threads=2)) == 2
    assert "2 processes of 2 threads share 2 cores" in capsys.readouterr().err
    assert world_size(2, runtime(threads=1)) == 2
    assert capsys.readouterr().err == ""


def test_each_process_needs_a_gpu(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SEQLAB_PROCESSES", "2")
    monkeypatch.setattr("torch.cuda.device_count", lambda: 1)
    of_gpu = runtime().model_copy(update={"device": "cuda"})
    with pytest.raises(SeqlabError, match="2 processes need a GPU each, and this machine has 1"):
        world_size(2, of_gpu)
