"""What editors and desktops leave behind changes no fingerprint, no archive, and nothing for DVC or git."""

import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from seqlab.core.atomic import write_text
from seqlab.system.dvc import dvc_environment, dvc_status
from seqlab.tracking.fingerprint.code import code_digest
from seqlab.tracking.fingerprint.content import dvc_digest
from seqlab.tracking.fingerprint.leftovers import ANYWHERE, IN_CODE, is_leftover
from seqlab.tracking.fingerprint.provenance import provenance
from seqlab.tracking.journal.source import source_archive
from tests.tracking.conftest import git

ROOT = Path(__file__).parents[3]
STAGE = (
    "stages:\n  train:\n    cmd: cp -r data/own made\n    deps: [src/seqlab, pipeline, data/own]\n    outs: [made]\n"
)
# macOS, Windows, Vim, Emacs, Python, Jupyter, editors' folders.
EVERYWHERE = [
    *(".DS_Store", "._a.py", "Thumbs.db", "desktop.ini", ".a.py.swp", ".a.py.swo", ".#a.py", "#a.py#", "a.py~"),
    "__pycache__/a.cpython-311.pyc",
]
CODE_ONLY = [
    *("a.py.bak", "a.py.orig", "a.py.rej", "a.py.tmp", "a.pyc", "a.swp", "4913", ".a.py.k3x9q2"),
    *(".ipynb_checkpoints/a-checkpoint.py", ".idea/workspace.xml", ".vscode/settings.json"),
]


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """A project with the real .dvcignore and .gitignore, which DVC ran, all in git."""
    for name in (".dvcignore", ".gitignore"):
        shutil.copyfile(ROOT / name, tmp_path / name)
    write_text(tmp_path / "dvc.yaml", STAGE)
    for name in ("src/seqlab/model/a.py", "pipeline/train.py", "data/own/a.txt"):
        write_text(tmp_path / name, "a = 1\n")
    git(tmp_path, "init", "--quiet")
    for arguments in (["init"], ["repro"]):
        command = [sys.executable, "-m", "dvc", *arguments]
        subprocess.run(command, cwd=tmp_path, env=dvc_environment(), check=True, capture_output=True)
    git(tmp_path, "add", "--all")
    git(tmp_path, "commit", "--quiet", "--message=One")
    return tmp_path


def test_they_change_nothing(root: Path) -> None:
    def found() -> tuple[object, ...]:
        code = code_digest(root, ["src/seqlab", "pipeline"])
        return code, source_archive(root), dvc_digest(root / "made"), dvc_status(root), provenance(root, [])["dirty"]

    before = found()
    assert before[3:] == ({}, [])
    for folder in ("src/seqlab", "src/seqlab/model", "pipeline"):
        for name in (*EVERYWHERE, *CODE_ONLY):
            write_text(root / folder / name, "rubbish")
    for folder in ("data/own", "made"):
        for name in EVERYWHERE:
            write_text(root / folder / name, "rubbish")
    assert found() == before
    assert git(root, "status", "--porcelain", "--", "data", "made") == ""


def test_text_of_ones_own_may_be_called_so(root: Path) -> None:
    for name in (".hidden.tsv", "4913", "a.tmp"):
        write_text(root / "data/own" / name, "text")
        assert "train" in dvc_status(root), name
        assert not is_leftover(f"data/own/{name}")
        (root / "data/own" / name).unlink()


def test_code_and_what_lies_beside_it_counts(root: Path) -> None:
    before = code_digest(root, ["src/seqlab"])
    for name in ("b.py", "words.txt", "templates/page.html", "__init__.py"):
        write_text(root / "src/seqlab" / name, "")
        assert "train" in dvc_status(root), name
        after = code_digest(root, ["src/seqlab"])
        assert after != before, name
        before = after


def test_dvcignore_and_the_fingerprint_have_the_same_patterns() -> None:
    lines = (ROOT / ".dvcignore").read_text("utf-8").splitlines()
    patterns = [line.removeprefix("\\") for line in lines if not line.startswith(("# ", "/data/own/", "/models/"))]
    # Folders in which DVC need not look for its files.
    patterns = [line for line in patterns if not re.fullmatch(r"(/[.a-z]+)?", line)]
    code = [f"/{folder}/**/{pattern}" for folder in ("src", "pipeline") for pattern in IN_CODE]
    assert patterns == [*ANYWHERE, *code]
