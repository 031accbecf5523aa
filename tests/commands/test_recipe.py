"""Recipes: read as somebody else's text, and run by DVC with nothing in them but parameters."""

import os
import subprocess
from pathlib import Path

import pytest
from click.testing import CliRunner

from seqlab.cli import main
from seqlab.commands import recipe
from seqlab.commands.recipe import LONGEST, read_recipe, run_recipe
from seqlab.commands.sweep.command import check_sweep_name
from seqlab.commands.sweep.experiments import experiments_folder
from seqlab.core.errors import SeqlabError

ROOT = Path(__file__).parents[2]


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    for name in ("params.yaml", "dvc.yaml"):
        (tmp_path / name).write_bytes((ROOT / name).read_bytes())
    (tmp_path / ".dvc").mkdir()
    (tmp_path / "recipes").mkdir()
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("GIT_CONFIG_GLOBAL", os.devnull)
    monkeypatch.setenv("GIT_CONFIG_NOSYSTEM", "1")
    for name in ("AUTHOR", "COMMITTER"):
        monkeypatch.setenv(f"GIT_{name}_NAME", "Test")
        monkeypatch.setenv(f"GIT_{name}_EMAIL", "test@example.org")
    return tmp_path


@pytest.fixture
def calls(monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, ...]]:
    """The command lines that DVC would be called with."""
    made: list[tuple[str, ...]] = []

    def run_dvc(_root: Path, *arguments: str) -> int:
        made.append(arguments)
        return 0

    monkeypatch.setattr(recipe, "run_dvc", run_dvc)
    return made


def test_a_recipe_is_one_argument_a_line(project: Path, calls: list[tuple[str, ...]]) -> None:
    (project / "recipes/mine.txt").write_text("# tried once\nmodel.attention=none\n\n  seed=3  \n", "utf-8")
    assert run_recipe(project, "mine", say=print) == 0
    assert calls == [("exp", "run", "--name=mine", "--set-param=model.attention=none", "--set-param=seed=3")]


def test_a_recipe_that_ran_before_gets_a_number(
    project: Path, calls: list[tuple[str, ...]], capsys: pytest.CaptureFixture[str]
) -> None:
    (project / "recipes/mine.txt").write_text("seed=3\n", "utf-8")
    for arguments in (["init", "--quiet"], ["add", "params.yaml"], ["commit", "--quiet", "--message=Start"]):
        subprocess.run(["git", *arguments], cwd=project, check=True)
    for experiment in ("mine", "mine-2", "mine-3"):
        assert run_recipe(project, "mine", say=print) == 0
        assert calls.pop() == ("exp", "run", f"--name={experiment}", "--set-param=seed=3")
        head = subprocess.run(["git", "rev-parse", "HEAD"], cwd=project, capture_output=True, text=True, check=True)
        folder = experiments_folder(head.stdout.strip())
        subprocess.run(["git", "update-ref", f"{folder}{experiment}", "HEAD"], cwd=project, check=True)
    assert capsys.readouterr().out.splitlines() == [
        "an experiment mine is there: this one is mine-2",
        "an experiment mine is there: this one is mine-3",
    ]


def test_what_fails_in_dvc_is_a_failure_here(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (project / "recipes/mine.txt").write_text("seed=3\n", "utf-8")
    monkeypatch.setattr(recipe, "run_dvc", lambda *_: 255)
    assert CliRunner().invoke(main, ["recipe", "mine"]).exit_code == 1


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("dvc.yaml:stages.download.cmd=touch owned", r"dvc\.yaml"),
        ("corpus.source=${oc.env:SECRET}", "written out"),
        ("--queue", "not of the form name=value"),
        ("seed=1 -S dvc.yaml:stages.download.cmd=true", "seed"),
        ("seed=$(touch owned)", "seed"),
        ("`touch owned`", "not of the form name=value"),
        ("model.attention=none,dot", "a grid of 2"),
    ],
)
def test_what_is_no_parameter_runs_nothing(
    line: str, message: str, project: Path, calls: list[tuple[str, ...]], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SECRET", "hunter2")
    (project / "recipes/theirs.txt").write_text(f"model.layers=1\n{line}\n", "utf-8")
    with pytest.raises(SeqlabError, match=message) as caught:
        run_recipe(project, "theirs", say=print)
    assert "hunter2" not in str(caught.value)
    assert calls == []
    assert not (project / "owned").exists()


def test_without_a_name_to_commit_under_nothing_runs(
    project: Path, calls: list[tuple[str, ...]], monkeypatch: pytest.MonkeyPatch
) -> None:
    (project / "recipes/mine.txt").write_text("seed=3\n", "utf-8")
    monkeypatch.delenv("GIT_COMMITTER_EMAIL")
    with pytest.raises(SeqlabError, match=r"git does not know whose: `git config --global user\.name NAME`"):
        run_recipe(project, "mine", say=print)
    assert calls == []


@pytest.mark.parametrize("name", ["../params", "a b", "", "-x", "grid;true", "x" * 41])
def test_a_name_is_no_path(name: str, project: Path) -> None:
    with pytest.raises(SeqlabError, match="a recipe's name"):
        read_recipe(project, name)


def test_a_name_has_as_many_letters_as_the_message_says(project: Path) -> None:
    (project / f"recipes/{'x' * 40}.txt").write_text("seed=1\n", "utf-8")
    assert read_recipe(project, "x" * 40) == ["seed=1"]
    check_sweep_name("x" * 40)
    with pytest.raises(SeqlabError, match="at most 40 letters"):
        check_sweep_name("x" * 41)


def test_a_recipe_that_is_not_there_names_those_that_are(project: Path) -> None:
    (project / "recipes/mine.txt").write_text("seed=1\n", "utf-8")
    result = CliRunner().invoke(main, ["recipe", "yours"])
    assert result.exit_code == 1
    assert "the recipes here: mine" in result.output


@pytest.mark.parametrize(("content", "message"), [(b"\xff=1", "not UTF-8"), (b"#" * (LONGEST + 1), "longer than")])
def test_what_is_no_text_is_no_recipe(content: bytes, message: str, project: Path) -> None:
    (project / "recipes/bad.txt").write_bytes(content)
    with pytest.raises(SeqlabError, match=message):
        read_recipe(project, "bad")
