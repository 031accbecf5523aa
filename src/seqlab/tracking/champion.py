"""The champion: the best model of a task, by an alias in the model registry.

The first scored run of a task is its champion. Another takes its place only if its BLEU on the same test set is higher
and the difference significant, or if somebody says so (`seqlab promote`).
"""

import json
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from filelock import FileLock

from seqlab.errors import SeqlabError
from seqlab.tracking.find import find_run
from seqlab.tracking.home import Home, find_home
from seqlab.tracking.record import registered_model, run_alias
from seqlab.tracking.server import Server, connect, server_errors
from seqlab.tracking.tags import CHALLENGE, RUN_FINGERPRINT

if TYPE_CHECKING:
    from mlflow.entities import Run
    from mlflow.entities.model_registry import ModelVersion

CHAMPION = "champion"
BLEU = "test/bleu"
TRANSLATIONS = "reports/translations.jsonl"
TEST_SET = "data.data/raw/test.jsonl"
SIGNATURE = "signature.bleu"


@dataclass(frozen=True)
class _Outputs:
    """What a test set was translated to, and each sentence's references."""

    translations: list[str]
    references: list[tuple[str, ...]]


def challenge(home: Home, server: Server, run_id: str) -> bool:
    """Let a scored run challenge the champion of its task, once; the run's tag `challenge` says how it went.

    Returns:
        Whether it did: not if it has no score or no registered model, or did so before.
    """
    run = server.client.get_run(run_id)
    if CHALLENGE in run.data.tags or BLEU not in run.data.metrics:
        return False
    name = _task(run)
    with _alone(home, name):
        version = _version(server, name, run_alias(run.data.tags[RUN_FINGERPRINT]))
        if version is None:
            return False
        wins, verdict = _verdict(server, run, _version(server, name, CHAMPION))
        if wins:
            server.client.set_registered_model_alias(name, CHAMPION, version.version)
        server.client.set_tag(run_id, CHALLENGE, verdict)
    return True


def promote(start: Path, run: str) -> str:
    """Make the model of `run` (id, name, or the beginning of its fingerprint) the champion of its task; say so.

    Raises:
        SeqlabError: the server does not answer, there is no such run, or it has no registered model.
    """
    home = find_home(start)
    server = connect(home)
    with server_errors(server.uri):
        found = find_run(server, run)
        name = _task(found)
        with _alone(home, name):
            version = _version(server, name, run_alias(found.data.tags[RUN_FINGERPRINT]))
            if version is None:
                raise SeqlabError(
                    f"run {found.info.run_name} at {server.uri} has no model in the registry; did its training finish?"
                )
            before = _version(server, name, CHAMPION)
            server.client.set_registered_model_alias(name, CHAMPION, version.version)
            server.client.set_tag(found.info.run_id, CHALLENGE, "promoted by hand")
    was = f", before: version {before.version}" if before is not None else ""
    return f"{found.info.run_name} is the champion of {name}: version {version.version}{was}"


def _verdict(server: Server, run: "Run", champion: "ModelVersion | None") -> tuple[bool, str]:
    """Whether the run takes the champion's place, and why."""
    if champion is None or champion.run_id is None:
        return True, "won: the first of its task"
    if champion.run_id == run.info.run_id:
        return True, "won"
    other = server.client.get_run(champion.run_id)
    for tag, what in ((TEST_SET, "test set"), (SIGNATURE, "signature of BLEU")):
        if run.data.tags.get(tag) != other.data.tags.get(tag):
            return False, f"not compared with {other.info.run_name}: another {what}"
    return _compared(server, run, other)


def _compared(server: Server, run: "Run", champion: "Run") -> tuple[bool, str]:
    from mlflow.exceptions import MlflowException

    from seqlab.scoring.significance import paired_test

    name = champion.info.run_name
    difference = run.data.metrics[BLEU] - champion.data.metrics[BLEU]
    if difference <= 0:
        return False, f"lost to {name}: {difference:+.2f} BLEU"
    try:
        before, after = _outputs(server, champion), _outputs(server, run)
    except (OSError, MlflowException, ValueError, KeyError, TypeError):
        return False, f"not compared with {name}: the translations of one of them cannot be read"
    if before.references != after.references:
        return False, f"not compared with {name}: its translations are of other sentences"
    try:
        result = paired_test(
            before.translations, after.translations, after.references, run.data.tags.get(SIGNATURE, "")
        )
    except SeqlabError as error:
        return False, f"not compared with {name}: {error}"
    figures = f"{difference:+.2f} BLEU, p = {result.p:.3g} (paired approximate randomization)"
    if result.significant:
        return True, f"won against {name}: {figures}"
    return False, f"no significant difference from {name}: {figures}"


def _outputs(server: Server, run: "Run") -> _Outputs:
    with tempfile.TemporaryDirectory(prefix="seqlab-champion-") as folder:
        path = Path(server.client.download_artifacts(run.info.run_id, TRANSLATIONS, folder))
        records = [json.loads(line) for line in path.read_text("utf-8").split("\n") if line]
    if not records:
        raise ValueError(f"{TRANSLATIONS} is empty")
    return _Outputs([record["translation"] for record in records], [tuple(record["references"]) for record in records])


def _version(server: Server, name: str, alias: str) -> "ModelVersion | None":
    from mlflow.exceptions import MlflowException

    try:
        return server.client.get_model_version_by_alias(name, alias)
    except MlflowException as error:
        if error.error_code in ("RESOURCE_DOES_NOT_EXIST", "INVALID_PARAMETER_VALUE"):
            return None
        raise


def _task(run: "Run") -> str:
    corpus = {name: run.data.params.get(f"corpus.{name}", "") for name in ("name", "source", "target")}
    return registered_model(corpus)


@contextmanager
def _alone(home: Home, name: str) -> Iterator[None]:
    home.locks.mkdir(parents=True, exist_ok=True)
    with FileLock(home.locks / f"{name}.champion.lock"):
        yield
