"""Following jobs of a cluster, against one that plays what SLURM says."""

import json
import os
import shutil
import signal
import subprocess
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import pytest

from seqlab.commands.sweep import cluster_sweep as module
from seqlab.commands.sweep import slurm
from seqlab.commands.sweep.cluster_sweep import ClusterSweep
from seqlab.commands.sweep.jobs import JobEnd, Jobs, note_end
from seqlab.commands.sweep.members import make_members
from seqlab.commands.sweep.result import Result
from seqlab.commands.sweep.slurm import JOB_NAME, JobState
from seqlab.core.errors import SeqlabError
from seqlab.system import git, git_remote
from seqlab.tracking.home import Home
from tests.commands.sweep.test_plan import GRID, Repository, repository

__all__ = ["repository"]

DONE = JobEnd(state="done", node="n1")
Answer = dict[str, JobState] | Callable[[], dict[str, JobState]]


@dataclass
class Played:
    """A cluster whose answers are given, one for each time that it is asked; the last one stays."""

    repository: Repository
    answers: list[Answer] = field(default_factory=lambda: [{}])
    submitted: list[list[str]] = field(default_factory=list)
    folders: list[Path] = field(default_factory=list)
    cancelled: list[str] = field(default_factory=list)
    answer: bool = False
    most: int | None = None

    def states(self) -> dict[str, JobState]:
        """The next answer."""
        answer = self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]
        return answer() if callable(answer) else answer

    def submit(self, folder: Path, functions: Sequence[Any], _cluster: Any, most: int | None) -> str:
        """Note it; ids count from 1."""
        self.submitted.append([each.job.name for each in functions])
        self.folders.append(folder)
        self.most = most
        return str(len(self.folders))

    def end(self, name: str, outcome: JobEnd = DONE) -> None:
        """A member of the newest submission ends."""
        note_end(self.folders[-1], name, outcome)

    def sweep(self, settings: Sequence[str] = GRID) -> Result:
        """Plan and run the grid."""
        sweep = ClusterSweep(self.repository.root, None, lambda _: self.answer)
        return sweep.run(sweep.plan(make_members(self.repository.root, settings)))


@pytest.fixture
def cluster(repository: Repository, monkeypatch: pytest.MonkeyPatch) -> Played:
    """A cluster that knows no job yet, and remotes that have nothing."""
    made = Played(repository)
    (repository.root / ".dvc").mkdir()
    for name in ("states", "submit"):
        monkeypatch.setattr(slurm, name, getattr(made, name))
    monkeypatch.setattr(slurm, "cancel", made.cancelled.extend)
    monkeypatch.setattr(slurm, "check_programs", lambda: None)
    monkeypatch.setattr(slurm, "past_state", lambda *_: "")
    monkeypatch.setattr(git_remote, "remote_references", lambda *_: {})
    monkeypatch.setattr(module, "check_team", lambda _: None)
    monkeypatch.setattr(module, "launch_publisher", lambda _: None)
    monkeypatch.setattr(module, "POLL_SECONDS", 0)
    return made


REMOTE_REFERENCES = git_remote.remote_references


def test_a_name_that_dvc_refuses_stops_no_sweep(
    cluster: Played, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whoever may push may push anything below refs/exps."""

    def refuse(*arguments: object, **_: object) -> str:
        raise SeqlabError(f"dvc: {arguments}")

    monkeypatch.setattr(git_remote, "remote_references", REMOTE_REFERENCES)
    monkeypatch.setattr(git_remote, "AT_ONCE", 2)
    monkeypatch.setattr(module, "call_dvc", refuse)
    monkeypatch.setattr(module, "ATTEMPTS", 1)
    repository = cluster.repository
    origin = tmp_path.parent / f"{tmp_path.name}-origin.git"
    subprocess.run(["git", "clone", "--quiet", "--bare", str(tmp_path), str(origin)], check=True)
    repository.git("remote", "add", "origin", str(origin))
    baseline = repository.git("rev-parse", "HEAD")
    folder = f"refs/exps/{baseline[:2]}/{baseline[2:]}/"
    good, bad = ["s1", "tf0.50-h64", "a_b", "c", "d"], ["x/y", "-x", "ü", "a" * 200]
    for name in (*good, *bad):
        subprocess.run(["git", "update-ref", f"{folder}{name}", baseline], cwd=origin, check=True)
    sweep = ClusterSweep(repository.root, None, lambda _: False)
    assert len(sweep.plan(make_members(repository.root, GRID))) == 2
    assert sorted(git.references(repository.root, folder)) == sorted(good)


def running(**nodes: str) -> dict[str, JobState]:
    """Jobs that run: `_1_0="n1"` says where job 1_0 does."""
    return {job.strip("_"): JobState("RUNNING", node) for job, node in nodes.items()}


def interrupted() -> dict[str, JobState]:
    """While the cluster is asked, somebody types Ctrl-C."""
    os.kill(os.getpid(), signal.SIGINT)
    return running(_1_0="n1", _1_1="n2")


def then(cluster: Played, known: dict[str, JobState], **outcomes: JobEnd) -> Callable[[], dict[str, JobState]]:
    """An answer at the time of which members have ended."""

    def answer() -> dict[str, JobState]:
        for name, outcome in outcomes.items():
            cluster.end(name, outcome)
        return known

    return answer


def test_members_are_submitted_at_once_and_followed_to_their_end(
    cluster: Played, capsys: pytest.CaptureFixture[str]
) -> None:
    waits = {"1_0": JobState("PENDING", "", "Resources"), "1_1": JobState("PENDING", "", "Resources")}
    cluster.answers = [{}, {}, waits, running(_1_0="n1", _1_1="n2"), then(cluster, {}, s1=DONE, s2=DONE)]
    result = cluster.sweep()
    assert (result.done, result.failed, result.stopped, result.interrupted) == (["s1", "s2"], {}, [], False)
    assert cluster.submitted == [["s1", "s2"]]
    assert "done 2/2  s2" in capsys.readouterr().err
    # Pickles lie here, which jobs load.
    assert {path.stat().st_mode & 0o777 for path in (cluster.folders[0], cluster.folders[0].parent)} == {0o700}


def test_jobs_that_are_there_are_followed_and_what_failed_is_submitted_again(cluster: Played) -> None:
    # A first command, left by Ctrl-C; nobody is there to ask.
    cluster.answers = [{}, {}, interrupted]
    left = cluster.sweep()
    assert (left.done, left.stopped, left.interrupted) == ([], ["s1", "s2"], True)
    assert "scancel 1_0 1_1" in left.advice
    assert cluster.cancelled == []

    cluster.answers = [running(_1_0="n1"), running(_1_0="n1"), then(cluster, running(_1_0="n1"), s2=DONE)]
    first = cluster.folders[0]
    cluster.answers.append(lambda: note_end(first, "s1", DONE) or {})  # type: ignore[func-returns-value]
    assert sorted(cluster.sweep().done) == ["s1", "s2"]
    assert cluster.submitted == [["s1", "s2"], ["s2"]]


def test_a_job_whose_id_was_not_written_down_is_found_by_its_name(cluster: Played) -> None:
    cluster.answers = [{}, {}, interrupted]
    cluster.sweep()
    (cluster.folders[0] / "job.json").unlink()
    name = JOB_NAME + cluster.folders[0].name
    known = {f"9_{number}": JobState("RUNNING", "n1", "None", name) for number in (0, 1)}
    cluster.answers = [known, known, then(cluster, known, s1=DONE, s2=DONE)]
    assert cluster.sweep().done == ["s1", "s2"]
    assert len(cluster.submitted) == 1


def test_two_commands_at_once_submit_a_member_once(cluster: Played) -> None:
    one, two = (ClusterSweep(cluster.repository.root, None, lambda _: False) for _ in range(2))
    members = make_members(cluster.repository.root, GRID)
    plans = [each.plan(members) for each in (one, two)]
    known = running(_1_0="n1", _1_1="n1")
    cluster.answers = [{}, then(cluster, known, s1=DONE, s2=DONE)]
    one.run(plans[0])
    for name in ("s1", "s2"):
        note_end(cluster.folders[0], name, None)
    cluster.answers = [known, then(cluster, known, s1=DONE, s2=DONE)]
    assert two.run(plans[1]).done == ["s1", "s2"]
    assert len(cluster.submitted) == 1


def test_another_recipe_of_the_same_name_is_another_member(cluster: Played) -> None:
    cluster.answers = [{}, {}, interrupted]
    cluster.sweep()
    known = running(_1_0="n1", _1_1="n2")
    cluster.answers = [known, known, lambda: (cluster.end("s1-2"), cluster.end("s2-2")) and known]  # type: ignore[func-returns-value]
    assert cluster.sweep([*GRID, "train.epochs=1"]).done == ["s1-2", "s2-2"]
    assert cluster.submitted == [["s1", "s2"], ["s1-2", "s2-2"]]


def test_a_yes_cancels_and_waits_until_states_are_saved(cluster: Played, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.stdin.isatty", lambda: True)
    cluster.answer = True
    saving = {"1_0": JobState("COMPLETING", "n1")}
    cluster.answers = [{}, {}, interrupted, saving, saving, {}]
    result = cluster.sweep()
    assert (cluster.cancelled, result.stopped) == (["1_0", "1_1"], ["s1", "s2"])
    assert "goes on" in result.advice
    assert cluster.answers == [{}]


@pytest.mark.parametrize(
    ("ended", "outcome", "reason"),
    [
        (
            JobState("FAILED", "n1"),
            JobEnd(state="failed", node="n1", reason="train: no room"),
            "train: no room (on n1)",
        ),
        (JobState("TIMEOUT", "n1"), None, "give it more in cluster.yaml (time) (on n1)"),
        (JobState("OUT_OF_MEMORY", "n2"), None, "it needs more memory; give it more in cluster.yaml (mem) (on n2)"),
        (JobState("NODE_FAIL", "n2"), None, "its node failed, and the cluster did not requeue it (on n2)"),
        (JobState("SPLIT", ""), None, "its job ended as SPLIT; it left no word of its own"),
        (None, None, "SLURM knows its job no more; it left no word of its own"),
    ],
)
def test_why_a_member_failed(cluster: Played, ended: JobState | None, outcome: JobEnd | None, reason: str) -> None:
    known = {} if ended is None else {"1": ended}
    cluster.answers = [{}, {}, running(_1="n1"), then(cluster, known, **({} if outcome is None else {"s1": outcome}))]
    result = cluster.sweep(["seed=1"])
    assert list(result.failed) == ["s1"]
    assert reason in result.failed["s1"]
    assert result.logs["s1"].endswith("/s1.log")


def test_a_requeue_and_a_controller_that_starts_anew_are_said(
    cluster: Played, capsys: pytest.CaptureFixture[str]
) -> None:
    def silent() -> dict[str, JobState]:
        raise SeqlabError("SLURM: Unable to contact slurm controller")

    again = {"1": JobState("PENDING", "", "BeginTime")}
    # For a moment a job is nowhere; and the word of one that was killed is not its last.
    killed = then(cluster, again, s1=JobEnd(state="interrupted", node="n1", reason="stopped"))
    cluster.answers = [{}, {}, running(_1="n1"), silent, {}, killed, running(_1="n2"), then(cluster, {}, s1=DONE)]
    assert cluster.sweep(["seed=1"]).done == ["s1"]
    said = capsys.readouterr().err
    assert "SLURM: Unable to contact slurm controller; asking again" in said
    assert "requeued s1, which ran on n1: it goes on from its training state" in said
    assert len(cluster.submitted) == 1


def test_what_slurm_refuses_leaves_nothing(cluster: Played, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: Any) -> str:
        raise SeqlabError("SLURM did not take the job: invalid partition")

    monkeypatch.setattr(slurm, "submit", refuse)
    with pytest.raises(SeqlabError, match="invalid partition"):
        cluster.sweep()
    assert list((cluster.repository.root / ".seqlab/slurm").iterdir()) == []


def test_the_newest_job_counts_whatever_was_deleted(repository: Repository) -> None:
    jobs, members = Jobs(Home(repository.root), "c" * 40), make_members(repository.root, ["seed=1"])
    folders = [jobs.new_submission(members) for _ in range(3)]
    for number in range(3, 12):
        # As who repairs a damaged note by deleting it.
        shutil.rmtree(folders[number - 3])
        folders.append(jobs.new_submission(members))
        assert jobs.latest({})["s1"].folder == folders[-1]
        assert folders[-1].name.startswith(f"{number:06d}-")
    # And what is nobody's.
    (folders[-1].parent / "notes").mkdir()
    (folders[-1].parent / "notes/members.json").write_text("{}", "utf-8")
    assert jobs.new_submission(members).name.startswith("000012-")


def test_a_damaged_note_is_named(cluster: Played) -> None:
    cluster.answers = [{}, {}, interrupted]
    cluster.sweep()
    (cluster.folders[0] / "members.json").write_text("{}", "utf-8")
    cluster.answers = [{}]
    with pytest.raises(SeqlabError, match=r"members\.json: it is none that seqlab writes; repair or delete it"):
        cluster.sweep()


@pytest.mark.parametrize("name", ["../../../s1", "/s1", "", "a/b", "a\0b", ".s1", "--me", "\ud800", "a\n", 200 * "a"])
def test_a_name_that_leads_elsewhere_is_none(cluster: Played, name: str) -> None:
    """It would be the name of a file that is read, and written."""
    cluster.answers = [{}, {}, interrupted]
    cluster.sweep()
    path = cluster.folders[0] / "members.json"
    content = json.loads(path.read_text("utf-8"))
    content["members"][0]["name"] = name
    path.write_text(json.dumps(content), "utf-8")
    cluster.answers = [{}]
    with pytest.raises(SeqlabError, match=r"members\.json: it is none that seqlab writes; repair or delete it"):
        cluster.sweep()


@pytest.mark.parametrize("job_id", ["--me", "", "1 2", "1;x", 30 * "1"])
def test_an_id_that_slurm_does_not_give_is_none(cluster: Played, job_id: str) -> None:
    """It would be an option of scancel."""
    cluster.answers = [{}, {}, interrupted]
    cluster.sweep()
    (cluster.folders[0] / "job.json").write_text(json.dumps({"id": job_id}), "utf-8")
    cluster.answers = [{}]
    with pytest.raises(SeqlabError, match=r"job\.json: it is none that seqlab writes; repair or delete it"):
        cluster.sweep()


def test_why_a_member_failed_is_remembered_of_its_own_recipe_alone(cluster: Played) -> None:
    lost, diverged = JobEnd(state="interrupted", node="n1"), JobEnd(state="failed", node="n1", reason="train: nan")
    cluster.answers = [{}, {}, then(cluster, {}, s1=diverged, s2=lost)]
    cluster.sweep()
    executor = ClusterSweep(cluster.repository.root, None, lambda _: False)
    first, second = executor.plan(make_members(cluster.repository.root, GRID))
    assert [each.state for each in (first, second)] == ["failed", "failed"]
    assert executor.failure(first) == "train: nan"
    # The cluster ended it, which says nothing of the recipe.
    assert executor.failure(second) == ""
    assert executor.failure(replace(first, member=replace(second.member, name=first.name))) == ""
    assert executor.failure(replace(first, member=replace(first.member, name="never submitted"))) == ""
