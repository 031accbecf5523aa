"""Where an execution comes from: commit, edits since, DVC experiment, versions."""

import getpass
import os
import platform
import subprocess
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from seqlab.errors import SeqlabError
from seqlab.params.yaml import parse_yaml, read_yaml
from seqlab.tracking.canonical import flatten

GIT_SECONDS = 10
# What a result may depend on. dvc.lock is not among them: DVC itself edits it while a pipeline runs.
WATCHED = ("dvc.yaml", "params.yaml", "pipeline", "pyproject.toml", "src", "versions.toml")


def provenance(root: Path, packages: list[str]) -> dict[str, Any]:
    """What is known of an execution in `root` before it starts; git's part is absent outside a repository.

    `dirty` lists the watched files that differ from the commit. `params_diff` maps each parameter that differs from
    the commit's to its old and new value.
    """
    found: dict[str, Any] = {
        "user": _user(),
        "python": platform.python_version(),
        "versions": {package: installed for package in packages if (installed := _installed(package))},
        "experiment": os.environ.get("DVC_EXP_NAME"),
        "baseline": os.environ.get("DVC_EXP_BASELINE_REV"),
    }
    commit = _git(root, "rev-parse", "--verify", "HEAD")
    if commit is not None:
        found["commit"] = commit.strip()
        found["dirty"] = _dirty(root)
        found["params_diff"] = _params_diff(root)
    return found


def commit_time(root: Path) -> float:
    """Time of the commit checked out in `root`, in seconds since the epoch; 0 outside a repository."""
    return float(_git(root, "log", "-1", "--format=%ct") or 0)


def _dirty(root: Path) -> list[str]:
    watched = [name for name in WATCHED if (root / name).exists()]
    status = _git(root, "status", "--porcelain", "-z", "--untracked-files=all", "--no-renames", "--", *watched)
    return sorted(entry[3:] for entry in (status or "").split("\0") if entry)


def _params_diff(root: Path) -> dict[str, list[Any]]:
    committed = _git(root, "show", "HEAD:./params.yaml")
    if committed is None:
        return {}
    try:
        old = flatten(parse_yaml(committed, "HEAD:params.yaml"))
        new = flatten(read_yaml(root / "params.yaml"))
    except SeqlabError:
        return {}
    return {name: [old.get(name), new.get(name)] for name in sorted({*old, *new}) if old.get(name) != new.get(name)}


def _git(root: Path, *arguments: str) -> str | None:
    try:
        done = subprocess.run(
            ["git", *arguments], cwd=root, capture_output=True, encoding="utf-8", timeout=GIT_SECONDS, check=True
        )
    except (OSError, subprocess.SubprocessError, UnicodeDecodeError):
        return None
    return done.stdout


def _user() -> str | None:
    try:
        return getpass.getuser()
    except (OSError, KeyError):
        # A container may run under a number that nobody named.
        return None


def _installed(package: str) -> str | None:
    try:
        return version(package)
    except PackageNotFoundError:
        return None
