"""DVC is called so that nothing foreign is an option, and no variable of another repository matters."""

import sys
from pathlib import Path

import pytest

from seqlab.core.errors import SeqlabError
from seqlab.system import dvc as module
from seqlab.system.dvc import ask_dvc, call_dvc, dvc_environment, run_dvc
from tests.commands.why.conftest import dvc


def test_an_operand_is_no_option(tmp_path: Path) -> None:
    dvc(tmp_path, "init", "--no-scm", "--quiet")
    dvc(tmp_path, "remote", "add", "--default", "--local", "ours", "/nowhere")
    config = (tmp_path / ".dvc/config.local").read_text("utf-8")
    assert run_dvc(tmp_path, "remote", "default", "--local", operands=["--unset"]) != 0
    with pytest.raises(SeqlabError, match="dvc remote default: "):
        call_dvc(tmp_path, "remote", "default", "--local", operands=["--unset"])
    assert (tmp_path / ".dvc/config.local").read_text("utf-8") == config
    call_dvc(tmp_path, "remote", "default", "--local", "--unset")
    assert (tmp_path / ".dvc/config.local").read_text("utf-8") != config


def test_dvc_is_the_one_that_is_installed(tmp_path: Path) -> None:
    (tmp_path / "dvc.py").write_text("import pathlib; pathlib.Path('run').touch()", "utf-8")
    call_dvc(tmp_path, "--version")
    assert not (tmp_path / "run").exists()


def test_what_dvc_says_of_an_address_has_no_password(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    said = "import sys; print('ERROR: https://alice:hunter2@host/a \\x1b[2J', file=sys.stderr); sys.exit(3)"
    monkeypatch.setattr(module, "_command", lambda *_: [sys.executable, "-c", said])
    assert run_dvc(tmp_path, "pull") == 3
    with pytest.raises(SeqlabError, match="see the log"):
        ask_dvc(tmp_path, "params", "diff")
    assert capfd.readouterr().err == "ERROR: https://host/a \\x1b[2J\n" * 2


def test_a_hook_s_repository_is_not_dvc_s(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("GIT_DIR", "GIT_INDEX_FILE", "GIT_EXTERNAL_DIFF"):
        monkeypatch.setenv(name, "/elsewhere")
    # Who commits an experiment, and what a container trusts, stays.
    kept = {"GIT_CONFIG_GLOBAL", "GIT_CONFIG_COUNT", "GIT_COMMITTER_EMAIL", "GIT_AUTHOR_NAME", "GIT_SSH_COMMAND"}
    for name in kept:
        monkeypatch.setenv(name, "0")
    found = {name for name in dvc_environment() if name.startswith("GIT_")}
    assert kept <= found
    assert not {"GIT_DIR", "GIT_INDEX_FILE", "GIT_EXTERNAL_DIFF"} & found
