"""The command `seqlab promote`: a champion by hand, and what speaks against it."""

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from seqlab.core.errors import SeqlabError
from seqlab.tracking.foreign import is_fingerprint
from seqlab.tracking.home import find_home
from seqlab.tracking.journal.record import run_alias
from seqlab.tracking.publishing.champion import CHAMPION, alone, differs, run_of, version_of
from seqlab.tracking.publishing.decisions import note_verdict
from seqlab.tracking.publishing.find import find_run
from seqlab.tracking.publishing.run import Run, published
from seqlab.tracking.publishing.server import Server, connect, server_errors
from seqlab.tracking.publishing.tags import CHALLENGE

if TYPE_CHECKING:
    from mlflow.entities.model_registry import ModelVersion

BY_HAND = "promoted by hand"


def promote(start: Path, run: str, agree: Callable[[str], bool]) -> str:
    """Make the model of `run` (id, name, or the beginning of its fingerprint) the champion of its task; say so.

    `agree` is asked if the champion is better, or was measured otherwise; nothing changes unless it says yes.

    Raises:
        SeqlabError: the server does not answer, there is no such run, it has no registered model, or nobody agrees.
    """
    home = find_home(start)
    server = connect(home)
    with server_errors(server.uri):
        found = published(server, find_run(server, run))
        name = found.task
        if name is None or not is_fingerprint(found.fingerprint):
            raise SeqlabError(f"{found.place} is none of seqlab's: it has no task")
        version = version_of(server, name, run_alias(found.fingerprint))
        if version is None:
            raise SeqlabError(
                f"{found.place} has no model in the registry: its training did not finish, or somebody deleted the "
                "model"
            )
        before = version_of(server, name, CHAMPION)
        doubt = _of_its_model(found) or _doubt(server, found, before)
        # Not while others wait for the lock: an answer may take hours.
        if doubt and not agree(doubt):
            raise SeqlabError(f"{doubt} The champion stays; `--yes` promotes all the same")
        with alone(home, name):
            now = version_of(server, name, CHAMPION)
            if (now and now.version) != (before and before.version):
                raise SeqlabError(f"{name} has another champion by now: ask again")
            server.client.set_registered_model_alias(name, CHAMPION, version.version)
            note_verdict(home, found.fingerprint, name, BY_HAND, crowned=True)
            server.client.set_tag(found.id, CHALLENGE, BY_HAND)
    was = f", before: version {before.version}" if before is not None else ""
    return f"{found.name} is the champion of {name}: version {version.version}{was}"


def _of_its_model(run: Run) -> str:
    """Why the run's scores say little of its model; "" if they are the model's."""
    return f"{run.name} was scored as an ensemble of runs, and its model is one of them." if run.is_ensemble else ""


def _doubt(server: Server, run: Run, champion: "ModelVersion | None") -> str:
    """Why the run should perhaps not take the champion's place; "" if nothing speaks against it."""
    if champion is None or champion.run_id in (None, run.id):
        return ""
    if run.score is None:
        return f"{run.name} has no score of a test set."
    other = run_of(server, champion)
    if other is None:
        # There is nothing to compare with any more.
        return ""
    if what := differs(run, other):
        return f"{run.name} and the champion, {other.name}, cannot be compared: another {what}."
    theirs = other.score or 0.0
    if run.score >= theirs:
        return ""
    return f"{run.name} has {run.measure.label} {run.score:.1f}, the champion, {other.name}, {theirs:.1f}."
