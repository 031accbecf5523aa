"""A run as it is read again, wherever it was kept: in the journal of this project, or on the MLflow server."""

import json
import math
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from hashlib import sha256
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from seqlab.core.errors import SeqlabError
from seqlab.results.metrics import Metric
from seqlab.results.paths import PARAMS
from seqlab.system.terminal import one_line
from seqlab.tracking import foreign
from seqlab.tracking.home import Home
from seqlab.tracking.journal.ledger import Ledger
from seqlab.tracking.journal.record import RunRecord, is_ensemble
from seqlab.tracking.objects import Objects
from seqlab.tracking.publishing.artifacts import LEDGER, RECIPE
from seqlab.tracking.publishing.find import find_record, find_run, server_of
from seqlab.tracking.publishing.server import Server, server_errors
from seqlab.tracking.publishing.tags import (
    COMMIT,
    DIRTY,
    DIRTY_FILES,
    EXECUTION_IDS,
    FILES,
    RUN_FINGERPRINT,
    SIGNATURE,
    TEST_SET_DIGEST,
    ledger_tags,
    measure,
)

if TYPE_CHECKING:
    from mlflow.entities import Run as MlflowRun

T = TypeVar("T")
# Of a SHA-256, whole.
HEX_DIGITS = 64


class Tagged:
    """What a run's tags and metrics say of it, whoever wrote them."""

    tags: dict[str, str]
    metrics: dict[str, float]

    @property
    def fingerprint(self) -> str:
        """Identity of its recipe, "" if somebody else's."""
        return self.tags.get(RUN_FINGERPRINT, "")

    @property
    def commit(self) -> str:
        """The commit that it started from, "" if unknown."""
        return self.tags.get(COMMIT, "")

    @property
    def measure(self) -> Metric:
        """What its corpus is measured by: BLEU, where the run is of an earlier version or of somebody else."""
        return measure(self.tags)

    @property
    def score(self) -> float | None:
        """The measure of the test set, 0–100; None without one, or with one that is no finite number."""
        score = self.metrics.get(self.measure.point, math.nan)
        return score if math.isfinite(score) else None

    @property
    def test_set(self) -> str:
        """Digest of the test set, "" if unknown."""
        return self.tags.get(TEST_SET_DIGEST, "")

    @property
    def signature(self) -> str:
        """How the measure was computed, without what only its confidence interval depends on; "" if unknown."""
        from seqlab.significance.paired_test import of_the_score

        return of_the_score(self.tags.get(f"{SIGNATURE}{self.measure.key}", ""))

    @property
    def has_edited_code(self) -> bool:
        """Whether the run's code is not that of its commit; for earlier versions edited parameters were code, too."""
        return self.tags.get(DIRTY) == "yes" and self.tags.get(DIRTY_FILES) != PARAMS


@dataclass(frozen=True)
class Run(Tagged):
    """A run: its parameters, tags and last metrics as MLflow has them, and its files.

    `id` is MLflow's, "" of a run from the journal, which has no `metrics` either. `place` names it in messages. `files`
    maps the paths of its files to their SHA-256, of a run on a server to the beginning of it. `content` gives a file
    by its path, and the recipe and the ledger; None where it was not kept; it raises a SeqlabError where the server
    does not answer, or has another file than was published.
    """

    id: str
    name: str
    place: str
    status: str
    params: dict[str, str]
    tags: dict[str, str]
    metrics: dict[str, float]
    files: dict[str, str]
    content: Callable[[str], bytes | None]

    @property
    def task(self) -> str | None:
        """Name of the registered model; None of a run whose parameters make no name."""
        return foreign.task({name: self.params.get(f"corpus.{name}", "") for name in ("name", "source", "target")})

    @property
    def is_ensemble(self) -> bool:
        """Whether its scores are those of an ensemble of runs."""
        return is_ensemble(self.params)

    @cached_property
    def recipe(self) -> dict[str, dict[str, Any]]:
        """What it is made from.

        Raises:
            SeqlabError: it was not published, or is none that this version of seqlab can read.
        """
        content = self.content(RECIPE)
        if content is None:
            raise SeqlabError(f"{self.place} has no {RECIPE}; run `seqlab sync` where it ran")
        return _readable(RECIPE, self.place, lambda: foreign.recipe(content))

    @cached_property
    def ledger(self) -> Ledger:
        """Its executions; empty if none is known.

        Raises:
            SeqlabError: it is none that seqlab can read.
        """
        if EXECUTION_IDS not in self.tags:
            return Ledger([])
        content = self.content(LEDGER) or b""
        return _readable(LEDGER, self.place, lambda: Ledger.from_json(_text(content)))

    def sha256(self, path: str) -> str:
        """The SHA-256 of a file, whole: the beginning of one proves nothing.

        Raises:
            SeqlabError: the server does not answer, or has another file than was published.
        """
        known = self.files[path]
        return known if len(known) == HEX_DIGITS else sha256(self.content(path) or b"").hexdigest()


def load_run(home: Home, run: str) -> Run:
    """The run with that id or name, or whose fingerprint begins so; the journal is asked first.

    Raises:
        SeqlabError: there is none, or more than one; the server does not answer.
    """
    record = find_record(home, run)
    if record is not None:
        return recorded(record, Objects(home.objects))
    server = server_of(home, run)
    with server_errors(server.uri):
        return published(server, find_run(server, run))


def recorded(record: RunRecord, objects: Objects) -> Run:
    """A run as the journal tells it."""
    files = record.files | record.models

    def content(path: str) -> bytes | None:
        if path == RECIPE:
            return json.dumps(record.recipe).encode()
        if path == LEDGER:
            return record.ledger.to_json().encode()
        place = objects.get(files[path]) if path in files else None
        return place.read_bytes() if place else None

    return Run(
        id="",
        name=record.name,
        place=f"run {record.name}",
        status=record.status,
        params=record.params,
        tags=record.tags | ledger_tags(record.ledger),
        metrics={},
        files=files,
        content=content,
    )


def published(server: Server, run: "MlflowRun") -> Run:
    """A run as MLflow has it."""
    # Others name runs, and a name of two lines would say what is ours to say.
    name, tags = one_line(run.info.run_name or run.info.run_id), dict(run.data.tags)
    place, present = f"run {name} at {server.address}", foreign.files(tags.get(FILES, "{}"))
    known = {RECIPE, LEDGER, *present} if present else set()

    def content(path: str) -> bytes | None:
        if path not in known:
            return None
        with server_errors(server.uri), tempfile.TemporaryDirectory(prefix="seqlab-run-") as folder:
            downloaded = Path(server.client.download_artifacts(run.info.run_id, path, folder))
            found = _readable(path, place, lambda: foreign.limited_bytes(downloaded))
        if not sha256(found).hexdigest().startswith(present.get(path, "")):
            raise SeqlabError(
                f"{path} of {place} is not the file that was published: somebody changed it, or "
                "its upload broke off; nothing is made from it"
            )
        return found

    return Run(
        id=run.info.run_id,
        name=name,
        place=place,
        status=run.info.status,
        params=dict(run.data.params),
        tags=tags,
        metrics=dict(run.data.metrics),
        files=present,
        content=content,
    )


def _readable(path: str, place: str, read: Callable[[], T]) -> T:
    """What `read` finds in a file that anybody may have written."""
    try:
        return read()
    except SeqlabError as error:
        raise SeqlabError(f"{path} of {place} is not one that seqlab can read: {error}") from None


def _text(content: bytes) -> str:
    try:
        return content.decode("utf-8")
    except UnicodeDecodeError as error:
        raise SeqlabError(str(error)) from None
