"""The revision to compare with: its files, wherever git or DVC keep them."""

from dataclasses import dataclass
from pathlib import Path

from seqlab.errors import SeqlabError
from seqlab.git import file_at, find_commit


@dataclass(frozen=True)
class Revision:
    """A commit of the repository around `root`."""

    root: Path
    commit: str

    def git_file(self, path: str) -> str | None:
        """A file as it is in this commit; None if it has none."""
        content = file_at(self.root, self.commit, path)
        return None if content is None else content.decode("utf-8", "replace")

    def output(self, path: str) -> str:
        """A pipeline's output as dvc.lock of this commit names it, from DVC's cache or its remote.

        Raises:
            SeqlabError: there is none, or it is in neither.
        """
        import dvc.api

        try:
            return str(dvc.api.read(path, repo=str(self.root), rev=self.commit, encoding="utf-8"))
        except Exception:  # of a dozen kinds: DVC hands on what its remotes raise, which may name their address
            raise SeqlabError(
                f"{path} of {self.commit[:10]} is neither in DVC's cache nor in its remote, or was no output then"
            ) from None


def find_revision(root: Path, name: str) -> Revision | None:
    """The commit that git knows by `name`; None if it knows none, as of a branch's first commit or a shallow clone."""
    commit = find_commit(root, name)
    return Revision(root, commit) if commit else None
