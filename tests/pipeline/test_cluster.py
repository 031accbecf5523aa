"""Sweeps on a real SLURM of two nodes: a node that dies, a requeue, a second start, and the bytes of a local sweep."""

import re
import signal
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from mlflow import MlflowClient
from mlflow.store.tracking.sqlalchemy_store import SqlAlchemyStore

from benchmarks.slurm import Slurm, missing, slurm
from seqlab.params.yaml import parse_yaml
from seqlab.tracking.journal.journal import read_journal
from tests.pipeline.conftest import Project
from tests.tracking.mlflow_server import MlflowServer

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(bool(missing()), reason=missing()),
    # Two nodes and what a test does beside them: no other test at the same time makes the clock a judge.
    pytest.mark.timeout(1800),
]

LONGEST_WAIT = 900
# The long ones come first, so that they run when the node dies.
GRID = ("-S", "train.epochs=60,2", "-S", "seed=1,2,3,4")
LONG = {f"epochs60-s{seed}" for seed in (1, 2, 3, 4)}
NAMES = LONG | {f"epochs2-s{seed}" for seed in (1, 2, 3, 4)}


@pytest.fixture
def cluster(tmp_path: Path) -> Iterator[Slurm]:
    """A cluster of two nodes."""
    (tmp_path / "slurm").mkdir()
    with slurm(tmp_path / "slurm") as made:
        yield made


@pytest.fixture
def server(tmp_path: Path) -> Iterator[MlflowServer]:
    """An MLflow server."""
    (tmp_path / "mlflow").mkdir()
    SqlAlchemyStore(f"sqlite:///{tmp_path}/template.db", str(tmp_path / "artifacts"))  # type: ignore[no-untyped-call]
    made = MlflowServer(tmp_path / "mlflow", tmp_path / "template.db")
    made.start()
    yield made
    made.kill()


@pytest.fixture
def team(project: Project, cluster: Slurm, server: MlflowServer, tmp_path: Path) -> Project:
    """A working copy with a git remote, a DVC remote, an MLflow server and a cluster."""
    project.environment |= cluster.environment | {"MLFLOW_TRACKING_URI": server.uri, "SEQLAB_PUBLISHER": "on"}
    (tmp_path / "remote").mkdir()
    project.run("git", "init", "--quiet", "--bare", "--initial-branch=main", str(tmp_path / "origin.git"))
    project.run("git", "remote", "add", "origin", str(tmp_path / "origin.git"))
    project.dvc("remote", "add", "--default", "store", str(tmp_path / "remote"))
    settings = project.read("cluster.yaml").replace("mem: 4G", "mem: 1G")
    (project.root / "cluster.yaml").write_text(settings, "utf-8")
    project.run("git", "commit", "--quiet", "--all", "--message=Team")
    project.run("git", "push", "--quiet", "origin", "main")
    return project


@contextmanager
def sweep(project: Project) -> Iterator[tuple["subprocess.Popen[bytes]", Callable[[], str]]]:
    """The sweep, started, and what it said so far; nobody is there to answer questions."""
    log = project.root.parent / "sweep.log"
    command = ["seqlab", "sweep", "--on", "slurm", *GRID]
    with open(log, "wb") as file:
        process = subprocess.Popen(
            command, cwd=project.root, env=project.environment, stdin=subprocess.DEVNULL, stdout=file, stderr=file
        )
    try:
        yield process, lambda: log.read_text("utf-8")
    finally:
        process.kill()
        process.wait()


def wait_until(condition: Callable[[], object], said: Callable[[], str]) -> None:
    """Wait for a condition; a sweep that hangs fails with what it said."""
    deadline = time.monotonic() + LONGEST_WAIT
    while not condition():
        assert time.monotonic() < deadline, said()
        time.sleep(0.2)


def outputs(project: Project, name: str) -> dict[str, str]:
    """Stage and path → digest, of an experiment's dvc.lock."""
    head = project.run("git", "rev-parse", "HEAD").stdout.strip()
    lock: Any = parse_yaml(project.run("git", "show", f"refs/exps/{head[:2]}/{head[2:]}/{name}:dvc.lock").stdout, name)
    return {f"{stage} {each['path']}": each["md5"] for stage, entry in lock["stages"].items() for each in entry["outs"]}


def starts(project: Project) -> list[int]:
    """The step at which each training started."""
    journals = (project.root / ".seqlab/journal/train").glob("*/*.jsonl")
    return [entry["step"] for path in journals for entry in read_journal(path) if entry["event"] == "TrainingStarted"]


def test_a_sweep_of_eight_survives_a_dead_node_a_requeue_and_a_second_start(
    team: Project, cluster: Slurm, server: MlflowServer
) -> None:
    states = team.root / ".checkpoints"
    with sweep(team) as (process, said):
        # Both nodes train, and have something to go on from.
        wait_until(lambda: len({path.parent for path in states.glob("*/state-*")}) == 2 or process.poll(), said)
        assert process.poll() is None, said()
        running = {node: job for job, (state, node) in cluster.jobs().items() if state == "RUNNING"}
        assert set(running) == {"n1", "n2"}
        cluster.kill_node("n2")
        # As the cluster warns of a member whose time is up, or before which another goes.
        cluster.ask("scancel", "--signal=USR2", running["n1"])
        wait_until(lambda: said().count("requeued epochs60-") == 2 or process.poll(), said)
        # It loses its place, and members go on without it.
        process.send_signal(signal.SIGINT)
        assert process.wait(LONGEST_WAIT) == 130, said()
        assert "scancel" in said()
        cut_off = sorted(re.findall(r"requeued epochs60-s(\d)", said()))
    cluster.start_node("n2")
    waiting = next(job for job, (state, _) in cluster.jobs().items() if state == "PENDING")
    cluster.ask("scancel", waiting)

    with sweep(team) as (process, said):
        assert process.wait(LONGEST_WAIT) == 0, said()
        assert "8 done, 0 failed, 0 stopped" in said()
        assert "1 to try again" in said()

    assert set(team.dvc("exp", "list", "--name-only").stdout.split()) == NAMES
    # Nothing is left to resume, and both trainings that were cut off went on where they were.
    assert not list(states.glob("*/state-*"))
    assert sum(step > 0 for step in starts(team)) == 2
    assert sum(step == 0 for step in starts(team)) == 8
    runs = MlflowClient(server.uri).search_runs(["1"])
    assert {run.data.tags["sweep.grid"] for run in runs} == NAMES
    assert {run.info.status for run in runs} == {"FINISHED"}
    assert len(runs) == 8
    assert oct((team.root / ".seqlab/slurm").stat().st_mode)[-3:] == "700"

    # The two that were cut off, and two that were not, in another clone, which knows nothing of the cluster.
    alone = {"MLFLOW_TRACKING_URI": "", "SEQLAB_PUBLISHER": "off"}
    here = Project(team.root.parent / "here", team.environment | alone)
    team.run("git", "clone", "--quiet", str(team.root), str(here.root))
    here.run("git", "config", "user.name", "Test")
    here.run("git", "config", "user.email", "test@example.org")
    here.run("seqlab", "sweep", "-S", "train.epochs=60,2", "-S", f"seed={','.join(cut_off)}")
    both = {f"epochs{epochs}-s{seed}" for epochs in (60, 2) for seed in cut_off}
    assert len(both) == 4
    assert {name: outputs(here, name) for name in both} == {name: outputs(team, name) for name in both}

    # An experiment is used as one that ran here.
    team.dvc("exp", "apply", "epochs2-s3")
    assert team.dvc("status").stdout.strip() == "Data and pipelines are up to date."
