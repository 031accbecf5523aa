"""What a node does with results: an experiment pushed to the git remote, or a clone kept until it can be."""

import os
import shutil
from pathlib import Path

from seqlab.commands.sweep.experiments import Experiments, experiments_folder
from seqlab.commands.sweep.jobs import PRIVATE
from seqlab.commands.sweep.patience import FinalError
from seqlab.core.errors import SeqlabError
from seqlab.results.paths import LOCK, PARAMS
from seqlab.system import git, git_remote
from seqlab.system.dvc import call_dvc


def push_experiment(clone: Path, baseline: str, name: str) -> str:
    """Push an experiment on commit `baseline` from a clone; a note where another job has pushed its own meanwhile.

    Raises:
        SeqlabError: the remote does not answer, or refuses.
        FinalError: another job pushed other bytes.
    """
    folder = experiments_folder(baseline)
    ours = Experiments(clone).revisions()[name]
    call_dvc(clone, "exp", "push", "--no-cache", operands=["origin", name])
    theirs = git_remote.remote_references(clone, folder).get(name)
    if theirs is None:
        raise SeqlabError(f"the git remote did not take experiment {name}; may you push to it?")
    if theirs == ours:
        return ""
    fetched = git_remote.fetch(clone, folder + name)
    # Of two that ran one recipe at once, the first is kept; were the bytes the same?
    if any(git.file_at(clone, ours, path) != git.file_at(clone, fetched, path) for path in (PARAMS, LOCK)):
        raise FinalError(
            f"another job pushed {name} meanwhile, with other bytes: a node of another numerics class, or "
            "another recipe; theirs is kept on the remote"
        )
    return f"{name} was pushed by another job meanwhile, with the same bytes"


def keep_clone(clone: Path, kept: Path) -> None:
    """Copy a clone whose results could not be pushed to where the next try finds it, whole or not at all."""
    kept.parent.mkdir(PRIVATE, parents=True, exist_ok=True)
    part = kept.with_name(f".{kept.name}")
    shutil.rmtree(part, ignore_errors=True)
    shutil.copytree(clone, part, symlinks=True)
    os.replace(part, kept)
