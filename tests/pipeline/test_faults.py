"""A full disk, a read-only folder, too little memory, a damaged dvc.lock, a killed stage: nothing is lost."""

import os
import random
import resource
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import psutil
import pytest

from seqlab.tracking.journal.journal import read_journal
from tests.disks import fill, read_only, small_disk
from tests.pipeline.conftest import Project

# In one process: they share what takes long to set up.
pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("faults")]

STAGES = ("download", "tokenize", "train", "evaluate", "report")
# A folder that each stage writes to, and what it writes there.
WRITTEN = {
    "download": ("data", "data/raw"),
    "tokenize": ("data", "data/tokenized/train"),
    "train": ("models", "models/best"),
    "evaluate": ("reports", "reports/translations.jsonl"),
    "report": ("reports", "reports/report.html"),
}
KILLS_OF_A_STAGE = 3
GIBIBYTE = 1 << 30


def run_stage(
    project: Project, stage: str, *, limit: Callable[[], None] | None = None
) -> subprocess.CompletedProcess[str]:
    """Run a stage as DVC does, but for what DVC does around it; `limit` is called in its process first."""
    return subprocess.run(
        [sys.executable, "-m", f"pipeline.{stage}"],
        cwd=project.root,
        env=project.environment | {"PYTHONPATH": "src"},
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
        preexec_fn=limit,
    )


def assert_one_message(result: subprocess.CompletedProcess[str], stage: str, *parts: str) -> None:
    """It ended with status 1 and one line, which holds each of `parts`."""
    assert result.returncode == 1, result.stderr
    assert "Traceback" not in result.stderr
    (message,) = [
        line for line in result.stderr.splitlines() if line.startswith(f"{stage}: ") and "warning" not in line
    ]
    for part in parts:
        assert part in message


def cached(project: Project) -> dict[str, int]:
    """The files of DVC's cache, with their sizes."""
    files = (project.root / ".dvc/cache").rglob("*")
    return {str(path): path.stat().st_size for path in files if path.is_file()}


def leftovers(folder: Path) -> list[str]:
    """Files with which a half-done write could have to do."""
    return [path.name for path in folder.rglob(".*") if path.name != ".gitignore"]


def remove(path: Path) -> None:
    if path.is_dir():
        shutil.rmtree(path)
    else:
        path.unlink()


@contextmanager
def on_a_full_disk(folder: Path, output: Path) -> Iterator[Path]:
    """Put `folder` on a disk of its own, without `output`, and fill that disk; give the file that takes the room."""
    aside = folder.with_name("aside")
    shutil.copytree(folder, aside)
    with small_disk(folder, megabytes=16):
        shutil.copytree(aside, folder, dirs_exist_ok=True)
        shutil.rmtree(aside)
        remove(output)
        fill(folder / "filler")
        yield folder / "filler"


@pytest.mark.parametrize("stage", STAGES)
def test_a_full_disk(stage: str, finished: Project) -> None:
    folder, output = (finished.root / name for name in WRITTEN[stage])
    lock, cache = finished.read("dvc.lock"), cached(finished)
    with on_a_full_disk(folder, output) as filler:
        result = run_stage(finished, stage)
        assert_one_message(result, stage, "No space left on device", "dvc repro")
        assert leftovers(folder) == []
        assert not output.exists()
        filler.unlink()
        assert run_stage(finished, stage).returncode == 0
        assert finished.read("dvc.lock") == lock
        assert cached(finished) == cache
        assert finished.dvc("status", stage).stdout.strip().endswith("up to date.")


@pytest.mark.parametrize("stage", STAGES)
def test_a_read_only_folder(stage: str, finished: Project) -> None:
    with read_only(finished.root / WRITTEN[stage][0]):
        result = run_stage(finished, stage)
    assert_one_message(result, stage, "Permission denied" if os.geteuid() else "Read-only file system")
    assert finished.repro() == []


def test_what_changes_while_a_stage_runs_is_recorded_for_neither(finished: Project) -> None:
    """DVC would record the model of seed 7 as one of seed 8. It is not lost: with the seed set back, it is there."""
    lock, before = finished.read("dvc.lock"), set(journals(finished))
    finished.set({"seed": 7, "train.epochs": 60})
    try:
        said = edited(finished, "train", {"seed": 8})
        assert "train: seed (7 → 8) changed while this stage ran." in said
        assert finished.read("dvc.lock") == lock

        finished.set({"seed": 7})
        assert finished.repro("train") == ["train"]
        first, second = sorted(set(journals(finished)) - before, key=lambda path: path.name)
        assert [entry["event"] for entry in read_journal(first)][-1] == "failed"
        assert "StepFinished" in {entry["event"] for entry in read_journal(first)}
        assert [entry["event"] for entry in read_journal(second)][-1] == "finished"
        assert "StepFinished" not in {entry["event"] for entry in read_journal(second)}

        # The scores are of seed 7, and so DVC has them; a report would be of a run of seed 9 that has never been.
        said = edited(finished, "evaluate", {"seed": 9})
        assert "report: seed (7 → 9) changed since stage train ran" in said
        assert not finished.run("seqlab", "runs", check=False).stdout.count("s9")
    finally:
        finished.run("git", "checkout", "--quiet", "params.yaml", "dvc.lock")
        finished.dvc("checkout")
    assert finished.repro() == []


def edited(project: Project, stage: str, changes: dict[str, int]) -> str:
    """What `dvc repro` says that fails after params.yaml was changed while the stage ran."""
    command = ["dvc", "repro"]
    process = subprocess.Popen(command, cwd=project.root, env=project.environment, stderr=subprocess.PIPE, text=True)
    try:
        running = wait_for(process, stage, project)
        project.set(changes)
        running.resume()
        said = process.communicate(timeout=300)[1]
    finally:
        process.kill()
    assert process.returncode not in (0, -signal.SIGKILL)
    return said


def wait_for(process: "subprocess.Popen[str]", stage: str, project: Project) -> psutil.Process:
    """The process of a stage under DVC, stopped as soon as its journal says that it has begun."""
    known = set((project.root / ".seqlab/journal").rglob("*.jsonl"))
    while True:
        assert process.poll() is None
        for path in set((project.root / ".seqlab/journal").rglob("*.jsonl")) - known:
            for entry in read_journal(path):
                if entry["event"] == "started" and entry["stage"] == stage:
                    found = psutil.Process(entry["process"]["pid"])
                    found.suspend()
                    return found
        time.sleep(0.01)


def journals(project: Project) -> list[Path]:
    """Of all trainings."""
    return list((project.root / ".seqlab/journal/train").glob("*/*.jsonl"))


def test_too_little_memory(project: Project) -> None:
    project.repro("tokenize")
    project.set({"model.hidden_size": 30000})

    def little() -> None:
        resource.setrlimit(resource.RLIMIT_AS, (8 * GIBIBYTE, 8 * GIBIBYTE))

    result = run_stage(project, "train", limit=little)
    assert_one_message(result, "train", "out of memory", "model.hidden_size")
    assert leftovers(project.root / "models") == []


CONFLICT = "<<<<<<< HEAD\n{0}=======\n{0}>>>>>>> other\n"


@pytest.mark.parametrize("damage", ["conflict", "empty", "bytes"])
def test_a_damaged_lock_is_explained(damage: str, finished: Project) -> None:
    path = finished.root / "dvc.lock"
    content = path.read_bytes()
    damaged = {
        "conflict": CONFLICT.format(content.decode()).encode(),
        "empty": b"schema: '2.0'\nstages:\n",
        "bytes": b"\xff\xfe" + content,
    }[damage]
    path.write_bytes(damaged)
    try:
        for command in ("sync", "summary", "why", "verify"):
            result = finished.run("seqlab", command, check=False)
            shown = result.stdout + result.stderr
            assert f"{path.name} is damaged" in shown
            assert "git checkout dvc.lock" in shown
            assert "Traceback" not in shown
        assert "dvc.lock" in finished.dvc("repro", check=False).stderr
        assert path.read_bytes() == damaged
    finally:
        path.write_bytes(content)


def test_a_lock_that_was_cut_off_comes_back(finished: Project) -> None:
    """Where the rest is a lock of fewer stages, DVC takes the others from its cache again."""
    path = finished.root / "dvc.lock"
    content = path.read_bytes()
    path.write_bytes(content[: content.index(b"  train:\n")])
    try:
        assert "This working copy is not up to date" in finished.run("seqlab", "sync").stdout
        assert finished.repro() == []
        assert path.read_bytes() == content
    finally:
        path.write_bytes(content)


def test_every_stage_survives_kills(finished: Project) -> None:
    """Each stage is killed at random moments; what it leaves disturbs nothing."""
    draw, kills = random.Random(1), 0
    lock = finished.read("dvc.lock")
    for stage in STAGES:
        started = time.monotonic()
        assert run_stage(finished, stage).returncode == 0
        duration = time.monotonic() - started
        for _ in range(KILLS_OF_A_STAGE):
            kills += kill_stage(finished, stage, draw.uniform(0.2, 1.0) * duration)
    assert kills >= len(STAGES)
    assert finished.repro("--force") == list(STAGES)
    assert finished.read("dvc.lock") == lock
    for folder in ("data", "models", "reports"):
        assert leftovers(finished.root / folder) == []


def kill_stage(project: Project, stage: str, seconds: float) -> bool:
    """Kill a stage after that time; False if it was done before."""
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(project.root)
        process = subprocess.Popen(
            [sys.executable, "-m", f"pipeline.{stage}"],
            env=project.environment | {"PYTHONPATH": "src"},
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
    time.sleep(seconds)
    process.kill()
    return process.wait() == -signal.SIGKILL
