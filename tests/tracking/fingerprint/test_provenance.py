import platform
from pathlib import Path

import pytest

from seqlab.core.atomic import write_text
from seqlab.tracking.fingerprint.provenance import commit_time, provenance
from seqlab.tracking.publishing.tags import fact_tags
from tests.tracking.conftest import Project, git


@pytest.fixture
def repository(project: Project) -> Project:
    git(project.root, "init", "--quiet")
    git(project.root, "add", "--all")
    git(project.root, "commit", "--quiet", "--message=One", "--date=2020-01-01T00:00:00Z")
    return project


def test_a_clean_commit(repository: Project) -> None:
    found = provenance(repository.root, ["numpy", "no-such-package"])
    assert found["commit"] == git(repository.root, "rev-parse", "HEAD").strip()
    assert (found["dirty"], found["params_diff"]) == ([], {})
    assert list(found["versions"]) == ["numpy"]
    assert found["python"] == platform.python_version()


def test_edits_since_the_commit(repository: Project) -> None:
    path = repository.root / "params.yaml"
    write_text(path, path.read_text("utf-8").replace("hidden_size: 128", "hidden_size: 64  # smaller"))
    write_text(repository.root / "src/new é.py", "")
    write_text(repository.root / "dvc.lock", "{}")
    write_text(repository.root / "notes.txt", "")
    found = provenance(repository.root, [])
    assert found["dirty"] == ["params.yaml", "src/new é.py"]
    assert found["params_diff"] == {"model.hidden_size": [128, 64]}


@pytest.mark.parametrize(
    ("edited", "dirty", "files"),
    [
        (["params.yaml"], "no", ""),
        (["params.yaml", "pipeline/train.py", "dvc.yaml"], "yes", "dvc.yaml pipeline/train.py"),
    ],
)
def test_other_parameters_than_the_commits_are_no_edited_code(
    repository: Project, edited: list[str], dirty: str, files: str
) -> None:
    """As of every run of `dvc exp run -S`."""
    for name in edited:
        path = repository.root / name
        write_text(path, path.read_text("utf-8").replace("hidden_size: 128", "hidden_size: 64") + "# more\n")
    repository.run()
    first = repository.executions()[0]
    tags = fact_tags(first, {}, {})
    assert (tags["dirty"], tags.get("dirty_files", "")) == (dirty, files)
    assert tags["params_diff"] == "model.hidden_size: 128 → 64"


def test_the_experiment_is_dvcs(repository: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DVC_EXP_NAME", "silly-name")
    assert provenance(repository.root, [])["experiment"] == "silly-name"


def test_without_git_there_is_no_commit(tmp_path: Path) -> None:
    assert "commit" not in provenance(tmp_path, [])
    assert commit_time(tmp_path) == 0


def test_the_time_of_the_commit(repository: Project) -> None:
    assert commit_time(repository.root) == float(git(repository.root, "log", "-1", "--format=%ct"))
