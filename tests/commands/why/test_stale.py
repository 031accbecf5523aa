"""Results that are not those of the present parameters, data and code are said to be so, with what changed."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from seqlab.commands.why.stale import MOST_LINES, stale_note
from seqlab.core.atomic import write_text
from seqlab.core.errors import SeqlabError
from seqlab.system.dvc import dvc_environment, dvc_status
from tests.commands.why.conftest import CODE

STAGES = ("make", "show")


def note(root: Path, *stages: str) -> str | None:
    return stale_note(root, "these results are", stages or STAGES, lambda: dvc_status(root))


def test_results_of_this_very_state_need_no_word(root: Path) -> None:
    assert note(root) is None
    write_text(root / "notes.txt", "more")
    assert note(root) is None
    write_text(root / "pipeline/show.py", CODE.replace("# Once.", "# Just once."))
    assert "show" in dvc_status(root)
    assert note(root) is None


def test_what_changed_is_named(root: Path) -> None:
    path = root / "params.yaml"
    write_text(path, path.read_text("utf-8").replace("width: 3", "width: 4"))
    found = note(root)
    assert found is not None
    assert found.splitlines()[0] == (
        "NOT CURRENT: these results are of an earlier state of this working copy. Since then:"
    )
    assert "make.width: 3 → 4" in found
    assert found.endswith("Run `dvc repro`.")
    write_text(root / "pipeline/show.py", CODE.replace("KEPT = 3", "KEPT = 4"))
    assert "constant KEPT: value changed" in (note(root) or "")


def test_it_is_short(root: Path) -> None:
    write_text(root / "pipeline/make.py", CODE + "".join(f"A{number} = 1\n" for number in range(50)))
    lines = (note(root) or "").splitlines()
    assert len(lines) == 1 + MOST_LINES + 2
    assert lines[-2].endswith("lines more: `seqlab why` has them all")


def test_a_stage_that_does_not_make_them_does_not_count(root: Path) -> None:
    write_text(root / "pipeline/show.py", CODE.replace("KEPT = 3", "KEPT = 4"))
    assert note(root, "make") is None
    assert note(root) is not None


def test_an_interrupted_stage(root: Path) -> None:
    """While it runs, and after it was killed, its outputs of before are gone and what others made of them is not."""
    path = root / "dvc.yaml"
    write_text(path, path.read_text("utf-8").replace("cp data/own/a.txt made.txt", "sleep 60"))
    command = [sys.executable, "-m", "dvc", "repro"]
    process = subprocess.Popen(command, cwd=root, env=dvc_environment(), start_new_session=True)
    try:
        end = time.monotonic() + 60
        while (root / "made.txt").exists():
            assert time.monotonic() < end
            time.sleep(0.05)
        time.sleep(0.5)
        running = note(root, "make", "show")
    finally:
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()
    assert running == f"Whether these results are current is unknown: DVC is at work in {root}; ask when it has ended"
    assert "NOT CURRENT" in (note(root) or "")
    assert (root / "shown.txt").exists()


def test_where_dvc_cannot_tell(root: Path) -> None:
    def fail() -> dict[str, list[object]]:
        raise SeqlabError("DVC is broken")

    assert stale_note(root, "these results are", STAGES, fail) == (
        "Whether these results are current is unknown: DVC is broken"
    )


def test_where_dvc_is_at_work(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from dvc.exceptions import DvcException

    def locked(*_: object) -> None:
        raise DvcException("Unable to acquire lock")

    monkeypatch.setattr("dvc.lock.Lock.lock", locked)
    path = root / "params.yaml"
    write_text(path, path.read_text("utf-8").replace("width: 3", "width: 4"))
    assert (note(root) or "").startswith("Whether these results are current is unknown: DVC: ")
