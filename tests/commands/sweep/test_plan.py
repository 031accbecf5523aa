"""What is already there, in a small git repository with the project's own files."""

import shutil
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import pytest

from seqlab.commands.sweep import execution
from seqlab.commands.sweep.experiments import Experiments
from seqlab.commands.sweep.members import Member, make_members
from seqlab.commands.sweep.plan import Planned, State, make_plan
from seqlab.commands.sweep.queue import Task
from seqlab.commands.sweep.result import Result
from seqlab.core.errors import SeqlabError

ROOT = Path(__file__).parents[3]
GRID = ["seed=1,2"]


@dataclass
class Repository:
    """A working copy with the files that a recipe is made of, and commits that stand in for experiments."""

    root: Path

    def git(self, *arguments: str) -> str:
        """What a git command prints."""
        command = ["git", "-c", "user.name=Test", "-c", "user.email=test@example.org", *arguments]
        return subprocess.run(command, cwd=self.root, capture_output=True, text=True, check=True).stdout.strip()

    def experiment(self, member: Member, name: str = "") -> str:
        """Commit the member's parameters as DVC does, off the branch; with a name, as an experiment."""
        from dvc.utils.hydra import apply_overrides

        params = self.root / "params.yaml"
        before = params.read_text("utf-8")
        apply_overrides(params, list(member.settings))
        revision = self.git("stash", "create")
        params.write_text(before, "utf-8")
        if name:
            baseline = self.git("rev-parse", "HEAD")
            self.git("update-ref", f"refs/exps/{baseline[:2]}/{baseline[2:]}/{name}", revision)
        return revision

    def states(self, *tasks: Task) -> list[tuple[str, str]]:
        """Names and states of the grid's members."""
        plan = make_plan(make_members(self.root, GRID), Experiments(self.root), {task.name: task for task in tasks})
        return [(each.name, each.state) for each in plan]


@pytest.fixture(params=[".", "projects/one"])
def repository(request: pytest.FixtureRequest, tmp_path: Path) -> Repository:
    """A clean working copy on its first commit: a repository, or a folder of one, as after `dvc init --subdir`."""
    root = tmp_path / request.param
    for name in ("dvc.yaml", "params.yaml", "versions.toml"):
        root.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(ROOT / name, root / name)
    for name in (
        "src/seqlab/seq2seq/model/a.py",
        "src/seqlab/core/atomic.py",
        "pipeline/train.py",
        "data/own/README.md",
        "notes.md",
    ):
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("x = 1\n", "utf-8")
    subprocess.run(["git", "init", "--quiet"], cwd=tmp_path, check=True)
    made = Repository(root)
    made.git("add", "--all")
    made.git("commit", "--quiet", "--message=Start")
    return made


def test_nothing_is_there(repository: Repository) -> None:
    assert repository.states() == [("s1", "new"), ("s2", "new")]


def test_a_finished_experiment_is_done(repository: Repository) -> None:
    one, _ = make_members(repository.root, GRID)
    repository.experiment(one, "s1")
    assert repository.states() == [("s1", "done"), ("s2", "new")]


def test_an_edit_of_code_makes_another_recipe_and_one_of_notes_does_not(repository: Repository) -> None:
    one, _ = make_members(repository.root, GRID)
    repository.experiment(one, "s1")
    (repository.root / "notes.md").write_text("more\n", "utf-8")
    (repository.root / "data/own/README.md").write_text("more\n", "utf-8")
    assert repository.states()[0] == ("s1", "done")
    (repository.root / "src/seqlab/seq2seq/model/a.py").write_text("x = 2\n", "utf-8")
    assert repository.states()[0] == ("s1-2", "new")
    repository.experiment(one, "s1-2")
    assert repository.states()[0] == ("s1-2", "done")
    (repository.root / "src/seqlab/seq2seq/model/a.py").write_text("x = 1\n", "utf-8")
    assert repository.states()[0] == ("s1", "done")


def test_own_text_counts_where_it_is_the_corpus(repository: Repository) -> None:
    grid = ["corpus.name=files", "corpus.files.train=[README.md]", "seed=1"]
    (member,) = make_members(repository.root, grid)
    revision = repository.experiment(member)
    assert Experiments(repository.root).params(revision) == member.params
    (repository.root / "data/own/README.md").write_text("more\n", "utf-8")
    assert Experiments(repository.root).params(revision) is None


def test_checkpoints_count_where_they_are_named(repository: Repository) -> None:
    """A folder that git has, and one of which it has what DVC says."""
    for name in ("whole/model.safetensors", "pointed.dvc", "other.dvc"):
        path = repository.root / "models/origins" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("1\n", "utf-8")
    repository.git("add", "--all")
    repository.git("commit", "--quiet", "--message=Checkpoints")
    (member,) = make_members(repository.root, ["train.start_from=whole", "evaluate.ensemble_with=pointed", "seed=1"])
    revision = repository.experiment(member)
    for name, found in (("other.dvc", member.params), ("pointed.dvc", None), ("whole/model.safetensors", None)):
        path = repository.root / "models/origins" / name
        path.write_text("2\n", "utf-8")
        assert Experiments(repository.root).params(revision) == found
        path.write_text("1\n", "utf-8")


def test_an_experiment_of_any_name_will_do(repository: Repository) -> None:
    one, two = make_members(repository.root, GRID)
    repository.experiment(one, "mine")
    assert repository.states() == [("mine", "done"), ("s2", "new")]
    repository.experiment(two, "s1")
    assert repository.states() == [("mine", "done"), ("s1", "done")]
    repository.experiment(one, "a")
    assert repository.states()[0] == ("a", "done")


def test_a_name_taken_by_other_parameters_is_numbered(repository: Repository) -> None:
    repository.experiment(make_members(repository.root, ["seed=3"])[0], "s1")
    assert repository.states() == [("s1-2", "new"), ("s2", "new")]


def test_a_commit_that_is_gone(repository: Repository) -> None:
    assert Experiments(repository.root).params("0" * 40) is None


@pytest.mark.parametrize(
    ("left", "state"), [("running", "running"), ("queued", "queued"), ("failed", "failed"), ("done", "new")]
)
def test_what_an_earlier_sweep_left_in_the_queue(repository: Repository, left: State, state: str) -> None:
    one, _ = make_members(repository.root, GRID)
    revision = repository.experiment(one)
    assert repository.states(Task("s1", left, revision))[0] == ("s1", state)


def test_a_task_of_another_recipe_keeps_its_name(repository: Repository) -> None:
    _, two = make_members(repository.root, GRID)
    assert repository.states(Task("s1", "queued", repository.experiment(two)))[0] == ("s1-2", "new")


def test_experiments_of_another_commit_do_not_count(repository: Repository) -> None:
    one, _ = make_members(repository.root, GRID)
    repository.experiment(one, "s1")
    repository.git("commit", "--quiet", "--allow-empty", "--message=Next")
    assert repository.states()[0] == ("s1", "new")


def test_untracked_files_are_named(repository: Repository) -> None:
    (repository.root / "src/new.py").write_text("", "utf-8")
    (repository.root / "data/own/mine.tsv").write_text("", "utf-8")
    (repository.root / "elsewhere.txt").write_text("", "utf-8")
    assert sorted(Experiments(repository.root).untracked()) == ["data/own/mine.tsv", "src/new.py"]


def test_outside_git(tmp_path: Path) -> None:
    with pytest.raises(SeqlabError, match="no git repository"):
        Experiments(tmp_path)


def test_another_commit_meanwhile_is_said(repository: Repository) -> None:
    experiments = Experiments(repository.root)
    experiments.check_baseline()
    before = experiments.baseline
    repository.git("commit", "--quiet", "--allow-empty", "--message=Meanwhile")
    with pytest.raises(SeqlabError, match=f"another commit was checked out meanwhile than {before[:7]}"):
        experiments.check_baseline()


def test_members_are_found_where_somebody_committed_meanwhile(
    repository: Repository, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As whoever writes a README while a sweep runs for hours."""
    members = make_members(repository.root, ["seed=1,2"])
    tagged: dict[str, str] = {}

    class Committing:
        def run(self, plan: Sequence[Planned]) -> Result:
            for each in plan:
                repository.experiment(each.member, each.name)
            repository.git("commit", "--quiet", "--allow-empty", "--message=Meanwhile")
            return Result(done=[each.name for each in plan])

    monkeypatch.setattr(execution, "check_identity", lambda _: None)
    monkeypatch.setattr(execution, "experiment_fingerprint", lambda _, revision: revision)
    monkeypatch.setattr(execution, "note_sweep", lambda *_: None)
    monkeypatch.setattr(execution, "find_home", lambda _: None)
    monkeypatch.setattr(execution, "sync", lambda _: "MLflow")
    monkeypatch.setattr(execution, "tag_runs", lambda _root, _name, found: tagged.update(found))
    plan = make_plan(members, Experiments(repository.root), {})
    execution.run_plan(repository.root, Committing(), plan, name="grid", dry_run=False, say=lambda _: None)  # type: ignore[arg-type]
    assert list(tagged) == ["s1", "s2"]
