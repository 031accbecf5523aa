"""The runner of a stage: versions, signals, messages, exit statuses."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace

import psutil
import pytest

from seqlab.stage import _stop_with_dvc

ROOT = Path(__file__).parents[1]

PROGRAM = """
import sys, time
from seqlab.core.errors import SeqlabError
from seqlab.stage import run_stage

def main(stage):
    stage.stops_itself = {stops_itself}
    {body}

run_stage("download", main)
"""


def start(folder: Path, body: str, *, stops_itself: bool = False, **environment: str) -> subprocess.Popen[str]:
    for name in ("params.yaml", "dvc.yaml", "versions.toml"):
        (folder / name).write_bytes((ROOT / name).read_bytes())
    (folder / ".dvc").mkdir()
    return subprocess.Popen(
        [sys.executable, "-c", PROGRAM.format(body=body, stops_itself=stops_itself)],
        cwd=folder,
        env={**os.environ, "PYTHONPATH": str(ROOT / "src"), "SEQLAB_PUBLISHER": "off"} | environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


@pytest.mark.parametrize(
    ("body", "status", "message"),
    [
        ("pass", 0, ""),
        ("raise SeqlabError('a clear message')", 1, "download: a clear message\n"),
        ("open('/nowhere/file')", 1, "No such file or directory (/nowhere/file)"),
        ("raise OSError(28, 'No space left on device', 'data/raw')", 1, "No space left on device (data/raw)"),
        ("raise MemoryError", 1, "out of memory"),
    ],
)
def test_an_end_has_a_status_and_a_message(tmp_path: Path, body: str, status: int, message: str) -> None:
    process = start(tmp_path, body)
    _, stderr = process.communicate(timeout=60)
    assert process.returncode == status
    assert message in stderr
    assert "Traceback" not in stderr


def test_what_it_reads_must_be_as_it_was(tmp_path: Path) -> None:
    body = "p = stage.root / 'params.yaml'; p.write_text(p.read_text().replace('train_size: 20000', 'train_size: 30'))"
    process = start(tmp_path, body)
    _, stderr = process.communicate(timeout=60)
    assert process.returncode == 1
    assert stderr.startswith("download: corpus.grammar.train_size (20000 → 30) changed while this stage ran.")
    assert "Traceback" not in stderr


def test_a_mistake_of_ours_keeps_its_traceback(tmp_path: Path) -> None:
    process = start(tmp_path, "1 / 0")
    assert "ZeroDivisionError" in process.communicate(timeout=60)[1]
    assert process.returncode == 1


@pytest.mark.parametrize(("value", "status"), [("maybe", 1), ("ON", 0), ("", 0)])
def test_a_switch_of_the_publisher_that_says_neither_is_refused(tmp_path: Path, value: str, status: int) -> None:
    process = start(tmp_path, "pass", SEQLAB_PUBLISHER=value)
    _, stderr = process.communicate(timeout=60)
    assert process.returncode == status
    assert ("download: SEQLAB_PUBLISHER=maybe: write on (the default) or off" in stderr) == (value == "maybe")


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_interrupts_with_a_message(tmp_path: Path, number: signal.Signals) -> None:
    process = start(tmp_path, "print('ready', flush=True); time.sleep(60)")
    assert process.stdout is not None
    assert process.stdout.readline() == "ready\n"
    process.send_signal(number)
    _, stderr = process.communicate(timeout=60)
    assert process.returncode == 130
    assert stderr == "download: interrupted; `dvc repro` runs this stage again\n"


def test_a_stage_that_stops_itself_is_asked_to(tmp_path: Path) -> None:
    body = "print('ready', flush=True)\n    while not stage.stop(): time.sleep(0.01)\n    raise SeqlabError('stopped')"
    process = start(tmp_path, body, stops_itself=True)
    assert process.stdout is not None
    assert process.stdout.readline() == "ready\n"
    process.send_signal(signal.SIGINT)
    _, stderr = process.communicate(timeout=60)
    assert (process.returncode, stderr) == (130, "download: stopped\n")


def test_a_stage_ends_with_the_dvc_that_started_it(tmp_path: Path) -> None:
    # As DVC does it: a process, a shell that outlives it, the stage.
    inner = PROGRAM.format(body="print(1, flush=True); time.sleep(60)", stops_itself=False)
    for name in ("params.yaml", "dvc.yaml", "versions.toml"):
        (tmp_path / name).write_bytes((ROOT / name).read_bytes())
    (tmp_path / ".dvc").mkdir()
    (tmp_path / "stage.py").write_text(inner, "utf-8")
    outer = "import subprocess, sys; subprocess.run(['sh', '-c', f'{sys.executable} stage.py; true'])"
    process = subprocess.Popen(
        [sys.executable, "-c", outer],
        cwd=tmp_path,
        env=os.environ | {"PYTHONPATH": str(ROOT / "src"), "DVC_STAGE": "download", "SEQLAB_PUBLISHER": "off"},
        stdout=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None
    assert process.stdout.readline() == "1\n"
    stage = next(
        child for child in psutil.Process(process.pid).children(recursive=True) if "stage.py" in child.cmdline()[-1:]
    )
    process.kill()
    end = time.monotonic() + 30
    while stage.is_running() and stage.status() != psutil.STATUS_ZOMBIE:
        assert time.monotonic() < end, "an orphan goes on"
        time.sleep(0.1)


@pytest.mark.parametrize("above", [[], ["dvc"], ["bash"], ["bash", "dvc"], ["bash", "gone"]])
def test_a_stage_runs_whatever_started_it(monkeypatch: pytest.MonkeyPatch, above: list[str]) -> None:
    """PID 1 has no parent, and what runs outside of a container is seen by nobody in it."""
    parents = [SimpleNamespace(name=lambda name=name: name, is_running=lambda: True, status=str) for name in above]
    monkeypatch.setenv("DVC_STAGE", "download")
    monkeypatch.setattr(psutil, "Process", lambda: SimpleNamespace(parents=lambda: parents))
    watched: list[str] = []
    monkeypatch.setattr("seqlab.stage._lives", lambda process: watched.append(process.name()))
    monkeypatch.setattr("seqlab.stage.threading.Thread", Immediately)
    killed: list[int] = []
    monkeypatch.setattr("seqlab.stage.signal.pthread_kill", lambda _, number: killed.append(number))
    _stop_with_dvc()
    # What it watches is gone: it stops; where there is nothing to watch, it goes on.
    assert watched == above[:1]
    assert killed == ([signal.SIGTERM] if above else [])


class Immediately:
    """A thread that runs where it is started."""

    def __init__(self, target: Callable[[], None], **_: object) -> None:
        self.start = target


def test_a_stage_that_pid_1_starts_through_bash_runs(tmp_path: Path) -> None:
    """As `docker run image dvc repro` does: bash replaces itself by the stage, whose parent has no parent."""
    unshare = ["unshare", "--pid", "--fork", "--mount-proc"]
    if subprocess.run([*unshare, "true"], capture_output=True, check=False).returncode != 0:
        pytest.skip("no right to make a PID namespace here")
    for name in ("params.yaml", "dvc.yaml", "versions.toml"):
        (tmp_path / name).write_bytes((ROOT / name).read_bytes())
    (tmp_path / ".dvc").mkdir()
    (tmp_path / "stage.py").write_text(PROGRAM.format(body="print('done')", stops_itself=False), "utf-8")
    outer = f"import subprocess; subprocess.run(['bash', '-c', '{sys.executable} stage.py'], check=True)"
    done = subprocess.run(
        [*unshare, sys.executable, "-c", outer],
        cwd=tmp_path,
        env=os.environ | {"PYTHONPATH": str(ROOT / "src"), "DVC_STAGE": "download", "SEQLAB_PUBLISHER": "off"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, done.stdout, done.stderr) == (0, "done\n", "")
