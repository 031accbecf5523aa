"""What a cluster's members share is asked for before anything starts, and what is missing is said all at once."""

import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from benchmarks.ports import free_port
from seqlab.commands.sweep import team as module
from seqlab.commands.sweep.team import check_team
from seqlab.core.errors import SeqlabError
from tests.commands.sweep.test_plan import Repository, repository

__all__ = ["repository"]
pytestmark = pytest.mark.parametrize("repository", ["."], indirect=True)


@pytest.fixture
def team(repository: Repository, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Repository:
    """A working copy that has everything."""
    shared = tmp_path.parent / f"{tmp_path.name}-shared"
    (shared / "cache").mkdir(parents=True)
    set_remote(repository, f"url = {shared / 'cache'}")
    (repository.root / ".gitignore").write_text("/.dvc/tmp/\n/.dvc/cache/\n", "utf-8")
    repository.git("add", "--all")
    repository.git("commit", "--quiet", "--message=Team")
    subprocess.run(["git", "init", "--quiet", "--bare", str(shared / "origin.git")], check=True)
    repository.git("remote", "add", "origin", str(shared / "origin.git"))
    repository.git("push", "--quiet", "origin", "HEAD:main")
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "http://127.0.0.1:5000")
    monkeypatch.setattr(module, "check_health", lambda _: None)
    return repository


def set_remote(repository: Repository, address: str) -> None:
    """Write DVC's configuration, with a default remote of this address."""
    (repository.root / ".dvc").mkdir(exist_ok=True)
    text = f"[core]\n    remote = store\n['remote \"store\"']\n    {address}\n"
    (repository.root / ".dvc/config").write_text(text, "utf-8")


def edit(repository: Repository, path: str) -> None:
    """Edit a file of the working copy."""
    with open(repository.root / path, "a", encoding="utf-8") as file:
        file.write("\n")


def test_a_team_that_has_everything_passes(team: Repository) -> None:
    check_team(team.root)
    # What is no part of a member may be as it likes.
    edit(team, "notes.md")
    check_team(team.root)


@pytest.mark.parametrize(
    ("breaks", "message"),
    [
        (lambda team: edit(team, "params.yaml"), "the commit, which has params.yaml otherwise or not: commit and push"),
        (lambda team: edit(team, "pipeline/new.py"), "pipeline/new.py otherwise or not"),
        (lambda team: team.git("commit", "--quiet", "--allow-empty", "--message=x"), "is not there: `git push`"),
        (lambda team: team.git("remote", "remove", "origin"), "there is no git remote called origin"),
        (lambda team: team.git("remote", "set-url", "origin", "/nowhere"), "git ls-remote: fatal"),
        (lambda team: (team.root / ".dvc/config").write_text("", "utf-8"), "DVC has no default remote"),
        (lambda team: set_remote(team, "url = ../x"), "DVC's remote store is a path that counts from .dvc"),
        (lambda team: set_remote(team, "url = /nowhere"), "DVC's remote store: there is no folder /nowhere"),
        (lambda team: set_remote(team, "jobs = 1"), "DVC's configuration names no usable remote"),
        (lambda team: set_remote(team, "url = gs://bucket/x"), "DVC's remote does not answer"),
    ],
)
def test_what_is_missing_is_said(team: Repository, breaks: Callable[[Repository], object], message: str) -> None:
    breaks(team)
    with pytest.raises(SeqlabError) as error:
        check_team(team.root)
    assert "nothing was started:" in str(error.value)
    assert message in str(error.value)


def test_mlflow_is_a_server_that_answers_and_all_is_said_at_once(
    team: Repository, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("MLFLOW_TRACKING_URI")
    set_remote(team, "url = /nowhere")
    with pytest.raises(SeqlabError) as error:
        check_team(team.root)
    assert len(str(error.value).splitlines()) == 4  # DVC's configuration is edited, too
    assert "set MLFLOW_TRACKING_URI to a server" in str(error.value)
    monkeypatch.undo()
    monkeypatch.setenv("MLFLOW_TRACKING_URI", f"http://anna:geheim@127.0.0.1:{free_port()}")
    with pytest.raises(SeqlabError, match="does not answer") as error:
        check_team(team.root)
    assert "geheim" not in str(error.value)
