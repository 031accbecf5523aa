"""Whether DVC was started with --force is read from its command line, by its own parser."""

import subprocess
import sys
from pathlib import Path

import pytest

from seqlab.system import force

ASK = "from seqlab.system.force import is_forced; print(is_forced())"


@pytest.mark.parametrize(
    ("arguments", "forced"),
    [
        (["repro"], False),
        (["repro", "--force"], True),
        (["repro", "-f"], True),
        (["repro", "-sf", "train"], True),
        (["repro", "--force-downstream"], False),
        (["repro", "force"], False),
        (["exp", "run", "-f", "-S", "seed=2"], True),
        (["exp", "run", "--name", "f"], False),
        (["no-such-command", "-f"], False),
        (["checkout", "--force"], True),
    ],
)
def test_by_the_options_of_dvc(arguments: list[str], forced: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    for program in (["dvc"], ["/usr/bin/python3", "/x/.venv/bin/dvc"], [sys.executable, "-m", "dvc"]):
        monkeypatch.setattr(force, "_command_lines", lambda line=[*program, *arguments]: iter([["sh", "-c"], line]))
        assert force.is_forced() is forced


def test_of_the_processes_that_this_one_descends_from(tmp_path: Path) -> None:
    dvc = tmp_path / "dvc"
    dvc.write_text(f"import subprocess, sys\nsubprocess.run([sys.executable, '-c', {ASK!r}])\n", "utf-8")
    for options, said in ((["repro"], "False"), (["repro", "-f"], "True")):
        done = subprocess.run([sys.executable, dvc, *options], capture_output=True, text=True, check=True)
        assert done.stdout.strip() == said
