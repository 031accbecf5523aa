"""What git knows of the remote called origin, and what it is asked there; see `seqlab.system.git`."""

import re
from collections.abc import Sequence
from pathlib import Path

from seqlab.core.errors import SeqlabError
from seqlab.system.git import REFERENCES, ask_git, checked, find_commit, place_of

REMOTE = "origin"
# A large repository over a slow line.
CLONE_SECONDS = 3600
# Of a reference, in its folder.
NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,127}")
# A command line has room for thousands, and somebody may have pushed more.
AT_ONCE = 500


def remote_address(root: Path) -> str:
    """The address of the remote; "" if there is none."""
    try:
        return ask_git(root, "remote", "get-url", "--", REMOTE).decode("utf-8", "replace").strip()
    except SeqlabError:
        return ""


def remote_references(root: Path, folder: str) -> dict[str, str]:
    """The references in `folder` that the remote has: name without the folder → commit.

    Raises:
        SeqlabError: the remote does not answer, or refuses.
    """
    if not REFERENCES.fullmatch(folder):
        raise SeqlabError(f"{folder} at {REMOTE} is no folder of references")
    listing = ask_git(root, "ls-remote", "--refs", "--quiet", "--", REMOTE, f"{folder}*").decode("utf-8", "replace")
    pairs = (line.split("\t", 1) for line in listing.split("\n") if line)
    return {name.removeprefix(folder): commit for commit, name in pairs}


def is_pushed(root: Path, commit: str) -> bool:
    """Whether a branch of the remote, as it was when last asked, has the commit."""
    listing = ask_git(root, "for-each-ref", "--contains", checked(commit), "--", f"refs/remotes/{REMOTE}/")
    return bool(listing.strip())


def clone(root: Path, commit: str, folder: Path) -> None:
    """Clone the whole repository from the remote of `root` into the empty folder, and check the commit out there.

    Raises:
        SeqlabError: the remote does not answer, or refuses, or has no such commit.
    """
    address = remote_address(root)
    # At the top, since a path counts from there.
    top = root.joinpath(*[".."] * place_of(root).count("/"))
    # People's own templates have hooks in them, and may have no folder `info`.
    options = ("--quiet", "--no-checkout", f"--origin={REMOTE}", "--template=")
    ask_git(top, "clone", *options, "--", address, str(folder), longer=CLONE_SECONDS)
    ask_git(folder, "checkout", "--quiet", "--detach", checked(commit))


def fetch(root: Path, reference: str) -> str:
    """Fetch a reference of the remote, under no name here; its commit.

    Raises:
        SeqlabError: the remote does not answer, or has no such reference.
    """
    ask_git(root, "fetch", "--quiet", "--no-tags", "--", REMOTE, reference, longer=CLONE_SECONDS)
    found = find_commit(root, "FETCH_HEAD")
    if found is None:
        raise SeqlabError(f"git fetch: {reference} at {REMOTE} is no commit")
    return found


def fetch_references(root: Path, folder: str, names: Sequence[str]) -> None:
    """Fetch references in `folder` of the remote, under the same names; one that is here otherwise is refused.

    Raises:
        SeqlabError: the remote does not answer, or has not all of them, or a name is none of a reference.
    """
    if not REFERENCES.fullmatch(folder) or not all(map(NAME.fullmatch, names)):
        raise SeqlabError(f"{folder} at {REMOTE}: not all of these are names of references")
    for start in range(0, len(names), AT_ONCE):
        pairs = [f"{folder}{name}:{folder}{name}" for name in names[start : start + AT_ONCE]]
        ask_git(root, "fetch", "--quiet", "--no-tags", "--", REMOTE, *pairs, longer=CLONE_SECONDS)
