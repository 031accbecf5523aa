"""The runs to compare, as MLflow has them."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from seqlab.tracking.foreign import files
from seqlab.tracking.journal.points import RENAMED
from seqlab.tracking.publishing.find import filter_errors, find_run, pages
from seqlab.tracking.publishing.run import Tagged
from seqlab.tracking.publishing.server import Server, server_errors
from seqlab.tracking.publishing.tags import FILES

if TYPE_CHECKING:
    from mlflow.entities import Run

# MLflow's own limit is 50,000; its client pages by 1,000.
PAGE_SIZE = 1000
FINISHED = "attributes.status = 'FINISHED'"


@dataclass(frozen=True)
class ComparedRun(Tagged):
    """A run: its parameters, tags and last metrics; `place` is the address of its page, "" in a database."""

    id: str
    name: str
    place: str
    artifact_uri: str
    params: dict[str, str]
    tags: dict[str, str]
    metrics: dict[str, float]

    @property
    def score(self) -> float:
        """The measure of the test set, 0–100.

        Raises:
            KeyError: the run has no score.
        """
        return self.metrics[self.measure.point]

    @property
    def files(self) -> dict[str, str]:
        """Artifact path → beginning of its SHA-256; {} if the run does not say."""
        return files(self.tags.get(FILES, "{}"))


def find_runs(server: Server, wanted: Sequence[str], condition: str) -> list[ComparedRun]:
    """The runs that go by `wanted` (ids, names, beginnings of fingerprints), else all finished ones, best first.

    `condition`, in MLflow's search syntax, chooses among the finished ones; "" leaves nothing out.

    Raises:
        SeqlabError: the server does not answer, does not understand `condition`, or lacks a wanted run.
    """
    with server_errors(server.uri):
        runs = [find_run(server, name) for name in wanted] if wanted else _finished(server, condition)
    found = {run.info.run_id: _compared(server, run) for run in runs}
    return sorted(found.values(), key=lambda run: (-run.metrics.get(run.measure.point, -1.0), run.name, run.id))


def _finished(server: Server, condition: str) -> list["Run"]:
    conditions = " and ".join(filter(None, [FINISHED, condition]))
    ask, where = server.client.search_runs, [server.experiment_id]
    with filter_errors(condition):
        found = pages(server, lambda token: ask(where, conditions, max_results=PAGE_SIZE, page_token=token))
        return [run for page in found for run in page]


def _compared(server: Server, run: "Run") -> ComparedRun:
    place = server.place(run.info.run_id)
    return ComparedRun(
        id=run.info.run_id,
        name=run.info.run_name or run.info.run_id,
        place=place if place.startswith("http") else "",
        artifact_uri=run.info.artifact_uri or "",
        params=dict(run.data.params),
        tags=dict(run.data.tags),
        # A score that is no finite number is none.
        metrics={RENAMED.get(name, name): value for name, value in run.data.metrics.items() if math.isfinite(value)},
    )
