"""Where an execution comes from: commit, edits since, DVC experiment, versions."""

import getpass
import os
import platform
from contextlib import suppress
from pathlib import Path
from typing import Any

from seqlab.core.errors import SeqlabError
from seqlab.params.yaml import parse_yaml, read_yaml
from seqlab.results.paths import PARAMS, PROJECT, RECIPE
from seqlab.system import git
from seqlab.tracking.fingerprint.canonical import flatten
from seqlab.tracking.fingerprint.leftovers import is_leftover
from seqlab.tracking.fingerprint.versions import installed

# What a result may depend on. dvc.lock is not among them: DVC itself edits it while a pipeline runs.
WATCHED = (*RECIPE, PROJECT)


def provenance(root: Path, packages: list[str]) -> dict[str, Any]:
    """What is known of an execution in `root` before it starts; git's part is absent where git cannot tell.

    `dirty` lists the watched files that differ from the commit. `params_diff` maps each parameter that differs from
    the commit's to its old and new value.
    """
    known: dict[str, Any] = {
        "user": _user(),
        "python": platform.python_version(),
        "versions": {package: found for package in packages if (found := installed(package))},
        "experiment": os.environ.get("DVC_EXP_NAME"),
        "baseline": os.environ.get("DVC_EXP_BASELINE_REV"),
    }
    with suppress(SeqlabError):
        known |= _of_git(root)
    return known


def commit_time(root: Path) -> float:
    """Time of the commit checked out in `root`, in seconds since the epoch; 0 outside a repository."""
    commit = git.find_commit(root, "HEAD")
    return git.commit_time(root, commit) if commit else 0.0


def _of_git(root: Path) -> dict[str, Any]:
    commit = git.find_commit(root, "HEAD")
    if commit is None:
        return {}
    return {
        "commit": commit,
        "dirty": [path for path in git.changed_files(root, WATCHED) if not is_leftover(path)],
        "params_diff": _params_diff(root, commit),
    }


def _params_diff(root: Path, commit: str) -> dict[str, list[Any]]:
    committed = git.file_at(root, commit, PARAMS)
    if committed is None:
        return {}
    try:
        old = flatten(parse_yaml(committed, f"HEAD:{PARAMS}"))
        new = flatten(read_yaml(root / PARAMS))
    except SeqlabError:
        return {}
    return {name: [old.get(name), new.get(name)] for name in sorted({*old, *new}) if old.get(name) != new.get(name)}


def _user() -> str | None:
    try:
        return getpass.getuser()
    except (OSError, KeyError):
        # A container may run under a number that nobody named.
        return None
