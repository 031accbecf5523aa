"""Sweeps through DVC's queue: failures, retries, Ctrl-C, and the runs' tags in MLflow."""

import base64
import json
import signal
import subprocess
import time
from collections.abc import Iterator
from contextlib import suppress
from typing import Any

import pytest
from mlflow import MlflowClient

from seqlab.commands.sweep.grid import expand
from seqlab.tracking.journal.journal import read_journal
from tests.pipeline.conftest import Project

pytestmark = pytest.mark.slow

LONGEST_WAIT = 300


def tags(project: Project) -> list[dict[str, str]]:
    """The sweep tags of every run in MLflow."""
    client = MlflowClient(f"sqlite:///{project.root}/mlflow.db")
    names = [experiment.experiment_id for experiment in client.search_experiments()]
    return [
        {name: value for name, value in run.data.tags.items() if name.startswith("sweep")}
        for run in client.search_runs(names)
    ]


def trainings(project: Project) -> int:
    """How often a training was started."""
    return len(list((project.root / ".seqlab/journal/train").glob("*/*.jsonl")))


def experiments(project: Project) -> set[str]:
    """The names that `dvc exp list` shows."""
    return set(project.dvc("exp", "list", "--name-only").stdout.split())


def wait_for_a_saved_state(project: Project) -> None:
    deadline = time.monotonic() + LONGEST_WAIT
    while not list((project.root / ".checkpoints").glob("*/state-*")):
        assert time.monotonic() < deadline, "no training saved its state"
        time.sleep(0.2)


def test_the_grid_is_the_one_that_dvc_would_queue(queueing: Project) -> None:
    settings = ["train.teacher_forcing_ratio=0.0,0.5", "seed=range(1,3)", "model.attention=dot"]
    queued = queueing.dvc("exp", "run", "--queue", *(part for each in settings for part in ("-S", each))).stdout
    queueing.dvc("queue", "remove", "--queued")
    lines = [line for line in queued.splitlines() if "overrides" in line]
    assert lines == [f"Queueing with overrides '{{'params.yaml': {list(point[:-1])}}}'." for point in expand(settings)]
    assert len(lines) == 4


def test_a_failed_member_stops_nothing_and_is_tried_again(queueing: Project) -> None:
    rows = "".join(f"a {word} here\tun {word} ici\n" for word in "bcdefghijklmnopqrstuvwxyz")
    (queueing.root / "data/own/mine.tsv").write_text(rows, "utf-8")
    command = ["seqlab", "sweep", "--name", "corpora", "-S", "corpus.name=grammar,files", "-S", "seed=1,2"]
    command += ["-S", "corpus.files={train:[mine.tsv],valid:[],test:[],seed:1,valid_size:5,test_size:5}"]

    first = queueing.run(*command, check=False)
    assert first.returncode == 1
    assert "git does not know data/own/mine.tsv" in first.stdout
    assert "2 done, 2 failed" in first.stdout
    assert "failed files-s1: download: corpus.files: no file mine.tsv in data/own/" in first.stdout
    assert "dvc queue logs files-s2" in first.stdout
    assert experiments(queueing) == {"grammar-s1", "grammar-s2"}
    assert trainings(queueing) == 2

    queueing.run("git", "add", "data/own/mine.tsv")
    again = queueing.run(*command)
    assert "4 members, 2 done already, 2 to try again" in again.stdout
    assert "4 done, 0 failed" in again.stdout
    names = {f"{corpus}-s{seed}" for corpus in ("grammar", "files") for seed in (1, 2)}
    assert experiments(queueing) == names
    assert trainings(queueing) == 4
    assert {each["sweep.corpora"] for each in tags(queueing)} == names
    assert len(tags(queueing)) == 4

    # Another sweep of members that are there runs nothing, and their runs are in both.
    other = queueing.run("seqlab", "sweep", "--name", "one", *command[4:6], "-S", "seed=1", *command[8:])
    assert "2 members, 2 done already" in other.stdout
    assert trainings(queueing) == 4
    assert len(tags(queueing)) == 4
    assert sorted(each["sweep"] for each in tags(queueing)) == ["corpora", "corpora", "corpora, one", "corpora, one"]


def test_members_that_failed_by_no_fault_of_their_own_run_once_more(queueing: Project) -> None:
    command = ["seqlab", "sweep", "--name", "lost", "--jobs", "1"]
    queueing.run(*command, "-S", "seed=1")
    # As a name that another worker has just renamed: listed, and gone when DVC asks for its time.
    entries = [key / ".entry.tmp" for key in (queueing.root / ".dvc/cache/runs").glob("*/*")]
    for entry in entries:
        entry.symlink_to("nowhere")
    process = subprocess.Popen(
        [*command, "-S", "seed=1,2,3"],
        cwd=queueing.root,
        env=queueing.environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    take_as_it_ends(queueing, "s3")
    assert process.stdout is not None
    said = []
    for line in process.stdout:
        said.append(line)
        if line.startswith("again at the end: s2"):
            for entry in entries:
                entry.unlink()
    assert process.wait(LONGEST_WAIT) == 0, "".join(said)
    assert "again at the end: s2, which met another worker in DVC's run cache\n" in said
    assert "again at the end: s3, which a worker took as it ended\n" in said
    assert "Sweep lost: 3 done, 0 failed, 0 stopped\n" in said
    assert experiments(queueing) == {"s1", "s2", "s3"}


def take_as_it_ends(project: Project, name: str) -> None:
    """Take a member from the queue, as a worker does, and forget it, as one does that is about to end."""
    broker = project.root / ".dvc/tmp/exps/celery/broker"
    deadline = time.monotonic() + LONGEST_WAIT
    while time.monotonic() < deadline:
        time.sleep(0.1)
        for message in (broker / "in").glob("*"):
            # One may be just written, or be taken by a worker.
            with suppress(ValueError, FileNotFoundError):
                body = base64.b64decode(json.loads(message.read_bytes())["body"]).decode()
                if f'"name": "{name}"' in body:
                    message.rename(broker / "processed" / message.name)
                    return
    raise AssertionError(f"{name} was never queued")


def test_ctrl_c_saves_and_the_same_command_goes_on(queueing: Project) -> None:
    command = ["seqlab", "sweep", "--jobs", "1", "-S", "train.epochs=60", "-S", "seed=1,2"]
    log = queueing.root / ".seqlab.log"
    with open(log, "w") as file:
        process = subprocess.Popen(
            command, cwd=queueing.root, env=queueing.environment, stdout=file, stderr=file, start_new_session=True
        )
    wait_for_a_saved_state(queueing)
    process.send_signal(signal.SIGINT)
    assert process.wait(LONGEST_WAIT) == 130, log.read_text()
    assert "0 done, 0 failed, 2 stopped" in log.read_text()
    assert "Running" not in queueing.dvc("queue", "status").stdout
    assert list((queueing.root / ".checkpoints").glob("*/state-*"))
    assert queueing.run("git", "diff", "--name-only").stdout == ""

    again = queueing.run(*command)
    assert "2 members, 1 to try again, 1 to run" in again.stdout
    assert "2 done, 0 failed, 0 stopped" in again.stdout
    assert experiments(queueing) == {"s1", "s2"}
    assert sorted(each["sweep.grid"] for each in tags(queueing)) == ["s1", "s2"]
    # Nothing to resume is left, and one training went on where it had stopped.
    assert not list((queueing.root / ".checkpoints").glob("*/state-*"))
    assert trainings(queueing) == 3
    starts = [entry["step"] for entry in journal(queueing) if entry["event"] == "TrainingStarted"]
    assert sorted(step > 0 for step in starts) == [False, False, True]


def journal(project: Project) -> Iterator[dict[str, Any]]:
    """The entries of every training's journal."""
    for path in (project.root / ".seqlab/journal/train").glob("*/*.jsonl"):
        yield from read_journal(path)
