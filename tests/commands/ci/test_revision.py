from pathlib import Path

import pytest

from seqlab.commands.ci.revision import find_base
from seqlab.core.errors import SeqlabError
from tests.tracking.conftest import git


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    git(tmp_path, "init", "--quiet")
    git(tmp_path, "commit", "--quiet", "--allow-empty", "--message=One")
    return tmp_path


def test_a_name_that_git_knows(repository: Path) -> None:
    found = find_base(repository, "main")
    assert found is not None
    assert found.commit == git(repository, "rev-parse", "HEAD").strip()


@pytest.mark.parametrize("name", ["nosuch", "origin/main", "nosuch^1", "--all", "", "abc123"])
def test_a_name_that_git_does_not_know_is_an_error(repository: Path, name: str) -> None:
    with pytest.raises(SeqlabError, match=f"git knows no revision {name.replace('^', '.')} here"):
        find_base(repository, name)


@pytest.mark.parametrize("name", ["HEAD^1", "HEAD~3", "main^", "0" * 40, "deadbeef" * 5])
def test_where_there_is_nothing_to_compare_with_there_is_no_base(repository: Path, name: str) -> None:
    """The parent of a first commit; the commit before a push, as GitHub calls it where there is none any more."""
    assert find_base(repository, name) is None
