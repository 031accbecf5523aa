"""The one way to call git: no setting changes the answer, and nothing foreign stands where git looks for options.

Plumbing commands where there are some, since settings such as log.showSignature are made for the others; NUL between
names; a commit is matched against its form, everything else stands behind `--` or `--end-of-options`.
"""

import os
import re
import subprocess
from collections.abc import Iterable, Iterator
from pathlib import Path

from seqlab.core.errors import SeqlabError

# Even a large repository on a slow disk answers in seconds.
SECONDS = 120
COMMIT = re.compile(r"[0-9a-f]{40}|[0-9a-f]{64}")
REFERENCES = re.compile(r"refs/[A-Za-z0-9._/-]+/")
# What the options of the commands below leave to the settings of a user or a repository: fsmonitor may name a program.
SETTINGS = {
    "color.ui": "false",
    "core.fsmonitor": "false",
    "diff.autoRefreshIndex": "true",
    "diff.orderFile": os.devnull,
    # Such an address is a program.
    "protocol.ext.allow": "never",
    # No name and address made of those of the machine.
    "user.useConfigOnly": "true",
}
# Of git's variables: where its configuration is (a container may name its safe folders there), how far up it looks, who
# commits (DVC does, for an experiment), and how it connects.
PASSED_ON = re.compile(
    "GIT_(CONFIG(_.+)?|EXEC_PATH|CEILING_DIRECTORIES|DISCOVERY_ACROSS_FILESYSTEM|(AUTHOR|COMMITTER)_.+|ASKPASS"
    "|TERMINAL_PROMPT|(SSH|HTTP|SSL|PROXY|PYTHON)(_.+)?)"
)
# We only read: we take no lock that somebody's commit would meet, and a path is a path, not a pattern.
OWN = {
    "GIT_LITERAL_PATHSPECS": "1",
    "GIT_NO_REPLACE_OBJECTS": "1",
    "GIT_OPTIONAL_LOCKS": "0",
    "GIT_TERMINAL_PROMPT": "0",
}
FILE = "blob"
LINK = "120000"
# Git never commits them; a tree that somebody made by hand may hold them.
FORBIDDEN = {"..", ".", "", ".git"}


def clean_environment() -> dict[str, str]:
    """This process's environment without what a hook or a shell says of another repository, index or pager."""
    return {
        name: value for name, value in os.environ.items() if not name.startswith("GIT_") or PASSED_ON.fullmatch(name)
    }


def is_commit(name: str) -> bool:
    """Whether `name` is a whole commit name, 40 or 64 hexadecimal digits."""
    return COMMIT.fullmatch(name) is not None


def find_commit(root: Path, revision: str) -> str | None:
    """The commit that git in folder `root` knows by `revision`, such as HEAD or origin/main; None if it knows none."""
    if not revision.isprintable():
        return None
    try:
        found = ask_git(root, "rev-parse", "--verify", "--quiet", "--end-of-options", f"{revision}^{{commit}}")
    except SeqlabError:
        return None
    name = found.decode("ascii", "replace").strip()
    return name if is_commit(name) else None


def check_identity(root: Path) -> None:
    """Check that git in folder `root` knows whose commits are made: DVC keeps an experiment as a commit.

    Raises:
        SeqlabError: it was not told, by its configuration or by variables.
    """
    try:
        identity(root)
    except SeqlabError:
        raise SeqlabError(
            "experiments are commits, and git does not know whose: `git config --global user.name NAME`, and "
            "`git config --global user.email ADDRESS`"
        ) from None


def identity(root: Path) -> dict[str, str]:
    """Whose commits git makes in folder `root`, as the variables that say so to git anywhere else.

    Raises:
        SeqlabError: git was not told.
    """
    said: dict[str, str] = {}
    for kind in ("AUTHOR", "COMMITTER"):
        name, _, address = ask_git(root, "var", f"GIT_{kind}_IDENT").decode("utf-8", "replace").partition(" <")
        said |= {f"GIT_{kind}_NAME": name, f"GIT_{kind}_EMAIL": address.partition(">")[0]}
    return said


def commit_time(root: Path, commit: str) -> float:
    """The time of a commit, in seconds since the epoch.

    Raises:
        SeqlabError: git has no such commit.
    """
    return float(ask_git(root, "rev-list", "--max-count=1", "--timestamp", checked(commit), "--").split()[0])


def commits_that_touched(root: Path, path: str, most: int) -> list[str]:
    """The newest commits that touched `path` (relative to `root`), at most so many, newest first; [] without git."""
    if find_commit(root, "HEAD") is None:
        return []
    return ask_git(root, "rev-list", f"--max-count={most}", "HEAD", "--", path).decode("ascii").split()


def file_at(root: Path, commit: str, path: str) -> bytes | None:
    """The file `path` (relative to `root`) as it is in a commit; None if it is not there, or the commit is not."""
    try:
        return ask_git(root, "cat-file", FILE, f"{checked(commit)}:./{path}")
    except SeqlabError:
        return None


def tree_at(root: Path, commit: str, *paths: str) -> dict[str, bytes]:
    """The files at and below `paths` (or all below `root`) in a commit: path relative to `root` → content.

    Byte for byte as they are committed: no filter, no conversion of line ends, no attribute such as export-subst.
    Symbolic links are left out.

    Raises:
        SeqlabError: git has no such commit, or not all of it, or it has a name that leads out of its folder.
    """
    listing = ask_git(root, "ls-tree", "-r", "-z", checked(commit), "--", *paths)
    entries = [entry.partition("\t") for entry in _names(listing, "surrogateescape")]
    objects = {path: about.split()[2] for about, _, path in entries if _is_file(*about.split()[:2])}
    if any(FORBIDDEN.intersection(path.lower().split("/")) for path in objects):
        raise SeqlabError(f"commit {commit} has a file whose name leads out of its folder")
    wanted = sorted(set(objects.values()))
    answer = ask_git(root, "cat-file", "--batch", given="".join(f"{name}\n" for name in wanted).encode("ascii"))
    contents = dict(zip(wanted, _contents(answer), strict=True))
    return {path: contents[name] for path, name in objects.items()}


def differing_files(root: Path, commit: str, paths: Iterable[str]) -> list[str]:
    """The tracked files at and below `paths` that the working copy has otherwise than a commit.

    Raises:
        SeqlabError: git has no such commit.
    """
    options = ("--name-only", "-z", "--relative", "--no-color", "--no-ext-diff", "--no-textconv", "--no-renames")
    return _names(ask_git(root, "diff", *options, "--ignore-submodules=none", checked(commit), "--", *paths))


def changed_files(root: Path, paths: Iterable[str]) -> list[str]:
    """The files at and below `paths` that differ from HEAD, or that git does not know: relative to `root`, sorted.

    Raises:
        SeqlabError: outside a repository.
    """
    options = ("--porcelain", "-z", "--untracked-files=all", "--no-renames", "--ignore-submodules=none")
    place = place_of(root)
    listing = ask_git(root, "status", *options, "--", *paths)
    return sorted(entry[3:].removeprefix(place) for entry in _names(listing))


def place_of(root: Path) -> str:
    """Where `root` is in its repository: "" at the top of it, else a path that ends with a slash.

    Raises:
        SeqlabError: outside a repository.
    """
    return ask_git(root, "rev-parse", "--show-prefix").decode("utf-8", "replace").removesuffix("\n")


def tracked_files(root: Path, paths: Iterable[str]) -> list[str]:
    """The files at and below `paths` that git tracks, gone or not: relative to `root`, sorted.

    Raises:
        SeqlabError: outside a repository.
    """
    listing = ask_git(root, "ls-files", "-z", "--cached", "--", *paths)
    return sorted({*_names(listing, "surrogateescape")})


def untracked_files(root: Path, paths: Iterable[str]) -> list[str]:
    """The files at and below `paths` that git neither knows nor ignores: relative to `root`, sorted.

    Raises:
        SeqlabError: outside a repository.
    """
    return sorted(_names(ask_git(root, "ls-files", "-z", "--others", "--exclude-standard", "--", *paths)))


def references(root: Path, folder: str) -> dict[str, str]:
    """The references in `folder`, such as refs/exps/01/23…/: name without the folder → commit.

    Raises:
        SeqlabError: outside a repository.
    """
    if not REFERENCES.fullmatch(folder):
        raise SeqlabError(f"{folder} is no folder of references")
    listing = ask_git(root, "for-each-ref", "--format=%(objectname) %(refname)", "--", folder)
    pairs = (line.split(" ", 1) for line in listing.decode("utf-8", "replace").split("\n") if line)
    return {name.removeprefix(folder): commit for commit, name in pairs}


def is_in_branch(root: Path, commit: str) -> bool:
    """Whether HEAD or a branch has the commit, of here or of a remote as it was when last asked.

    What was merely fetched, such as a pull request or an experiment, is in none.
    """
    try:
        branches = ("--count=1", "--contains", checked(commit), "--", "refs/heads/", "refs/remotes/")
        if ask_git(root, "for-each-ref", *branches).strip():
            return True
        # HEAD may be in no branch. Of the commits that are before this one, HEAD has all.
        return not ask_git(root, "rev-list", "--max-count=1", commit, "^HEAD", "--").strip()
    except SeqlabError:
        return False


def ask_git(root: Path, command: str, *arguments: str, given: bytes = b"", longer: float = 0.0) -> bytes:
    """What a git command prints in `root`, within SECONDS or what is `longer`; for the modules of git here alone.

    Raises:
        SeqlabError: it fails, there is no git, or it does not end in time.
    """
    settings = [part for name, value in SETTINGS.items() for part in ("-c", f"{name}={value}")]
    try:
        done = subprocess.run(
            ["git", "--no-pager", *settings, command, *arguments],
            cwd=root,
            env=clean_environment() | OWN,
            input=given,
            capture_output=True,
            timeout=longer or SECONDS,
            check=True,
        )
    except subprocess.CalledProcessError as error:
        said = error.stderr.decode("utf-8", "replace").strip()
        raise SeqlabError(f"git {command}: {said or f'status {error.returncode}'}") from None
    except subprocess.TimeoutExpired:
        raise SeqlabError(f"git {command} did not end within {longer or SECONDS:g} s in {root}") from None
    except (OSError, ValueError) as error:
        raise SeqlabError(f"git {command}: {error}") from None
    return done.stdout


def checked(commit: str) -> str:
    """The commit's name, which is one.

    Raises:
        SeqlabError: it is none.
    """
    if not is_commit(commit):
        raise SeqlabError(f"{commit[:80]!r} is no commit: 40 or 64 hexadecimal digits")
    return commit


def _is_file(mode: str, kind: str) -> bool:
    return kind == FILE and mode != LINK


def _names(listing: bytes, errors: str = "replace") -> list[str]:
    return [name for name in listing.decode("utf-8", errors).split("\0") if name]


def _contents(answer: bytes) -> Iterator[bytes]:
    """The objects that `git cat-file --batch` printed, each after a line that ends in its size, and before a line end.

    Raises:
        SeqlabError: one is missing, as in a clone without all objects.
    """
    position = 0
    while position < len(answer):
        end = answer.index(b"\n", position)
        about = answer[position:end].split()
        if len(about) != len(("name", "kind", "size")):
            raise SeqlabError(f"git cat-file: {answer[position:end].decode('ascii', 'replace')}")
        size = int(about[2])
        yield answer[end + 1 : end + 1 + size]
        position = end + 1 + size + 1
