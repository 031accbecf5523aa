"""Whose code a run was made with: that of this repository is run unasked, any other is named, and agreed to first."""

from pathlib import Path

from seqlab.core.errors import SeqlabError
from seqlab.results.paths import PARAMS
from seqlab.system.git import is_in_branch, tree_at
from seqlab.system.terminal import one_line
from seqlab.tracking.fingerprint.leftovers import is_leftover
from seqlab.tracking.journal.source import SOURCES, read_source, source_archive

# Values alone, which a schema checks before a stage reads them: a run with other ones is no other code.
VALUES = PARAMS
# Whoever is asked should see what would run: names that say nothing, sorted first, would hide one that does.
MOST_NAMED, LONGEST_NAME = 40, 120
TEXT = (".txt", ".md", ".rst", ".json", ".toml", ".csv", ".html")


def doubt(root: Path, name: str, commit: str | None, archive: bytes) -> str:
    """Why the code of run `name` is not that of the repository in working copy `root`, in words; "" if it is.

    It is, if every file in the run's archive is as in the run's own commit, which a branch here has, and none of that
    commit's is missing; or if the archive holds what stands in the working copy now.

    Raises:
        SeqlabError: the archive is damaged.
    """
    source = _code(read_source(archive))
    here = _code(read_source(source_archive(root)))
    if source == here:
        return ""
    committed = _committed(root, commit)
    other = here if committed is None else committed
    differing = sorted(path for path in {*source, *other} if source.get(path) != other.get(path))
    if not differing:
        return ""
    known = "this working copy, and no branch here has it" if committed is None else f"commit {commit}"
    return one_line(
        f"run {name} was not made with code of this repository: {_listed(differing)} "
        f"{'differs' if len(differing) == 1 else 'differ'} from {known}. Made anew, that code runs as you, and may "
        "read and write what you may."
    )


def _committed(root: Path, commit: str | None) -> dict[str, bytes] | None:
    """The code in a commit; None where no branch has it: git knows what was merely fetched, too."""
    if commit is None or not is_in_branch(root, commit):
        return None
    try:
        return _code(tree_at(root, commit, *SOURCES))
    except SeqlabError:
        # A clone without all objects.
        return None


def _code(files: dict[str, bytes]) -> dict[str, bytes]:
    return {path: content for path, content in files.items() if path != VALUES and not is_leftover(path)}


def _listed(paths: list[str]) -> str:
    """The files in words, what may run before text, and of each a part that tells which it is."""
    rest = len(paths) - MOST_NAMED
    named = sorted(paths, key=lambda path: (path.lower().endswith(TEXT), path))[:MOST_NAMED]
    shown = [path if len(path) <= LONGEST_NAME else f"{path[:LONGEST_NAME]}…" for path in named]
    return ", ".join([*shown, *([f"{rest} more"] if rest > 0 else [])])
