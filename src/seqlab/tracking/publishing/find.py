"""Finds a run by what people call it: in the journal, or on the MLflow server."""

import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, TypeVar

from seqlab.core.errors import SeqlabError
from seqlab.system.addresses import stripped
from seqlab.tracking.home import Home
from seqlab.tracking.journal.execution import read_executions
from seqlab.tracking.journal.record import RunRecord
from seqlab.tracking.journal.run_name import IDENTITY, identity_in
from seqlab.tracking.objects import Objects
from seqlab.tracking.publishing.assembly import assemble
from seqlab.tracking.publishing.failures import described
from seqlab.tracking.publishing.server import Server, connect
from seqlab.tracking.publishing.tags import EXPERIMENT, RUN_FINGERPRINT
from seqlab.tracking.publishing.uri import is_absent, tracking_uri

if TYPE_CHECKING:
    from mlflow.entities import Run
    from mlflow.entities.model_registry import RegisteredModel
    from mlflow.store.entities import PagedList

T = TypeVar("T")
PAGE_SIZE = 100
# Of an answer. Runs come by a thousand, of which MLflow gives 50,000 at most in one page.
MOST_PAGES = 1000
# What could end a text in MLflow's search syntax.
QUOTES = set("'\"`\\")


@contextmanager
def filter_errors(condition: str) -> Iterator[None]:
    """Say of a condition that people gave what MLflow does not understand.

    Raises:
        SeqlabError: it does not understand it.
    """
    from mlflow.exceptions import MlflowException

    try:
        yield
    except MlflowException as error:
        if not condition or error.error_code != "INVALID_PARAMETER_VALUE":
            raise
        raise SeqlabError(
            f"MLflow does not understand --filter {condition!r}: {described(error)}; "
            "write it such as \"params.`model.cell` = 'gru' and metrics.`test/bleu` > 20\""
        ) from None


def find_run(server: Server, run: str) -> "Run":
    """The run of that id, name or DVC experiment, or whose fingerprint begins so; or of the model with that alias.

    An alias of the registry alone, such as `champion`, is that of the working copy's own task; MODEL@ALIAS names it of
    any.

    Raises:
        SeqlabError: there is none, or more than one.
    """
    conditions = []
    # In MLflow's UI people give what names they like.
    if is_name := run.isprintable() and not QUOTES & set(run):
        conditions += [f"attributes.run_id = '{run}'", f"attributes.run_name = '{run}'"]
    if re.fullmatch(r"[0-9a-f]+", run):
        conditions += [f"tags.`{RUN_FINGERPRINT}` LIKE '{run}%'"]
    # The name that an earlier version gave.
    if identity := identity_in(run):
        conditions += [f"tags.`{RUN_FINGERPRINT}` LIKE '{identity}%'"]
    for condition in conditions:
        if (found := _only_run(server, run, condition)) is not None:
            return found
    if (found := _run_of_alias(server, run)) is not None:
        return found
    # Last, so that no experiment answers in an alias's place.
    if is_name and (found := _only_run(server, run, f"tags.`{EXPERIMENT}` = '{run}'")) is not None:
        return found
    raise SeqlabError(
        f"no run {run} at {server.address}; give the id, name, experiment or fingerprint that MLflow shows, or an alias"
    )


def _only_run(server: Server, run: str, condition: str) -> "Run | None":
    runs = server.client.search_runs([server.experiment_id], condition, max_results=2)
    if len(runs) > 1:
        raise SeqlabError(f"more than one run at {server.address} goes by {run}; give its id, or its name")
    return runs[0] if runs else None


def _run_of_alias(server: Server, run: str) -> "Run | None":
    """The run of a model's version by its alias in the registry; None if no model has it."""
    model, _, alias = run.rpartition("@")
    # MLflow's search knows no aliases.
    found = {
        registered.name: str(registered.aliases[alias])
        for registered in _registered_models(server)
        if alias in registered.aliases and model in ("", registered.name)
    }
    choices = ", ".join(f"{name}@{alias}" for name in sorted(found))
    if found and not model and server.task:
        # Another task's model would answer, and nobody would know.
        if server.task not in found:
            raise SeqlabError(f"no model of {server.task} at {server.address} goes by {alias}; there is {choices}")
        found = {server.task: found[server.task]}
    if len(found) > 1:
        raise SeqlabError(f"more than one model at {server.address} goes by {alias}; give one of {choices}")
    for name, version in found.items():
        run_id = server.client.get_model_version(name, version).run_id
        return server.client.get_run(run_id) if run_id else None
    return None


def _registered_models(server: Server) -> Iterator["RegisteredModel"]:
    ask = server.client.search_registered_models
    for page in pages(server, lambda token: ask(max_results=PAGE_SIZE, page_token=token)):
        yield from page


def pages(server: Server, ask: "Callable[[str | None], PagedList[T]]") -> Iterator["PagedList[T]"]:
    """The pages of an answer; `ask` gives the one that a token names, the first of None.

    Raises:
        SeqlabError: there is no end to them.
    """
    token: str | None = None
    seen: set[str] = set()
    for _ in range(MOST_PAGES):
        page = ask(token)
        yield page
        token = page.token
        if not token:
            return
        if token in seen:
            break
        seen.add(token)
    raise SeqlabError(f"MLflow at {server.address}: its answer has no end; it is not used")


def find_record(home: Home, run: str) -> RunRecord | None:
    """The run of that name, or whose fingerprint begins so, as the journal tells it; None if it does not know it.

    Raises:
        SeqlabError: there is more than one.
    """
    records = assemble(read_executions(home), Objects(home.objects))
    found = [record for record in records if _goes_by(record, run)]
    if len(found) > 1:
        names = ", ".join(record.name for record in found)
        raise SeqlabError(f"more than one run in {home.journal} goes by {run}: {names}; give one of these names")
    return found[0] if found else None


def _goes_by(record: RunRecord, run: str) -> bool:
    return record.fingerprint.startswith(run) or identity_in(run) == record.fingerprint[:IDENTITY]


def server_of(home: Home, run: str) -> Server:
    """The server that may have a run which the journal does not know; looking for it creates no database.

    Raises:
        SeqlabError: there is no database; the server does not answer.
    """
    uri = tracking_uri(home.root)
    if is_absent(uri):
        place = stripped(uri)
        raise SeqlabError(f"no run {run} in {home.journal}, and no MLflow at {place}; give its name or fingerprint")
    return connect(home)
