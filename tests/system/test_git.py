"""Git answers the same whatever a user has set, and takes nothing foreign for an option."""

import os
import shutil
import subprocess
from collections.abc import Callable
from contextlib import nullcontext
from pathlib import Path
from typing import Any

import pytest

from seqlab.core.errors import SeqlabError
from seqlab.system import git, git_remote

IDENTITY = {f"GIT_{who}_{what}": "a@example.org" for who in ("AUTHOR", "COMMITTER") for what in ("NAME", "EMAIL")}
DATE = {"GIT_AUTHOR_DATE": "2001-02-03T04:05:06Z", "GIT_COMMITTER_DATE": "2020-01-01T00:00:00Z"}
TIME = 1577836800.0
ODD = 'odd "é'
# A signature that names a key which nobody has: git asks `gpg.program`, and log.showSignature prints what it says.
SIGNER = """#!/bin/sh
cat > /dev/null
[ -z "$MARK" ] || echo called >> "$MARK"
case "$*" in
*--verify*) echo "gpg: Can't check signature" >&2 ;;
*) echo "-----BEGIN PGP SIGNATURE-----"; echo; echo "-----END PGP SIGNATURE-----"; echo "[GNUPG:] SIG_CREATED " >&2 ;;
esac
"""
PROGRAM = '#!/bin/sh\necho called >> "$MARK"\necho not git\n'
HOSTILE = """
[color]
ui = always
[core]
abbrev = 4
autocrlf = true
fsmonitor = {program}
pager = {program}
quotePath = true
[diff]
autoRefreshIndex = false
external = {program}
ignoreSubmodules = all
noprefix = true
orderFile = /nowhere
relative = true
renames = copies
[format]
pretty = oneline
[log]
date = human
decorate = full
follow = true
showSignature = true
[gpg]
program = {signer}
[status]
branch = true
relativePaths = true
short = true
showStash = true
showUntrackedFiles = no
[tar]
umask = 0777
"""


def run(root: Path, *arguments: str, **environment: str) -> str:
    """What git says to somebody without a configuration."""
    own = {"GIT_CONFIG_GLOBAL": os.devnull, "GIT_CONFIG_NOSYSTEM": "1", **IDENTITY, **DATE, **environment}
    return subprocess.run(
        ["git", *arguments], cwd=root, env=os.environ | own, capture_output=True, text=True, check=True
    ).stdout


def program(path: Path, text: str) -> Path:
    path.write_text(text, "utf-8")
    path.chmod(0o755)
    return path


@pytest.fixture(scope="module", params=[".", "projects/one"])
def template(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, str]:
    """A project, of its own or a folder of a larger repository, with a signed HEAD and an experiment."""
    top = tmp_path_factory.mktemp("template") / "repository"
    project = top / request.param
    (project / "src").mkdir(parents=True)
    (project / "src/a.py").write_bytes(b"one\n")
    (project / ODD).write_bytes(b"\xff\r\n\0")
    (project / "link").symlink_to("src/a.py")
    (project / ".gitattributes").write_text("*.py export-subst\nleft.out export-ignore\n", "utf-8")
    (project / "left.out").write_text("$Format:%H$", "utf-8")
    run(top, "init", "--quiet", "--initial-branch=main")
    run(top, "config", "gpg.program", str(program(top.parent / "signer", SIGNER)))
    run(top, "add", "--all")
    run(top, "commit", "--quiet", "--message=One")
    (project / "src/a.py").write_bytes(b"two\n")
    run(top, "commit", "--quiet", "--all", "--gpg-sign=me", "--message=Two")
    run(top, "remote", "add", "origin", "https://example.org/who/what.git")
    run(top, "update-ref", "refs/exps/01/23/mine", "HEAD")
    (project / "src/a.py").write_bytes(b"three\n")
    (project / "src" / ODD).write_bytes(b"new")
    return top, request.param


@pytest.fixture
def root(template: tuple[Path, str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A copy of the project, whose files have other times and numbers than git noted: their content tells."""
    monkeypatch.setenv("MARK", str(tmp_path / "mark"))
    monkeypatch.setenv("GIT_CONFIG_GLOBAL", os.devnull)
    top, project = template
    shutil.copytree(top, tmp_path / "repository", symlinks=True)
    os.utime(tmp_path / "repository" / project / ODD, (1, 1))
    return tmp_path / "repository" / project


def answers(root: Path) -> dict[str, Any]:
    """What the module says of the project."""
    head = git.find_commit(root, "HEAD") or ""
    first = git.find_commit(root, "HEAD~1") or ""
    paths = ["src", ODD, "nowhere"]
    return {
        "time": git.commit_time(root, head),
        "touched": git.commits_that_touched(root, "src/a.py", 9) == [head, first],
        "newest": git.commits_that_touched(root, "src/a.py", 1) == [head],
        "file": [git.file_at(root, commit, "src/a.py") for commit in (head, first, "0" * 40)],
        "tree": git.tree_at(root, first),
        "part": git.tree_at(root, head, "src"),
        "differing": [git.differing_files(root, commit, paths) for commit in (head, first)],
        "changed": git.changed_files(root, paths),
        "untracked": git.untracked_files(root, paths),
        "references": git.references(root, "refs/exps/01/23/") == {"mine": head},
        "remote": git_remote.remote_address(root),
        "unknown": git.find_commit(root, "nowhere"),
    }


EXPECTED = {
    "time": TIME,
    "touched": True,
    "newest": True,
    "file": [b"two\n", b"one\n", None],
    "tree": {
        ".gitattributes": b"*.py export-subst\nleft.out export-ignore\n",
        "left.out": b"$Format:%H$",
        ODD: b"\xff\r\n\0",
        "src/a.py": b"one\n",
    },
    "part": {"src/a.py": b"two\n"},
    "differing": [["src/a.py"], ["src/a.py"]],
    "changed": ["src/a.py", f"src/{ODD}"],
    "untracked": [f"src/{ODD}"],
    "references": True,
    "remote": "https://example.org/who/what.git",
    "unknown": None,
}


def test_what_it_says(root: Path) -> None:
    assert answers(root) == EXPECTED


def test_no_setting_changes_it_or_runs_a_program(root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    names = {"program": program(tmp_path / "program", PROGRAM), "signer": program(tmp_path / "signer", SIGNER)}
    settings = tmp_path / "settings"
    settings.write_text(HOSTILE.format(**names), "utf-8")
    # They do harm: left to itself, git calls a program for the time of a signed commit.
    run(root, "log", "-1", "--format=%ct", GIT_CONFIG_GLOBAL=str(settings))
    assert (tmp_path / "mark").is_file()
    (tmp_path / "mark").unlink()
    monkeypatch.setenv("GIT_CONFIG_GLOBAL", str(settings))
    assert answers(root) == EXPECTED
    run(root, "config", "include.path", str(settings))
    assert answers(root) == EXPECTED
    assert not (tmp_path / "mark").exists()


def test_an_address_that_is_a_program_is_not_asked(root: Path) -> None:
    run(root, "config", "protocol.ext.allow", "always")
    run(root, "remote", "set-url", "origin", "ext::sh -c touch% run")
    with pytest.raises(SeqlabError, match="transport 'ext' not allowed"):
        git_remote.remote_references(root, "refs/exps/")
    assert not (root / "run").exists()


@pytest.mark.parametrize(
    "environment",
    [
        {"GIT_DIR": "elsewhere/.git"},
        {"GIT_WORK_TREE": "elsewhere"},
        {"GIT_INDEX_FILE": "elsewhere/.git/index"},
        {"GIT_OBJECT_DIRECTORY": "elsewhere"},
        {"GIT_EXTERNAL_DIFF": "false", "GIT_PAGER": "false", "GIT_DIFF_OPTS": "-u0"},
        {"GIT_NAMESPACE": "theirs", "GIT_PREFIX": "theirs/"},
        {"GIT_GLOB_PATHSPECS": "1"},
        {"GIT_TRACE": "1", "GIT_TRACE_SETUP": "1"},
    ],
)
def test_no_variable_changes_it(
    environment: dict[str, str], root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run(tmp_path, "init", "--quiet", "elsewhere")
    monkeypatch.chdir(tmp_path)
    for name, value in environment.items():
        monkeypatch.setenv(name, value.replace("elsewhere", str(tmp_path / "elsewhere")))
    assert answers(root) == EXPECTED


def test_objects_that_somebody_replaced(root: Path) -> None:
    head, first = run(root, "rev-parse", "HEAD", "HEAD~1").split()
    run(root, "replace", head, first)
    assert git.file_at(root, head, "src/a.py") == b"two\n"


FOREIGN: list[Callable[[Path, str], object]] = [
    *(git.find_commit, git.commit_time, git.tree_at, git.references),
    *(git_remote.remote_references, git_remote.is_pushed),
    lambda root, text: git.file_at(root, text, "src/a.py"),
    lambda root, text: git.file_at(root, git.find_commit(root, "HEAD") or "", text),
    lambda root, text: git.tree_at(root, git.find_commit(root, "HEAD") or "", text),
    lambda root, text: git.differing_files(root, text, ["."]),
    lambda root, text: git.untracked_files(root, [text]),
    lambda root, text: git.changed_files(root, [text]),
    lambda root, text: git.commits_that_touched(root, text, 3),
]
TEXTS = [
    *("--output=kept", "--remote=ext::touch% made", "--exec=touch made", "-Okept", "--upload-pack=touch made"),
    *("HEAD --output=kept", "a\0b", "\n", "\ud800", ":(top)src", ":/Nobody", "^HEAD", "HEAD..HEAD"),
]


@pytest.mark.parametrize("call", FOREIGN)
def test_nothing_foreign_is_an_option(call: Callable[[Path, str], object], root: Path) -> None:
    kept = root / "kept"
    kept.write_text("as it was", "utf-8")
    for text in TEXTS:
        try:
            found = call(root, text)
        except SeqlabError:
            found = None
        assert not found, text
    assert kept.read_text("utf-8") == "as it was"
    assert not (root / "made").exists()


def test_a_tree_that_leads_out_of_its_folder_is_refused(root: Path) -> None:
    blob = bytes.fromhex(run(root, "rev-parse", "HEAD:./src/a.py").strip())
    for name in (b"..", b".GIT"):
        hashing = ["git", "hash-object", "-t", "tree", "-w", "--literally", "--stdin"]
        tree = subprocess.run(hashing, cwd=root, input=b"100644 %s\0%s" % (name, blob), capture_output=True, check=True)
        commit = run(root, "commit-tree", "-m", "Made", tree.stdout.decode().strip()).strip()
        with pytest.raises(SeqlabError, match="leads out"):
            git.tree_at(Path(run(root, "rev-parse", "--show-toplevel").strip()), commit)


def test_outside_a_repository(tmp_path: Path) -> None:
    assert git.find_commit(tmp_path, "HEAD") is None
    assert git.commits_that_touched(tmp_path, "src", 3) == []
    assert git_remote.remote_address(tmp_path) == ""
    with pytest.raises(SeqlabError, match=r"git rev-parse: .*not a git repository"):
        git.changed_files(tmp_path, ["."])
    with pytest.raises(SeqlabError, match=r"git for-each-ref: .*not a git repository"):
        git.references(tmp_path, "refs/heads/")


@pytest.mark.parametrize(
    ("settings", "variables", "known"),
    [
        ("", (), False),
        ("[user]\nname = Anna\n", (), False),
        ("[user]\nname = Anna\nemail = anna@example.org\n", (), True),
        ("[user]\nuseConfigOnly = false\n", (), False),
        ("", ("AUTHOR",), False),
        ("", ("AUTHOR", "COMMITTER"), True),
    ],
)
def test_whose_commits_are_made(
    settings: str, variables: tuple[str, ...], known: bool, root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "settings").write_text(settings, "utf-8")
    for name in [name for name in os.environ if name.startswith("GIT_") or name == "EMAIL"]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("GIT_CONFIG_GLOBAL", str(tmp_path / "settings"))
    monkeypatch.setenv("GIT_CONFIG_NOSYSTEM", "1")
    for name in variables:
        monkeypatch.setenv(f"GIT_{name}_NAME", "Anna")
        monkeypatch.setenv(f"GIT_{name}_EMAIL", "anna@example.org")
    expected = nullcontext() if known else pytest.raises(SeqlabError, match="git does not know whose")
    with expected:
        git.check_identity(root)


def test_git_that_does_not_answer_is_one_message(root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = tmp_path / "programs"
    folder.mkdir()
    program(folder / "git", "#!/bin/sh\nexec sleep 60\n")
    monkeypatch.setattr(git, "SECONDS", 0.1)
    monkeypatch.setenv("PATH", f"{folder}{os.pathsep}{os.environ['PATH']}")
    with pytest.raises(SeqlabError, match=r"git status did not end|git rev-parse did not end"):
        git.changed_files(root, ["."])
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(SeqlabError, match="No such file"):
        git.changed_files(root, ["."])
