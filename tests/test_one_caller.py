"""Git, DVC and DVC's library have one caller each.

What a setting, a stranger's value or an upgrade may do is dealt with there.
"""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
# prerequisites.py runs before anything is installed, on any Python, and so imports nothing of ours.
CALLERS = {f"src/seqlab/system/{name}.py" for name in ("git", "dvc", "dvc_library", "prerequisites")}
PROGRAMS = {"git", "dvc"}
# What starts programs, and what is git in another form.
STARTERS = {"subprocess", "asyncio.subprocess", "multiprocessing.popen_spawn_posix", "pty", "pexpect"}
LIBRARIES = {"git", "pygit2", "dulwich", "scmrepo", "dvc", "dvc_data", "dvc_objects"}
OF_OS = ("exec", "spawn", "posix_spawn", "system", "popen")


def found(tree: ast.AST) -> Iterator[str]:
    """What calls git or DVC in a syntax tree, in words."""
    modules = set(_imported(tree))
    yield from (f"imports {name}" for name in modules if name.partition(".")[0] in LIBRARIES)
    starts = modules & STARTERS or any(_is_start(node) for node in ast.walk(tree))
    words = {text.split(" ")[0] for node in ast.walk(tree) for text in _texts(node)}
    if starts and words & PROGRAMS:
        yield f"starts programs, and names {', '.join(sorted(words & PROGRAMS))}"


def _imported(tree: ast.AST) -> Iterator[str]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            yield node.module or ""


def _is_start(node: ast.AST) -> bool:
    return isinstance(node, ast.Attribute) and (
        node.attr.startswith("create_subprocess")
        or (isinstance(node.value, ast.Name) and node.value.id == "os" and node.attr.startswith(OF_OS))
    )


def _texts(node: ast.AST) -> Iterator[str]:
    if isinstance(node, ast.Constant) and isinstance(node.value, str):
        yield node.value


def test_no_other_module_calls_git_or_dvc() -> None:
    files = [*ROOT.glob("src/**/*.py"), *ROOT.glob("pipeline/*.py")]
    calls = {
        path.relative_to(ROOT).as_posix(): what for path in files if (what := [*found(ast.parse(path.read_bytes()))])
    }
    assert set(calls) == CALLERS, calls


@pytest.mark.parametrize(
    "code",
    [
        "import subprocess\nsubprocess.run(['git', 'log'])",
        "import subprocess as s, sys\ns.Popen([sys.executable, '-m', 'dvc'])",
        "from subprocess import run\nCOMMAND = 'git log'\nrun(COMMAND.split())",
        "import os\nos.execvp('dvc', ['dvc'])",
        "import asyncio\nasyncio.create_subprocess_exec('git')",
        "from git import Repo",
        "import pygit2",
        "def tasks():\n    from dvc.repo import Repo",
        "import dvc.api",
    ],
)
def test_a_call_is_found(code: str) -> None:
    assert list(found(ast.parse(code)))


@pytest.mark.parametrize(
    "code",
    [
        "from seqlab import git",
        "from seqlab.system.dvc import call_dvc",
        "Reason('dvc', change)",
        "import subprocess\nsubprocess.run(['sed'])",
    ],
)
def test_other_things_are_not(code: str) -> None:
    assert not list(found(ast.parse(code)))
