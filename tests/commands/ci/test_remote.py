"""The remote, with a DVC that says what it is asked."""

import subprocess
from collections.abc import Sequence
from pathlib import Path

import pytest

from seqlab.commands.ci import remote
from seqlab.commands.ci.remote import Remote, find_remote
from seqlab.core.errors import SeqlabError

ADDRESS = "https://user:secret@example.org/store"


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """A working copy with a DVC folder and no remote."""
    subprocess.run(["git", "init", "--quiet", str(tmp_path)], check=True)
    (tmp_path / ".dvc").mkdir()
    (tmp_path / ".dvc/config").touch()
    return tmp_path


def configure(root: Path, address: str) -> None:
    (root / ".dvc/config.local").write_text(f"[core]\nremote = ours\n['remote \"ours\"']\nurl = {address}\n", "utf-8")


def answer(monkeypatch: pytest.MonkeyPatch, status: int) -> list[tuple[str, ...]]:
    """Let DVC end with a status; return the list of what it is asked."""
    asked: list[tuple[str, ...]] = []

    def run(_root: Path, *arguments: str, operands: Sequence[str] = ()) -> int:
        asked.append((*arguments, "--", *operands) if operands else arguments)
        return status

    monkeypatch.setattr(remote, "run_dvc", run)
    return asked


def test_none_is_configured(root: Path) -> None:
    assert find_remote(root) is None


def test_the_default_one(root: Path) -> None:
    configure(root, "/somewhere")
    assert find_remote(root) == Remote(root, "ours", over_http=False)
    configure(root, ADDRESS)
    assert find_remote(root) == Remote(root, "ours", over_http=True)


def test_dvc_takes_the_name_from_behind_the_options(root: Path) -> None:
    configure(root, "/somewhere")
    assert find_remote(root, "ours") == Remote(root, "ours", over_http=False)
    with pytest.raises(SeqlabError, match="no remote theirs"):
        find_remote(root, "theirs")


def test_a_default_that_is_nowhere_defined(root: Path) -> None:
    (root / ".dvc/config.local").write_text("[core]\nremote = ours\n", "utf-8")
    with pytest.raises(SeqlabError, match="names no usable remote"):
        find_remote(root)


def test_an_unknown_name(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    asked = answer(monkeypatch, 251)
    with pytest.raises(SeqlabError, match="no remote theirs"):
        find_remote(root, "theirs")
    assert asked == [("remote", "default", "--local", "--", "theirs")]


@pytest.mark.parametrize("name", ["--unset", "-q", "", "a b", "a\0b", "\ud800", "theirs\n"])
def test_what_is_no_name_never_reaches_dvc(name: str, root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    asked = answer(monkeypatch, 0)
    with pytest.raises(SeqlabError, match="DVC has no remote"):
        find_remote(root, name)
    assert asked == []


def test_a_dead_remote_is_noted_without_its_address(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    configure(root, ADDRESS)
    (root / "dvc.lock").touch()
    found = find_remote(root)
    assert found is not None
    answer(monkeypatch, 255)
    assert not found.pull()
    found.push()
    assert [note.split(",")[0] for note in found.notes] == [
        "the remote is an HTTP server",
        "nothing was taken from the remote ours: `dvc pull` failed",
        "the results are not in the remote ours: `dvc push` failed",
    ]
    assert "secret" not in str(found.notes)


def test_before_the_first_run_there_is_nothing_to_pull(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    asked = answer(monkeypatch, 0)
    assert Remote(root, "ours", over_http=False).pull()
    assert asked == []
