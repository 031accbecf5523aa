"""The champion: the best model of a task, by an alias in the model registry.

The first scored run of a task is its champion. Another takes its place only if its score on the same test
set, by the corpus's measure, is higher and the difference significant, or if somebody says so (`seqlab promote`).
An ensemble of runs does not challenge: its scores are not those of the one model that would be served.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

from filelock import FileLock

from seqlab.core.errors import SeqlabError
from seqlab.results.paths import TRANSLATIONS
from seqlab.tracking.foreign import is_fingerprint, translations
from seqlab.tracking.home import Home
from seqlab.tracking.journal.record import run_alias
from seqlab.tracking.publishing.decisions import note_verdict, read_decisions
from seqlab.tracking.publishing.failures import ServerError
from seqlab.tracking.publishing.run import Run, published
from seqlab.tracking.publishing.server import Server
from seqlab.tracking.publishing.tags import CHALLENGE, RUN_FINGERPRINT

if TYPE_CHECKING:
    from mlflow.entities.model_registry import ModelVersion

    from seqlab.significance.paired_test import PairedResult

CHAMPION = "champion"
NOT_COMPARED = "not compared"


@dataclass(frozen=True)
class _Outputs:
    """What a test set was translated to, and each sentence's references."""

    translations: list[str]
    references: list[tuple[str, ...]]


def challenge(home: Home, server: Server, run_id: str) -> str:
    """Let a scored run challenge the champion of its task, once; the run's tag `challenge` says how it went.

    Where the journal knows how it went on another server, that counts.

    Returns:
        How it went; "" if it has no finite score or no registered model, or challenged before.
    """
    run = published(server, server.client.get_run(run_id))
    name = run.task
    if CHALLENGE in run.tags or run.score is None or name is None:
        return ""
    with alone(home, name):
        version = version_of(server, name, run_alias(run.fingerprint))
        if version is None:
            return ""
        champion = version_of(server, name, CHAMPION)
        wins, verdict = _remembered(home, server, run, champion) or _verdict(server, run, champion)
        if wins:
            server.client.set_registered_model_alias(name, CHAMPION, version.version)
        if read_decisions(home, run.fingerprint).verdict != verdict:
            note_verdict(home, run.fingerprint, name, verdict, crowned=wins)
        server.client.set_tag(run_id, CHALLENGE, verdict)
    return verdict


def differs(run: Run, champion: Run) -> str:
    """In what two runs' scores do not measure the same; "" if they do."""
    if run.test_set != champion.test_set:
        return "test set"
    if run.measure is not champion.measure:
        return "measure"
    return "" if run.signature == champion.signature else f"signature of {run.measure.label}"


def _remembered(home: Home, server: Server, run: Run, champion: "ModelVersion | None") -> tuple[bool, str] | None:
    """What the journal says that came of the run's challenge; None where it does not know this run, or the champion."""
    earlier = read_decisions(home, run.fingerprint)
    if not earlier.verdict:
        return None
    crowned = earlier.crowned.get(run.task or "", 0.0)
    if champion is None:
        return crowned > 0, earlier.verdict
    other = run_of(server, champion)
    known = read_decisions(home, other.fingerprint) if other and is_fingerprint(other.fingerprint) else None
    if known is None or not known.crowned:
        return None
    return crowned > max(known.crowned.values()), earlier.verdict


def _verdict(server: Server, run: Run, champion: "ModelVersion | None") -> tuple[bool, str]:
    """Whether the run takes the champion's place, and why."""
    if run.is_ensemble:
        return False, f"{NOT_COMPARED}: an ensemble of runs, and its model is one of them"
    if champion is None or champion.run_id is None:
        return True, "won: the first of its task"
    same = (champion.tags or {}).get(RUN_FINGERPRINT) == run.fingerprint
    if same or champion.run_id == run.id:
        return True, "won"
    other = run_of(server, champion)
    if other is None:
        return False, f"{NOT_COMPARED} with version {champion.version}: its run is gone from MLflow"
    if what := differs(run, other):
        return False, f"{NOT_COMPARED} with {other.name}: another {what}"
    return _compared(run, other)


def _compared(run: Run, champion: Run) -> tuple[bool, str]:
    name = champion.name
    label = run.measure.label
    if run.score is None or champion.score is None:
        return False, f"{NOT_COMPARED} with {name}: one of them has no {label}"
    difference = run.score - champion.score
    if difference <= 0:
        return False, f"lost to {name}: {difference:+.2f} {label}"
    try:
        result = _tested(run, champion)
    except ServerError:
        # It challenges when the server answers again.
        raise
    except SeqlabError as error:
        return False, f"{NOT_COMPARED} with {name}: {error}"
    figures = f"{difference:+.2f} {label}, p = {result.p:.3g} (paired approximate randomization)"
    if result.significant:
        return True, f"won against {name}: {figures}"
    return False, f"no significant difference from {name}: {figures}"


def _tested(run: Run, champion: Run) -> "PairedResult":
    """Whether the difference of two runs' translations is significant.

    Raises:
        ServerError: the server does not answer.
        SeqlabError: why that cannot be said.
    """
    from seqlab.significance.paired_test import paired_test

    try:
        before, after = _outputs(champion), _outputs(run)
    except ServerError:
        raise
    except SeqlabError:
        raise SeqlabError("the translations of one of them cannot be read") from None
    if before.references != after.references:
        raise SeqlabError("its translations are of other sentences")
    return paired_test(before.translations, after.translations, after.references, run.signature, run.measure)


def _outputs(run: Run) -> _Outputs:
    records = translations(run.content(TRANSLATIONS) or b"")
    return _Outputs([each.translation for each in records], [tuple(each.references) for each in records])


def version_of(server: Server, name: str, alias: str) -> "ModelVersion | None":
    """The version of a registered model that has an alias; None if none has it, or there is no such model."""
    from mlflow.exceptions import MlflowException

    try:
        return server.client.get_model_version_by_alias(name, alias)
    except MlflowException as error:
        if error.error_code in ("RESOURCE_DOES_NOT_EXIST", "INVALID_PARAMETER_VALUE"):
            return None
        raise


def run_of(server: Server, version: "ModelVersion") -> Run | None:
    """The run that made a version; None if it is gone for good."""
    from mlflow.exceptions import MlflowException

    try:
        return published(server, server.client.get_run(version.run_id or ""))
    except MlflowException as error:
        if error.error_code != "RESOURCE_DOES_NOT_EXIST":
            raise
        return None


@contextmanager
def alone(home: Home, name: str) -> Iterator[None]:
    """While nobody else on this machine gives task `name` another champion."""
    home.locks.mkdir(parents=True, exist_ok=True)
    with FileLock(home.locks / f"{name}.champion.lock"):
        yield
