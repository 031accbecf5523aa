"""The revision to compare with: its files, wherever git or DVC keep them."""

import re
from dataclasses import dataclass
from pathlib import Path

from seqlab.core.errors import SeqlabError
from seqlab.system.git import file_at, find_commit, is_commit


@dataclass(frozen=True)
class Revision:
    """A commit of the repository around `root`."""

    root: Path
    commit: str

    def git_file(self, path: str) -> str | None:
        """A file as it is in this commit; None if it has none."""
        content = file_at(self.root, self.commit, path)
        return None if content is None else content.decode("utf-8", "replace")


def find_revision(root: Path, name: str) -> Revision | None:
    """The commit that git knows by `name`; None if it knows none, as of a branch's first commit or a shallow clone."""
    commit = find_commit(root, name)
    return Revision(root, commit) if commit else None


def find_base(root: Path, name: str) -> Revision | None:
    """The commit to compare with; None if git knows what `name` means and has no such commit.

    That is the parent of a first commit, and a whole id: GitHub names the commit before a push so, all zeros before a
    branch's first, and one that is gone after a forced push.

    Raises:
        SeqlabError: git knows no such name.
    """
    found = find_revision(root, name)
    is_known = found or is_commit(name) or (_stem(name) != name and find_revision(root, _stem(name)))
    if not is_known:
        raise SeqlabError(
            f"git knows no revision {name} here; `git branch --all` and `git tag` list names, `git fetch` brings others"
        )
    return found


def _stem(name: str) -> str:
    """A revision without the steps back from it: HEAD of HEAD^1."""
    return re.split(r"[~^]", name, maxsplit=1)[0]
