"""What a node does for a member, with a real git remote and a DVC that is played."""

import os
import signal
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import pytest

from seqlab.commands.sweep import clone as module
from seqlab.commands.sweep import patience, push
from seqlab.commands.sweep.clone import ClonedMember
from seqlab.commands.sweep.jobs import Job, JobEnd
from seqlab.commands.sweep.members import make_members, recipe_digest
from seqlab.core.errors import SeqlabError
from seqlab.system import git, git_remote
from tests.commands.sweep.test_plan import Repository, repository

__all__ = ["repository"]

FAILED_STAGE = "epoch 1\\ntrain: no room\\nERROR: failed to reproduce 'train': failed to run: x, exited with 1"


@dataclass
class Node:
    """A node whose DVC makes experiments at once; `fails`: what it does before that, one after the other."""

    repository: Repository
    origin: Path
    job: Job
    settings: tuple[str, ...]
    calls: list[str] = field(default_factory=list)
    fails: dict[str, list[str]] = field(default_factory=dict)
    lock: str = "bytes"

    def run(self, **changes: Any) -> JobEnd:
        """Run the member; how it ended."""
        commit = self.repository.git("rev-parse", "HEAD")
        member = ClonedMember(self.repository.root, commit, self.job, self.settings, patience=5)
        before = signal.getsignal(signal.SIGTERM)
        try:
            replace(member, **changes)()
        finally:
            signal.signal(signal.SIGTERM, before)
        outcome = self.job.end()
        assert outcome is not None
        return outcome

    def start_dvc(self, clone: Path, *_: str, log: Any, **__: Any) -> "subprocess.Popen[bytes]":
        """As `dvc exp run` would: an experiment, or words about why there is none."""
        self.calls.append("run")
        if words := self._failure("run"):
            return subprocess.Popen([sys.executable, "-c", f'print("""{words}""")'], stdout=log)
        self.commit(clone)
        return subprocess.Popen([sys.executable, "-c", ""])

    def commit(self, clone: Path) -> None:
        """Make the experiment in a clone."""
        from dvc.utils.hydra import apply_overrides

        made = Repository(clone)
        apply_overrides(clone / "params.yaml", list(self.settings))
        (clone / "dvc.lock").write_text(self.lock, "utf-8")
        made.git("add", "dvc.lock", "params.yaml")
        baseline = made.git("rev-parse", "HEAD")
        made.git("update-ref", f"refs/exps/{baseline[:2]}/{baseline[2:]}/{self.job.name}", made.git("stash", "create"))

    def call_dvc(self, clone: Path, *arguments: str, **_: Any) -> str:
        """As `dvc push` and `dvc exp push` would."""
        name = " ".join(arguments[:2]) if arguments[0] == "exp" else arguments[0]
        self.calls.append(name)
        if words := self._failure(name):
            raise SeqlabError(words)
        if name == "exp push":
            # Git refuses what is there already otherwise; DVC says so, and ends well.
            reference = Repository(clone).git("for-each-ref", "--format=%(refname)", "refs/exps/")
            subprocess.run(["git", "push", "--quiet", "origin", f"{reference}:{reference}"], cwd=clone, check=False)
        return ""

    def sync(self, _: Path) -> str:
        """As `seqlab sync` would."""
        self.calls.append("sync")
        if words := self._failure("sync"):
            raise SeqlabError(words)
        return "published"

    def pushed(self) -> list[str]:
        """The experiments that the git remote has."""
        listing = Repository(self.origin).git("for-each-ref", "--format=%(refname)", "refs/exps/")
        return [name.rpartition("/")[2] for name in listing.splitlines()]

    def _failure(self, name: str) -> str:
        waiting = self.fails.get(name, [])
        return waiting.pop(0) if waiting else ""


@pytest.fixture
def node(repository: Repository, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Node:
    """A node, and the first member of a grid."""
    origin = tmp_path.parent / f"{tmp_path.name}-origin.git"
    repository.git("config", "user.name", "Test")
    repository.git("config", "user.email", "test@example.org")
    subprocess.run(["git", "clone", "--quiet", "--bare", str(tmp_path), str(origin)], check=True)
    repository.git("remote", "add", "origin", str(origin))
    (tmp_path / ".git/info/exclude").write_text("/jobs/\n/scratch/\n.seqlab/\n.checkpoints/\n", "utf-8")
    member = make_members(repository.root, ["seed=1,2"])[0]
    folder = tmp_path / "jobs/000000"
    folder.mkdir(parents=True)
    made = Node(repository, origin, Job(member.name, recipe_digest(member.params), folder, "7"), member.settings)
    monkeypatch.setattr(module, "start_dvc", made.start_dvc)
    for caller in (module, push):
        monkeypatch.setattr(caller, "call_dvc", made.call_dvc)
    monkeypatch.setattr("seqlab.tracking.publishing.sync.sync", made.sync)
    monkeypatch.setattr(patience, "LONGEST_WAIT", 0.01)
    monkeypatch.setenv("SLURM_TMPDIR", str(tmp_path / "scratch"))
    return made


def left(node: Node) -> list[Path]:
    """What is left of clones in scratch space."""
    return list(Path(os.environ["SLURM_TMPDIR"]).iterdir())


def test_a_member_is_run_pushed_and_published_and_leaves_nothing(node: Node) -> None:
    outcome = node.run()
    assert (outcome.state, outcome.notes) == ("done", [])
    assert set(outcome.seconds) == {"clone", "run", "push", "publish"}
    # The cache first: what the git remote has is complete.
    assert node.calls == ["run", "push", "exp push", "sync"]
    assert node.pushed() == ["s1"]
    assert left(node) == []


def test_states_and_journal_are_those_of_the_working_copy(node: Node, monkeypatch: pytest.MonkeyPatch) -> None:
    def start(clone: Path, *arguments: str, environment: dict[str, str], log: Any) -> "subprocess.Popen[bytes]":
        for name in (".seqlab", ".checkpoints"):
            (clone / name / "mark").write_text("here", "utf-8")
        assert Repository(clone).git("status", "--porcelain") == ""
        assert environment["SEQLAB_PUBLISHER"] == "off"
        assert environment["GIT_COMMITTER_NAME"] == "Test"
        return node.start_dvc(clone, *arguments, environment=environment, log=log)

    monkeypatch.setattr(module, "start_dvc", start)
    assert node.run().state == "done"
    assert (node.repository.root / ".checkpoints/mark").read_text("utf-8") == "here"
    assert (node.repository.root / ".seqlab/mark").read_text("utf-8") == "here"


def test_dvc_s_own_settings_here_are_those_there(node: Node, monkeypatch: pytest.MonkeyPatch) -> None:
    local = node.repository.root / ".dvc/config.local"
    local.parent.mkdir()
    # So that a clone has the folder.
    (local.parent / "config").write_text("[core]\n", "utf-8")
    node.repository.git("add", ".dvc/config")
    node.repository.git("commit", "--quiet", "--message=DVC")
    node.repository.git("push", "--quiet", "origin", "HEAD")
    local.write_text("[remote]\n", "utf-8")
    found = []

    def start(clone: Path, *arguments: str, **options: Any) -> "subprocess.Popen[bytes]":
        found.append((clone / ".dvc/config.local").read_text("utf-8"))
        return node.start_dvc(clone, *arguments, **options)

    monkeypatch.setattr(module, "start_dvc", start)
    assert node.run().state == "done"
    assert found == ["[remote]\n"]


def test_people_s_settings_of_git_change_nothing(node: Node, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    # As `pre-commit init-templatedir` leaves them; and an address that counts from the top of the repository.
    (tmp_path / ".git/template/hooks").mkdir(parents=True)
    hook = tmp_path / ".git/template/hooks/post-checkout"
    hook.write_text(f"#!/bin/sh\ntouch {tmp_path}/.git/ran\n", "utf-8")
    hook.chmod(0o755)
    settings = tmp_path / ".git/settings"
    settings.write_text(f"[init]\ntemplateDir={hook.parents[1]}\n[clone]\ndefaultRemoteName=theirs\n", "utf-8")
    monkeypatch.setenv("GIT_CONFIG_GLOBAL", str(settings))
    node.repository.git("remote", "set-url", "origin", f"../{node.origin.name}")
    outcome = node.run()
    assert (outcome.state, outcome.reason) == ("done", "")
    assert node.pushed() == ["s1"]
    assert not (tmp_path / ".git/ran").exists()


def test_a_clone_that_broke_off_is_begun_again(node: Node, monkeypatch: pytest.MonkeyPatch) -> None:
    clone = git_remote.clone

    def broken(*arguments: Any) -> None:
        monkeypatch.setattr(git_remote, "clone", clone)
        clone(*arguments)
        raise SeqlabError("git checkout did not end within 60 s")

    monkeypatch.setattr(git_remote, "clone", broken)
    assert node.run().state == "done"
    assert "git checkout did not end within 60 s; again in" in node.job.log.read_text("utf-8")


def test_a_stage_that_fails_is_not_tried_again(node: Node) -> None:
    node.fails["run"] = [FAILED_STAGE]
    outcome = node.run()
    assert (outcome.state, outcome.reason) == ("failed", "train: no room")
    assert node.calls == ["run"]
    assert left(node) == []


@pytest.mark.parametrize("what", ["run", "push", "exp push", "sync"])
def test_a_remote_that_is_down_for_a_moment_costs_a_moment(node: Node, what: str) -> None:
    node.fails[what] = ["ERROR: failed to connect", "ERROR: failed to connect"]
    outcome = node.run()
    assert (outcome.state, outcome.notes) == ("done", [])
    assert node.calls.count(what) == 3
    assert node.pushed() == ["s1"]
    assert "failed to connect; again in" in node.job.log.read_text("utf-8")


@pytest.mark.parametrize("what", ["push", "exp push"])
def test_a_push_that_is_refused_keeps_the_results_and_the_next_try_only_pushes(node: Node, what: str) -> None:
    node.fails[what] = ["you may not"] * 1_000_000
    outcome = node.run(patience=0)
    assert (outcome.state, outcome.reason) == ("failed", "you may not")
    assert outcome.notes == ["the results of s1 are kept: the same command pushes them, and runs nothing again"]
    assert (node.pushed(), left(node)) == ([], [])

    node.fails.clear()
    node.calls.clear()
    # Another submission, on another node.
    folder = node.job.folder.with_name("000001")
    folder.mkdir()
    node.job = replace(node.job, folder=folder)
    assert node.run().state == "done"
    assert node.calls == ["push", "exp push", "sync"]
    assert node.pushed() == ["s1"]
    assert list((node.repository.root / module.KEPT).iterdir()) == []


def test_a_clone_that_came_with_somebody_s_seqlab_is_none_that_was_kept(node: Node) -> None:
    """Its configuration would say what git and DVC run."""
    slurm = node.repository.root / ".seqlab/slurm"
    node.job = replace(node.job, folder=slurm / "000000-aa")
    node.job.folder.mkdir(parents=True)
    theirs = slurm / f"kept/{node.job.name}-{node.job.recipe[:12]}"
    theirs.parent.mkdir()
    subprocess.run(["git", "clone", "--quiet", str(node.origin), str(theirs)], check=True)
    program = f"ext::sh -c touch% {node.repository.root}/run"
    for setting in (["remote.origin.url", program], ["protocol.ext.allow", "always"]):
        subprocess.run(["git", "config", *setting], cwd=theirs, check=True)
    assert node.run().state == "done"
    assert node.calls == ["run", "push", "exp push", "sync"]
    assert not (node.repository.root / "run").exists()


def test_a_git_remote_that_takes_nothing_is_no_success(node: Node) -> None:
    hook = node.origin / "hooks/pre-receive"
    hook.write_text("#!/bin/sh\nexit 1\n", "utf-8")
    hook.chmod(0o755)
    outcome = node.run(patience=0)
    assert outcome.state == "failed"
    assert "the git remote did not take experiment s1; may you push to it?" in outcome.reason


def test_without_mlflow_a_member_is_done_and_says_so(node: Node) -> None:
    node.fails["sync"] = ["MLflow does not answer"] * 1_000_000
    outcome = node.run(patience=0)
    assert outcome.state == "done"
    assert outcome.notes == ["s1 is not in MLflow yet (MLflow does not answer): `seqlab sync` publishes it"]


def meet(node: Node, monkeypatch: pytest.MonkeyPatch, change: Callable[[], None]) -> JobEnd:
    """While a member runs, another job runs the same and pushes it first; `change` comes between the two."""
    first = node.start_dvc

    def start(clone: Path, *arguments: str, **options: Any) -> "subprocess.Popen[bytes]":
        other = node.origin.with_name(f"{node.origin.stem}-other")
        subprocess.run(["git", "clone", "--quiet", str(node.origin), str(other)], check=True)
        project = other / git.place_of(node.repository.root)
        node.commit(project)
        node.call_dvc(project, "exp", "push")
        change()
        return first(clone, *arguments, **options)

    monkeypatch.setattr(module, "start_dvc", start)
    return node.run()


def test_of_two_that_run_one_recipe_at_once_one_is_kept(node: Node, monkeypatch: pytest.MonkeyPatch) -> None:
    # Commits of one second are one commit; these are of two.
    outcome = meet(node, monkeypatch, lambda: monkeypatch.setenv("GIT_COMMITTER_DATE", "2001-01-01T00:00:00Z"))
    assert (outcome.state, outcome.notes) == ("done", ["s1 was pushed by another job meanwhile, with the same bytes"])
    assert node.pushed() == ["s1"]


def test_other_bytes_of_one_recipe_are_said_and_replace_nothing(node: Node, monkeypatch: pytest.MonkeyPatch) -> None:
    outcome = meet(node, monkeypatch, lambda: setattr(node, "lock", "other bytes"))
    assert outcome.state == "failed"
    assert "another job pushed s1 meanwhile, with other bytes: a node of another numerics class" in outcome.reason


def test_what_the_remote_has_is_not_run_again(node: Node) -> None:
    node.run()
    node.calls.clear()
    outcome = node.run()
    assert (outcome.state, outcome.notes) == ("done", ["s1 was there already, pushed by another job"])
    assert node.calls == ["sync"]


def test_another_recipe_of_the_same_name_is_not_taken_for_it(node: Node) -> None:
    node.run()
    node.job = replace(node.job, recipe="0" * 64)
    outcome = node.run()
    assert outcome.state == "failed"
    assert "another recipe was pushed as s1 meanwhile" in outcome.reason


def test_a_clone_that_a_killed_job_left_on_its_node_goes(node: Node, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SLURM_JOB_ID", "7")
    mine, others = (Path(os.environ["SLURM_TMPDIR"], f"seqlab-{os.getuid()}-{job}-x") for job in ("7", "70"))
    mine.mkdir(parents=True)
    others.mkdir()
    assert node.run().state == "done"
    assert left(node) == [others]


def test_a_folder_of_a_variable_that_the_node_does_not_know_is_refused(node: Node) -> None:
    outcome = node.run(scratch="/scratch/$NO_SUCH_VARIABLE")
    assert (outcome.state, "does not know all variables" in outcome.reason) == ("failed", True)


def play(node: Node, monkeypatch: pytest.MonkeyPatch, program: str) -> None:
    """DVC is this program, which has the folder of resume states as its argument."""

    def start(clone: Path, *_: str, **__: Any) -> "subprocess.Popen[bytes]":
        command = [sys.executable, "-c", program, str(clone / ".checkpoints")]
        return subprocess.Popen(command, process_group=0)

    monkeypatch.setattr(module, "start_dvc", start)


# Told to stop it saves; the cluster's warning, which goes to every process of a job, kills none.
SAVES_WHEN_ASKED = """
import os, pathlib, signal, sys, time
state = pathlib.Path(sys.argv[1], "state")
assert signal.getsignal(signal.SIGUSR2) == signal.SIG_IGN
def save(*_):
    state.write_text("saved")
    sys.exit(130)
signal.signal(signal.SIGINT, save)
os.kill(os.getppid(), signal.SIGALRM)
time.sleep(600)
"""
# The cluster's last warning ends DVC at once, and its stage goes on until it has saved.
SAVES_AFTER_ITS_PARENT = """
import os, pathlib, signal, sys, time
if os.fork() == 0:
    time.sleep(1)
    pathlib.Path(sys.argv[1], "state").write_text("saved")
    os._exit(0)
os.kill(os.getppid(), signal.SIGTERM)
"""


def test_when_its_time_is_up_a_member_saves_its_state_and_is_requeued(
    node: Node, monkeypatch: pytest.MonkeyPatch
) -> None:
    play(node, monkeypatch, SAVES_WHEN_ASKED)
    member = ClonedMember(node.repository.root, node.repository.git("rev-parse", "HEAD"), node.job, node.settings)
    requeued = []

    def requeue(*_: Any) -> None:
        # As submitit does when the cluster warns.
        requeued.append(member.checkpoint().function)
        raise SystemExit

    before = signal.signal(signal.SIGALRM, requeue), signal.getsignal(signal.SIGTERM)
    try:
        with pytest.raises(SystemExit):
            member()
    finally:
        signal.signal(signal.SIGALRM, before[0])
        signal.signal(signal.SIGTERM, before[1])
    assert (node.repository.root / ".checkpoints/state").read_text("utf-8") == "saved"
    assert requeued == [member]
    # It has not ended.
    assert node.job.end() is None
    assert left(node) == []


def test_a_member_that_is_cancelled_ends_when_its_training_has_saved(
    node: Node, monkeypatch: pytest.MonkeyPatch
) -> None:
    play(node, monkeypatch, SAVES_AFTER_ITS_PARENT)
    outcome = node.run()
    assert (node.repository.root / ".checkpoints/state").read_text("utf-8") == "saved"
    assert outcome.state == "interrupted"
    assert left(node) == []
