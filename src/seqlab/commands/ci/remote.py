"""DVC's remote: where one runner leaves results, and the next finds them."""

import re
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urlparse

from seqlab.core.errors import SeqlabError
from seqlab.results.paths import LOCK
from seqlab.system.dvc import run_dvc
from seqlab.system.dvc_library import default_remote

NAME = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]*")


@dataclass
class Remote:
    """The default remote of working copy `root`; `notes` say in which respects it was of no use.

    No note has the remote's address or DVC's words in it: notes are published, and an address may hold a password.
    """

    root: Path
    name: str
    over_http: bool
    notes: list[str] = field(default_factory=list)

    def pull(self) -> bool:
        """Fetch what the remote has of dvc.lock and of earlier runs; whether it could be asked at all."""
        if self.over_http:
            self.notes.append(
                "the remote is an HTTP server, over which DVC shares the results of dvc.lock alone, not earlier ones"
            )
        if not (self.root / LOCK).is_file():
            return True
        if run_dvc(self.root, "pull", "--run-cache", "--allow-missing") == 0:
            return True
        self.notes.append(f"nothing was taken from the remote {self.name}: `dvc pull` failed, see the log")
        return False

    def push(self) -> None:
        """Leave the results there, and how they were made."""
        if run_dvc(self.root, "push", "--run-cache") != 0:
            self.notes.append(f"the results are not in the remote {self.name}: `dvc push` failed, see the log")


def find_remote(root: Path, name: str | None = None) -> Remote | None:
    """The remote that DVC takes for the working copy `root`; None if it has none.

    Args:
        root: The working copy.
        name: A remote to make the working copy's default (in .dvc/config.local), as `dvc repro` knows no other.

    Raises:
        SeqlabError: there is no remote `name`, or the configuration is damaged.
    """
    if name is not None and not (NAME.fullmatch(name) and _make_default(root, name)):
        raise SeqlabError(f"DVC has no remote {name or repr(name)}; `dvc remote list` shows those it has")
    found = default_remote(root)
    return Remote(root, found.name, urlparse(found.address).scheme in ("http", "https")) if found else None


def _make_default(root: Path, name: str) -> bool:
    return run_dvc(root, "remote", "default", "--local", operands=[name]) == 0
