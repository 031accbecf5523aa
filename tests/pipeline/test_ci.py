"""Continuous integration as it runs: an author, two runners, a git remote and a DVC remote between them."""

import re
import shutil
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from ruamel.yaml import YAML

from tests.pipeline.conftest import ROOT, TINY, Project, make_project

# One worker: the history is made once.
pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("ci")]

WORKFLOW = ROOT / ".github/workflows/experiment.yml"
RATIO = 0.9
# The parameters of the last commit in the history.
SOUND = {"train.teacher_forcing_ratio": TINY["train.teacher_forcing_ratio"], "model.attention": "none"}
STAGES = ["download", "tokenize", "train", "evaluate", "report"]


@dataclass
class Team:
    """Whoever changes parameters, and the machines that rerun the pipeline for it."""

    folder: Path
    author: Project

    def runner(self, name: str) -> Project:
        """A fresh clone with an empty DVC cache; its environment is this one."""
        self.author.run("git", "clone", "--quiet", str(self.folder / "origin.git"), str(self.folder / name))
        made = Project(self.folder / name, self.author.environment)
        (made.root / ".venv").symlink_to(Path(sys.executable).parents[1])
        return made

    def propose(self, changes: dict[str, Any], lock: Project | None = None) -> None:
        """Commit and push a change of parameters, with the dvc.lock that a runner made."""
        self.author.set(changes)
        if lock is not None:
            shutil.copyfile(lock.root / "dvc.lock", self.author.root / "dvc.lock")
        self.author.run("git", "add", "--all")
        self.author.run("git", "commit", "--quiet", "--allow-empty", "--message=Change")
        self.author.run("git", "push", "--quiet", "origin", "main")


@dataclass
class Run:
    """What `seqlab ci` wrote and said."""

    comment: str
    log: str
    status: int

    @property
    def ran(self) -> list[str]:
        """The stages that ran, by DVC's own words."""
        return re.findall(r"^Running stage '(.+)':", self.log, re.MULTILINE)

    @property
    def outcomes(self) -> dict[str, str]:
        """The stages and what became of them, by the comment."""
        return dict(re.findall(r"^\| <code>(\w+)</code> \| ([a-z, ]+) \|$", self.comment, re.MULTILINE))


def integrate(runner: Project, event: str = "pull_request", **environment: str) -> Run:
    """Check out what was pushed, and run the steps of the workflow from there on."""
    runner.run("git", "fetch", "--quiet")
    runner.run("git", "reset", "--quiet", "--hard", "origin/main")
    folder = runner.root.parent
    comment, summary = folder / "comparison.md", folder / "summary.md"
    for path in (comment, summary):
        path.unlink(missing_ok=True)
    given = {
        "BASE": "HEAD^1",
        "DVC_CONFIG": f"[core]\nremote = shared\n['remote \"shared\"']\nurl = {folder / 'shared'}\n",
        "DVC_PACKAGE": "",
        "GITHUB_EVENT_NAME": event,
        "GITHUB_STEP_SUMMARY": str(summary),
        "RUNNER_TEMP": str(folder),
    }
    steps = YAML(typ="safe", pure=True).load(WORKFLOW)["jobs"]["experiment"]["steps"]
    scripts = {step["name"]: step["run"] for step in steps if "name" in step}
    results = [
        runner.run("bash", "-e", "-c", scripts[name], check=False, **given | environment)
        for name in ("Configure DVC's remote", "Run what the change asks for", "Show the comparison")
    ]
    assert f"::add-mask::{folder / 'shared'}" in results[0].stdout
    log = "".join(result.stdout + result.stderr for result in results)
    assert "Traceback" not in log
    assert summary.read_text("utf-8") == comment.read_text("utf-8")
    return Run(comment.read_text("utf-8"), log, results[1].returncode)


@dataclass
class History:
    """What a first runner did, commit by commit."""

    team: Team
    first: Project
    runs: dict[str, Run]


@pytest.fixture(scope="module")
def history(tmp_path_factory: pytest.TempPathFactory) -> History:
    """From a first commit without dvc.lock, as nothing ran yet, to one that takes back what another tried."""
    folder = tmp_path_factory.mktemp("team")
    author = make_project(folder / "author", folder / "home")
    author.run("git", "clone", "--quiet", "--bare", ".", str(folder / "origin.git"))
    author.run("git", "remote", "add", "origin", str(folder / "origin.git"))
    team = Team(folder, author)
    team.propose(TINY)
    first = team.runner("first")
    runs = {"start": integrate(first, "push")}
    team.propose({"evaluate.beam_size": 2}, lock=first)
    runs["beam"] = integrate(first)
    team.propose({"train.teacher_forcing_ratio": RATIO}, lock=first)
    runs["ratio"] = integrate(first)
    team.propose({"train.teacher_forcing_ratio": TINY["train.teacher_forcing_ratio"]}, lock=first)
    # Nothing listens on port 9: MLflow's server is dead.
    runs["back"] = integrate(first, MLFLOW_TRACKING_URI="http://user:secret@127.0.0.1:9")
    return History(team, first, runs)


def test_the_first_run_runs_all_and_misses_dvc_lock(history: History) -> None:
    run = history.runs["start"]
    assert run.ran == STAGES
    assert run.outcomes == dict.fromkeys(STAGES, "ran")
    assert "This commit has no `dvc.lock`" in run.comment
    # On main that is an error.
    assert run.status == 1


def test_another_beam_size_retrains_nothing(history: History) -> None:
    run = history.runs["beam"]
    assert run.ran == ["evaluate", "report"]
    assert run.status == 0
    assert "| <code>evaluate.beam_size</code> | <code>1</code> | <code>2</code> |" in run.comment
    # The base had no dvc.lock, and that of this commit is the base's.
    assert "neither in DVC's cache nor in its remote" in run.comment
    assert "**not what this run made**" in run.comment


def test_another_ratio_reruns_training_and_what_follows(history: History) -> None:
    run = history.runs["ratio"]
    assert run.ran == ["train", "evaluate", "report"]
    assert run.outcomes == dict.fromkeys(STAGES, "ran") | dict.fromkeys(STAGES[:2], "unchanged, not run")
    assert "against the base" in run.comment


def test_going_back_runs_nothing_and_a_dead_mlflow_server_is_a_note(history: History) -> None:
    run = history.runs["back"]
    assert run.ran == []
    assert run.status == 0
    assert "MLflow is not up to date" in run.comment
    assert "secret" not in run.comment + run.log
    assert "paired approximate randomization" in run.comment


def test_another_machine_gets_everything_from_the_remote(history: History) -> None:
    history.team.propose(SOUND, lock=history.first)
    run = integrate(history.team.runner("second"), "push")
    assert run.ran == []
    assert run.status == 0
    assert "`dvc.lock` in this commit is up to date" in run.comment


def test_a_machine_without_the_lock_finds_what_ran_before(history: History) -> None:
    history.team.propose(SOUND, lock=history.first)
    # dvc.lock is that of the other ratio: only the remote's run-cache knows this one's results.
    history.team.propose({"train.teacher_forcing_ratio": RATIO})
    run = integrate(history.team.runner("third"))
    assert run.ran == []
    assert run.outcomes["train"] == "restored, not run"
    # The base's outputs come from the remote too.
    assert "against the base" in run.comment


def test_a_stage_that_fails_is_named(history: History) -> None:
    history.team.propose(SOUND | {"model.attention": "dots"}, lock=history.first)
    run = integrate(history.team.runner("fourth"))
    assert run.status == 1
    assert "## The experiment failed" in run.comment
    assert list(run.outcomes.values()) == ["unchanged, not run"] * 2 + ["failed"] + ["not reached"] * 2
