"""What members on a cluster share with the working copy: a git remote, a DVC remote, and an MLflow server."""

from pathlib import Path

from seqlab.commands.sweep.experiments import Experiments, experiments_folder
from seqlab.core.errors import SeqlabError
from seqlab.system import git_remote
from seqlab.system.addresses import stripped
from seqlab.system.dvc_library import default_remote, remote_is_there
from seqlab.tracking.publishing.health import check_health
from seqlab.tracking.publishing.uri import database, is_server, tracking_uri

MOST_NAMED = 5


def check_team(root: Path) -> None:
    """Check that clones of working copy `root` would be what it is, and that what they share is there and answers.

    Raises:
        SeqlabError: with a line for each thing that is missing.
    """
    missing = []
    for check in (_check_commit, _check_git_remote, _check_dvc_remote, _check_mlflow):
        try:
            check(root)
        except SeqlabError as error:
            missing.append(stripped(str(error)))
    if missing:
        lines = "\n".join(f"  {each}" for each in missing)
        raise SeqlabError(f"members on a cluster share what docs/team.md sets up; nothing was started:\n{lines}")


def _check_commit(root: Path) -> None:
    """What is checked out is what members clone."""
    experiments = Experiments(root)
    if changed := experiments.unshared() + experiments.untracked():
        names = ", ".join(changed[:MOST_NAMED]) + (" …" if len(changed) > MOST_NAMED else "")
        raise SeqlabError(f"members are clones of the commit, which has {names} otherwise or not: commit and push")
    if git_remote.remote_address(root) and not git_remote.is_pushed(root, experiments.baseline):
        raise SeqlabError("members are clones of the git remote, and this commit is not there: `git push`")


def _check_git_remote(root: Path) -> None:
    if not git_remote.remote_address(root):
        raise SeqlabError("there is no git remote called origin: `git remote add origin ADDRESS`, and push")
    git_remote.remote_references(root, experiments_folder(Experiments(root).baseline))


def _check_dvc_remote(root: Path) -> None:
    remote = default_remote(root)
    if remote is None:
        raise SeqlabError("DVC has no default remote: `dvc remote add --default NAME ADDRESS`")
    if remote.is_relative:
        raise SeqlabError(
            f"DVC's remote {remote.name} is a path that counts from .dvc, and clones lie elsewhere: write it out"
        )
    if not remote_is_there(root, remote):
        raise SeqlabError(f"DVC's remote {remote.name}: there is no folder {remote.address}; make it, or mount it")


def _check_mlflow(root: Path) -> None:
    uri = tracking_uri(root)
    if database(uri) is not None:
        raise SeqlabError(
            "MLflow is a database in a file, which nodes must not write to: set MLFLOW_TRACKING_URI to a server"
        )
    if is_server(uri):
        check_health(uri)
