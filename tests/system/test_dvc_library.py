"""DVC as a library, on real working copies: a repository, and a folder of one, as after `dvc init --subdir`."""

import subprocess
from pathlib import Path

import pytest
from dvc.repo import Repo

from seqlab.core.errors import SeqlabError
from seqlab.system.dvc_library import output_at


@pytest.fixture(params=[".", "projects/one"])
def root(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A project whose first commit has another text in its cache than its second, and other files than its outputs."""
    monkeypatch.setenv("DVC_NO_ANALYTICS", "true")
    path: Path = tmp_path / request.param
    (path / "reports").mkdir(parents=True)
    subprocess.run(["git", "init", "--quiet"], cwd=tmp_path, check=True)
    Repo.init(str(path), subdir=path != tmp_path).close()
    for text in ("before", "after"):
        (path / "reports/scores.json").write_text(text, "utf-8")
        with Repo(str(path)) as repo:
            repo.add(str(path / "reports/scores.json"))
        subprocess.run(["git", "add", "--all"], cwd=tmp_path, check=True)
        identity = ["-c", "user.name=a", "-c", "user.email=a@example.org"]
        subprocess.run(["git", *identity, "commit", "--quiet", f"--message={text}"], cwd=tmp_path, check=True)
    return path


def commit(root: Path, revision: str) -> str:
    return subprocess.check_output(["git", "rev-parse", revision], cwd=root, text=True).strip()


def test_an_output_is_read_as_a_commit_has_it(root: Path) -> None:
    assert output_at(root, commit(root, "HEAD~1"), "reports/scores.json") == "before"
    assert output_at(root, commit(root, "HEAD"), "reports/scores.json") == "after"
    with pytest.raises(SeqlabError, match=r"^reports/other\.json of [0-9a-f]{10} is neither in DVC's cache nor"):
        output_at(root, commit(root, "HEAD"), "reports/other.json")
