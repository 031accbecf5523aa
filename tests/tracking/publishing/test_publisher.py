"""The publisher as a process of its own, as stages start it."""

import os
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any

import pytest
from mlflow import MlflowClient
from mlflow.entities import Metric, Run

from seqlab.core.errors import SeqlabError
from seqlab.tracking.journal.launch import launch_publisher
from seqlab.tracking.publishing import publisher as publisher_module
from seqlab.tracking.publishing.publisher import Publisher
from seqlab.tracking.publishing.sync import sync
from tests.tracking.conftest import ROOT, Project

ONE_STAGE_RUN = """
import sys
from pathlib import Path
from tests.tracking.conftest import Project
from seqlab.params.params import load_params

project = Project(Path(sys.argv[1]), load_params(Path(sys.argv[1]) / "params.yaml"))
project.set("train", teacher_forcing_ratio=float(sys.argv[2]))
recorder = project.recorder("train")
recorder.start()
project.play_epochs(recorder, range(1, 3))
recorder.fail("stopped for the test")
"""
KILLED = """
import os, signal, sys
from pathlib import Path
from tests.tracking.conftest import Project
from seqlab.params.params import load_params

project = Project(Path(sys.argv[1]), load_params(Path(sys.argv[1]) / "params.yaml"))
recorder = project.recorder("train")
recorder.start()
project.play_epochs(recorder, range(1, 2))
os.kill(os.getpid(), signal.SIGKILL)
"""


def runs(project: Project) -> list[Run]:
    client = MlflowClient(f"sqlite:///{project.root}/mlflow.db")
    found = []
    for experiment in client.search_experiments():
        found += [(experiment.name, run) for run in client.search_runs([experiment.experiment_id])]
    assert {name for name, _ in found} <= {"seqlab"}
    return [run for _, run in found]


def wait_for(condition: Callable[[], bool], seconds: float = 120) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "it did not come about"
        time.sleep(0.2)


def is_published(project: Project) -> bool:
    return project.home.published.exists() and not Publisher(project.home).has_news()


def environment(**values: str) -> dict[str, str]:
    inherited = {key: value for key, value in os.environ.items() if not key.startswith(("MLFLOW_", "SEQLAB_", "DVC_"))}
    return {**inherited, "PYTHONPATH": f"{ROOT / 'src'}{os.pathsep}{ROOT}", **values}


def start(script: str, *arguments: str, **values: str) -> subprocess.Popen[bytes]:
    return subprocess.Popen([sys.executable, "-c", script, *arguments], env=environment(**values))


def publish(project: Project, **values: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "seqlab.tracking.publishing.publisher", str(project.root)]
    return subprocess.run(command, env=environment(**values), capture_output=True, text=True, check=False, timeout=300)


@pytest.fixture
def _impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("LINGER_SECONDS", "POLL_SECONDS"):
        monkeypatch.setattr(publisher_module, name, 0.0)
    monkeypatch.setattr(publisher_module, "BACKOFF_SECONDS", (0.01, 0.01))


@pytest.mark.usefixtures("_impatient")
def test_all_is_published_once_and_nothing_is_left_to_do(tracked: Project) -> None:
    tracked.train()
    publisher = Publisher(tracked.home)
    assert publisher.has_news()
    assert publisher.follow()
    assert not publisher.has_news()
    assert not Publisher(tracked.home).has_news()
    (run,) = runs(tracked)
    assert run.info.status == "FINISHED"
    tracked.evaluate()
    assert publisher.has_news()
    assert Publisher(tracked.home).follow()
    (run,) = runs(tracked)
    assert run.data.metrics["test/bleu"] == 30.0
    assert sync(tracked.root).count("unchanged") == 1


@pytest.mark.usefixtures("_impatient")
def test_a_server_that_cannot_be_reached_is_given_up_and_made_good(
    tracked: Project, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    tracked.train()

    def refuse(*_: object) -> None:
        raise SeqlabError("no answer")

    with monkeypatch.context() as patch:
        patch.setattr(publisher_module, "connect", refuse)
        assert not Publisher(tracked.home).follow()
    assert capsys.readouterr().out.count("no answer") == 2
    # The next publisher finds it, though nothing was written since.
    assert Publisher(tracked.home).follow()
    assert len(runs(tracked)) == 1


@pytest.mark.usefixtures("_impatient")
@pytest.mark.parametrize("late", [False, True])
def test_a_publisher_ends_once_nothing_is_left(tracked: Project, monkeypatch: pytest.MonkeyPatch, late: bool) -> None:
    """What a stage wrote after the last look, while its own publisher found the lock taken, is published too."""
    followed = []

    def follow(publisher: Publisher) -> bool:
        followed.append(publisher.has_news())
        assert len(followed) <= 1 + late
        if len(followed) == 1 + late:
            tracked.home.published.touch()
        return True

    tracked.train()
    monkeypatch.setattr(Publisher, "follow", follow)
    monkeypatch.setattr(os, "nice", lambda _: 0)
    assert publisher_module.main(tracked.root) == 0
    assert followed == [True] * (1 + late)


@pytest.mark.usefixtures("_impatient")
def test_a_run_that_cannot_be_published_does_not_stop_the_others(
    tracked: Project, capsys: pytest.CaptureFixture[str]
) -> None:
    tracked.train()
    (tracked.root / "reports/scores.json").write_text('{"bleu": {"score": "high"}}', "utf-8")
    evaluation = tracked.recorder("evaluate")
    evaluation.start()
    evaluation.finish([Path("reports/scores.json")])
    tracked.set("train", teacher_forcing_ratio=0.25)
    tracked.train()
    assert Publisher(tracked.home).follow()
    assert "cannot be published" in capsys.readouterr().out
    (run,) = runs(tracked)
    assert run.data.params["train.teacher_forcing_ratio"] == "0.25"


@pytest.mark.usefixtures("_impatient")
def test_a_training_is_followed_an_epoch_at_a_time(tracked: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    """While training goes on, each epoch is one batch of points."""
    recorder = tracked.recorder("train")
    recorder.start()
    batches: list[set[int]] = []
    log_batch = MlflowClient.log_batch

    def count(self: MlflowClient, run_id: str, metrics: Sequence[Metric] = (), **rest: Any) -> None:
        if metrics:
            batches.append({metric.step for metric in metrics if metric.key == "train/loss"})
        log_batch(self, run_id, metrics, **rest)

    happenings: list[Callable[[], None]] = [partial(recorder.fail, "the end")]
    for epoch in (3, 2, 1):
        # Nothing happens for a while, too.
        happenings += [partial(tracked.play_epochs, recorder, range(epoch, epoch + 1)), lambda: None]

    def train_on(_: float) -> None:
        if happenings:
            happenings.pop()()

    monkeypatch.setattr(MlflowClient, "log_batch", count)
    monkeypatch.setattr(time, "sleep", train_on)
    assert Publisher(tracked.home).follow()
    assert batches == [{1, 2, 3, 4}, {5, 6, 7, 8}, {9, 10, 11, 12}]


def test_the_launched_process_leaves_the_launcher_alone(
    project: Project, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """It has its own session, its output in a file, and none of the launcher's files open."""
    code = (
        "import os, sys; fds = [os.readlink(f'/proc/self/fd/{fd}') for fd in os.listdir('/proc/self/fd') "
        "if os.path.exists(f'/proc/self/fd/{fd}')]; print(os.getsid(0) == os.getpid(), os.getcwd(), sorted(fds))"
    )
    fake = tmp_path / "python"
    fake.write_text(f'#!/bin/sh\nexec {sys.executable} -c "{code}"\n')
    fake.chmod(0o755)
    monkeypatch.delenv("SEQLAB_PUBLISHER")
    monkeypatch.setattr(sys, "executable", str(fake))
    with open(tmp_path / "inherited", "w") as held:
        os.set_inheritable(held.fileno(), True)
        launch_publisher(project.home)
        log = project.home.publisher_log
        wait_for(lambda: log.exists() and log.read_text().endswith("\n"))
    text = log.read_text()
    assert text.startswith(f"True {project.root} ")
    assert "inherited" not in text
    assert "/dev/null" in text


@pytest.mark.slow
def test_four_trainings_at_once_and_no_store_before(project: Project) -> None:
    ratios = ["0.0", "0.25", "0.5", "0.75"]
    stages = [start(ONE_STAGE_RUN, str(project.root), ratio) for ratio in ratios]
    assert [stage.wait() for stage in stages] == [0] * 4
    wait_for(lambda: is_published(project))
    found = runs(project)
    assert sorted(run.data.params["train.teacher_forcing_ratio"] for run in found) == ratios
    assert {run.info.status for run in found} == {"FAILED"}
    assert all(run.data.metrics["train/loss"] == 5 / 8 for run in found)
    assert sync(project.root).count("unchanged") == 4


@pytest.mark.slow
def test_four_publishers_at_once_make_one_run(project: Project) -> None:
    project.train()
    command = [sys.executable, "-m", "seqlab.tracking.publishing.publisher", str(project.root)]
    syncs = (
        "import sys; from pathlib import Path; from seqlab.tracking.publishing.sync import sync; "
        "print(sync(Path(sys.argv[1])))"
    )
    processes = [subprocess.Popen(command, env=environment()) for _ in range(2)]
    processes += [start(syncs, str(project.root)) for _ in range(2)]
    assert [process.wait() for process in processes] == [0] * 4
    (run,) = runs(project)
    history = MlflowClient(f"sqlite:///{project.root}/mlflow.db").get_metric_history(run.info.run_id, "train/loss")
    assert [point.step for point in history] == list(range(1, 9))
    assert run.outputs is not None
    assert len(run.outputs.model_outputs) == 2


@pytest.mark.slow
def test_a_killed_training_is_marked(project: Project) -> None:
    start(KILLED, str(project.root)).wait()
    wait_for(lambda: is_published(project))
    (run,) = runs(project)
    assert run.info.status == "KILLED"
    assert "its process is gone" in run.data.tags["error"]
    assert run.data.metrics["epoch/valid_bleu"] == 10.0


@pytest.fixture
def silent_server() -> Iterator[str]:
    """Takes connections and never answers."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen(100)
        yield f"http://127.0.0.1:{listener.getsockname()[1]}"


class _AlwaysBroken(BaseHTTPRequestHandler):
    def _answer(self) -> None:
        self.send_response(500)
        self.end_headers()

    do_GET = do_POST = _answer  # noqa: N815 (the library's names)

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def broken_server() -> Iterator[str]:
    """Answers everything with status 500."""
    server = HTTPServer(("127.0.0.1", 0), _AlwaysBroken)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()


@pytest.fixture
def dead_server() -> str:
    """Nobody listens there."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return f"http://127.0.0.1:{listener.getsockname()[1]}"


@pytest.mark.slow
@pytest.mark.parametrize("server", ["dead_server", "silent_server", "broken_server"])
def test_no_server_holds_anything_up(project: Project, server: str, request: pytest.FixtureRequest) -> None:
    """A stage does not notice; the publisher gives up; sync says so; once the server is back, all is there."""
    uri = request.getfixturevalue(server)
    bounded = {"MLFLOW_TRACKING_URI": uri, "MLFLOW_HTTP_REQUEST_TIMEOUT": "1"}
    stage = start(ONE_STAGE_RUN, str(project.root), "0.5", **bounded)
    assert stage.wait(timeout=60) == 0
    wait_for(lambda: "gave up" in project.home.publisher_log.read_text("utf-8"))
    assert uri in project.home.publisher_log.read_text("utf-8")
    script = (
        "import sys; from pathlib import Path; "
        "from seqlab.tracking.publishing.sync import sync; sync(Path(sys.argv[1]))"
    )
    done = subprocess.run(
        [sys.executable, "-c", script, str(project.root)],
        env=environment(**bounded),
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert f"ServerError: MLflow at {uri}" in done.stderr
    assert publish(project).returncode == 0
    (run,) = runs(project)
    assert run.data.metrics["train/loss"] == 5 / 8
