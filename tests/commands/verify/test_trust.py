import shutil
import zipfile
from pathlib import Path

import pytest

from seqlab.commands.verify import verify as verify_module
from seqlab.commands.verify.trust import doubt
from seqlab.commands.verify.verify import verify
from seqlab.core.atomic import write_text
from seqlab.core.errors import SeqlabError
from seqlab.tracking.journal.source import read_source, source_archive
from tests.tracking.conftest import Project, git, make_project


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Project:
    """A project in which everything is committed."""
    monkeypatch.delenv("DVC_ROOT", raising=False)
    monkeypatch.setenv("SEQLAB_PUBLISHER", "off")
    made = make_project(tmp_path / "project")
    git(made.root, "init", "--quiet")
    git(made.root, "add", "--all")
    git(made.root, "commit", "--quiet", "--message=Start")
    return made


@pytest.fixture
def commit(project: Project) -> str:
    return git(project.root, "rev-parse", "HEAD").strip()


def archive(project: Project, **contents: str | None) -> bytes:
    """What a stranger made of the project's source, by file name; None deletes it."""
    copy = project.root.parent / "stranger"
    shutil.rmtree(copy, ignore_errors=True)
    shutil.copytree(project.root, copy)
    for name, content in contents.items():
        path = copy / f"pipeline/{name}.py"
        path.unlink() if content is None else path.write_text(content)
    git(copy, "add", "--all")
    return source_archive(copy)


@pytest.mark.parametrize("name", ["src/seqlab/__pycache__/errors.cpython-311.pyc", "src/json.pyc", "pipeline/.x.swp"])
def test_what_no_comparison_sees_is_not_unpacked(project: Project, commit: str, name: str, tmp_path: Path) -> None:
    """A compiled module beside the sources would be run in place of them."""
    path = tmp_path / "source.zip"
    path.write_bytes(source_archive(project.root))
    with zipfile.ZipFile(path, "a") as opened:
        opened.writestr(name, b"\0")
    assert doubt(project.root, "theirs", commit, path.read_bytes()) == ""
    assert name not in read_source(path.read_bytes())


def test_code_of_a_commit_is_no_stranger_s(project: Project, commit: str) -> None:
    committed = archive(project)
    # Neither later edits here nor other values of parameters make it one.
    (project.root / "pipeline/train.py").write_text("edited")
    assert doubt(project.root, "theirs", commit, committed) == ""
    git(project.root, "commit", "--quiet", "--all", "--message=Edit")
    assert doubt(project.root, "theirs", commit, committed) == ""
    text = (project.root / "params.yaml").read_text()
    (project.root / "params.yaml").write_text(text.replace("seed: 1", "seed: 2"))
    assert doubt(project.root, "theirs", None, source_archive(project.root)) == ""
    git(project.root, "restore", "--source", commit, ".")
    assert doubt(project.root, "theirs", None, committed) == ""


@pytest.mark.parametrize(
    ("change", "named"),
    [
        ({"train": "import os"}, "pipeline/train.py differs"),
        ({"sitecustomize": "import os"}, "pipeline/sitecustomize.py differs"),
        ({"report": None}, "pipeline/report.py differs"),
        ({f"a{number:02}": "1" for number in range(42)}, "pipeline/a39.py, 2 more differ"),
    ],
)
def test_any_other_is_named(project: Project, commit: str, change: dict[str, str | None], named: str) -> None:
    strange = archive(project, **change)
    assert f"{named} from commit {commit}. " in doubt(project.root, "theirs", commit, strange)
    # Its own commit is of another repository, or it names none, or an option of git.
    for unknown in (40 * "0", None, "--output=stolen", "HEAD"):
        assert f"{named} from this working copy, and no branch" in doubt(project.root, "theirs", unknown, strange)
    assert not (project.root / "stolen").exists()


def test_what_may_run_is_named_before_text_and_in_one_line(project: Project, commit: str) -> None:
    files = {f"pipeline/a{number}.txt": "1" for number in range(100)}
    files |= {"src/seqlab/evil.py": "1", f"pipeline/{'x' * 200}.txt": "1"}
    copy = project.root.parent / "stranger"
    shutil.copytree(project.root, copy)
    for path, content in files.items():
        write_text(copy / path, content)
    git(copy, "add", "--all")
    said = doubt(project.root, "theirs\nreproduced: theirs", commit, source_archive(copy))
    first = r"run theirs\nreproduced: theirs was not made with code of this repository: "
    assert said.startswith(f"{first}src/seqlab/evil.py, ")
    assert f"{'x' * 150}" not in said


def test_a_commit_that_was_merely_fetched_is_a_stranger_s(project: Project, commit: str) -> None:
    """Git has it, as it has pull requests that people look at, and experiments of a team: nobody took it over."""
    strange = archive(project, train="import os")
    stranger = project.root.parent / "stranger"
    git(stranger, "commit", "--quiet", "--all", "--message=Theirs")
    theirs = git(stranger, "rev-parse", "HEAD").strip()
    git(project.root, "fetch", "--quiet", str(stranger), f"HEAD:refs/exps/{commit[:2]}/{commit[2:]}/tf0.50")
    assert "pipeline/train.py differs from this working copy" in doubt(project.root, "theirs", theirs, strange)
    git(project.root, "branch", "reviewed", theirs)
    assert doubt(project.root, "theirs", theirs, strange) == ""
    # A detached HEAD is in no branch, and the working copy is at it.
    git(project.root, "checkout", "--quiet", "--detach", theirs)
    git(project.root, "branch", "--quiet", "--delete", "--force", "reviewed")
    assert doubt(project.root, "theirs", theirs, strange) == ""


@pytest.mark.parametrize("agreed", [True, False])
def test_nothing_of_a_stranger_s_is_run_unless_somebody_agrees(
    project: Project, monkeypatch: pytest.MonkeyPatch, agreed: bool
) -> None:
    (project.root / "pipeline/train.py").write_text("x = 1  # somebody else's")
    project.train()
    project.evaluate()
    git(project.root, "restore", "pipeline/train.py")
    executed: list[Path] = []
    asked: list[str] = []
    monkeypatch.setattr(verify_module, "execute", executed.append)
    monkeypatch.setattr(verify_module, "compare", lambda recorded, _: recorded.name)

    def agree(question: str) -> bool:
        assert executed == []
        asked.append(question)
        return agreed

    run = project.executions()[0].run_fingerprint
    if agreed:
        assert str(verify(project.root, run, agree)).startswith("tf0.50-")
    else:
        with pytest.raises(SeqlabError, match="Nothing was run; `--trust` runs it all the same"):
            verify(project.root, run, agree)
    assert len(executed) == agreed
    assert "pipeline/train.py differs from commit" in asked[0]
