"""What systems and editors leave in data/own is no data: DVC ignores it, and nobody can name it."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

from seqlab.core.errors import SeqlabError
from seqlab.corpus.own.own_text import resolve

ROOT = Path(__file__).parents[2]
LEFT_OUT = [
    ".DS_Store", "._talks.en", "Thumbs.db", "desktop.ini", "talks.en~", "~$talks.csv", ".talks.en.swp", ".talks.en.swo",
    "#talks.en#", ".#talks.en", ".~lock.talks.csv#", "talks.tsv.bak", "talks.tsv.orig",
    ".talks.en.kate-swp", ".goutputstream-X1Y2Z3", ".nfs000000000001",
]  # fmt: skip
DATA = ["talks.en", "talks.tsv", "swp.tsv", "bak", "README.md", ".gitignore", "talks.tsv.dvc", "a#b.tsv"]


def ignored(names: list[str], folder: Path) -> list[str]:
    """Which of the names DVC ignores in a new project in `folder`."""
    environment = os.environ | {"DVC_NO_ANALYTICS": "true"}
    dvc = [sys.executable, "-m", "dvc"]
    subprocess.run([*dvc, "init", "--no-scm"], cwd=folder, env=environment, check=True, capture_output=True)
    # Its status is 1 where it ignores none.
    done = subprocess.run(
        [*dvc, "check-ignore", *names], cwd=folder, env=environment, check=False, capture_output=True, text=True
    )
    return done.stdout.split("\n")[:-1]


def is_refused(name: str, own: Path) -> bool:
    """Whether the reader takes the name for that of no data."""
    try:
        resolve([name] if name.endswith((".tsv", ".csv")) else [name, name], own)
    except SeqlabError as error:
        return "is a backup or a system's file" in str(error)
    return False


def test_dvc_and_the_reader_leave_out_the_same_names(tmp_path: Path) -> None:
    shutil.copyfile(ROOT / ".dvcignore", tmp_path / ".dvcignore")
    own = tmp_path / "data/own"
    (own / "deep").mkdir(parents=True)
    names = [f"{folder}{name}" for folder in ("", "deep/") for name in (*LEFT_OUT, *DATA)]
    for name in names:
        (own / name).write_text("a", "utf-8")
    expected = [name for name in names if Path(name).name in LEFT_OUT]
    assert ignored([f"data/own/{name}" for name in names], tmp_path) == [f"data/own/{name}" for name in expected]
    assert [name for name in names if is_refused(name, own)] == expected
