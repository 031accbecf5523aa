"""Earlier versions of the project's files: from the source archives that executions kept, and from git."""

import hashlib
from collections.abc import Iterator
from pathlib import Path

from seqlab.core.errors import SeqlabError
from seqlab.system.git import commits_that_touched, tree_at
from seqlab.tracking.fingerprint.content import files_below, folder_digest
from seqlab.tracking.fingerprint.leftovers import is_leftover
from seqlab.tracking.home import Home
from seqlab.tracking.journal.execution import journal_files
from seqlab.tracking.journal.journal import read_journal
from seqlab.tracking.journal.source import SOURCE, read_source
from seqlab.tracking.objects import Objects

# Path, relative to the project → content.
Tree = dict[str, bytes]

# The version that ran last is rarely further back.
NEWEST = 100


class EarlierFiles:
    """Earlier versions of the files of the working copy at `home`."""

    def __init__(self, home: Home) -> None:
        self._home = home
        self._archives: list[Tree] | None = None

    def find(self, path: str, digest: str) -> Tree | None:
        """The files at and below `path` when DVC gave it the MD5 `digest`; None if no copy of them was kept."""
        for tree in self._trees(path):
            below = files_at(tree, path)
            if below and dvc_digest_of(below, path) == digest:
                return below
        return None

    def _trees(self, path: str) -> Iterator[Tree]:
        yield from self._kept()
        for commit in commits_that_touched(self._home.root, path, NEWEST):
            yield committed(self._home.root, commit, path)

    def _kept(self) -> list[Tree]:
        if self._archives is None:
            found = (archived(Objects(self._home.objects), name) for name in _archive_names(self._home))
            self._archives = [tree for tree in found if tree]
        return self._archives


def present(root: Path, path: str) -> Tree:
    """The files at and below `path` as they are now, but for those that DVC ignores; {} if there are none."""
    files = {file.relative_to(root).as_posix(): file for file in files_below(root / path)}
    return {name: file.read_bytes() for name, file in files.items() if not is_leftover(name)}


def files_at(tree: Tree, path: str) -> Tree:
    """The files of `tree` at and below `path`, but for those that DVC ignores."""
    below = (name for name in tree if name == path or name.startswith(f"{path}/"))
    return {name: tree[name] for name in below if not is_leftover(name)}


def dvc_digest_of(files: Tree, path: str) -> str:
    """The MD5 that DVC gives the file or folder `path`, whose files `files` are."""
    md5s = {name: hashlib.md5(content, usedforsecurity=False).hexdigest() for name, content in files.items()}
    return md5s.get(path) or folder_digest({name.removeprefix(f"{path}/"): md5 for name, md5 in md5s.items()})


def archived(objects: Objects, name: str | None) -> Tree:
    """The files of the source archive with SHA-256 `name`; {} if it is not here."""
    place = objects.get(name) if name else None
    return read_source(place.read_bytes()) if place else {}


def committed(root: Path, commit: str, *paths: str) -> Tree:
    """The files at and below `paths`, or all, in a commit; {} if they are not there."""
    try:
        return tree_at(root, commit, *paths)
    except SeqlabError:
        return {}


def _archive_names(home: Home) -> list[str]:
    """SHA-256 of the source archives of the newest executions, newest first, each once."""
    names = []
    for path in reversed(journal_files(home)[-NEWEST:]):
        first = next(read_journal(path), {})
        # Of other entries nobody has checked what `inputs` is.
        names.append(first["inputs"].get(SOURCE) if first.get("event") == "started" else None)
    return list(dict.fromkeys(filter(None, names)))
