"""A run is the same to whoever reads it, from the journal or from a server, and no other file is taken for its."""

import hashlib
import json
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest

from seqlab.core.errors import SeqlabError
from seqlab.results.paths import CHECKPOINTS, PAGES, SCORES, TRANSLATIONS
from seqlab.tracking.objects import Objects
from seqlab.tracking.publishing.find import find_record
from seqlab.tracking.publishing.run import Run, Tagged, load_run, published, recorded
from seqlab.tracking.publishing.sync import sync
from tests.tracking.conftest import Project
from tests.tracking.publishing.test_sync import Store


class Server:
    """As much of a server as a run is read from; `artifacts` are its files."""

    uri = address = "http://server"

    def __init__(self, artifacts: dict[str, bytes], name: str = "theirs") -> None:
        self.client = self
        self.artifacts = artifacts
        self.name = name

    def download_artifacts(self, _: str, path: str, folder: str) -> str:
        place = Path(folder, "file")
        place.write_bytes(self.artifacts[path])
        return str(place)

    def run(self, files: dict[str, bytes], **tags: str) -> Run:
        """A run whose tag says that it has `files`."""
        digests = {path: hashlib.sha256(content).hexdigest()[:12] for path, content in files.items()}
        data = SimpleNamespace(params={}, tags={"seqlab.files": json.dumps(digests), **tags}, metrics={})
        info = SimpleNamespace(run_name=self.name, run_id="1", status="FINISHED")
        return published(cast(Any, self), cast(Any, SimpleNamespace(info=info, data=data)))


def test_a_file_is_the_published_one_or_none() -> None:
    server = Server({SCORES: b"{}"})
    run = server.run({SCORES: b"{}"})
    assert run.content(SCORES) == b"{}"
    assert run.sha256(SCORES) == hashlib.sha256(b"{}").hexdigest()
    assert run.content(TRANSLATIONS) is None
    server.artifacts[SCORES] = b"{ }"
    for read in (run.content, run.sha256):
        with pytest.raises(SeqlabError, match=f"{SCORES} of run theirs at http://server is not the file that was publ"):
            read(SCORES)


@pytest.mark.parametrize("recipe", [{}, {"train": {"model": 1}, "evaluate": {}}, {"train": [], "evaluate": None}])
def test_a_recipe_of_another_program_is_refused(recipe: Any) -> None:
    server = Server({"recipe.json": json.dumps(recipe).encode()})
    with pytest.raises(SeqlabError, match=r"recipe\.json of run theirs at http://server is not one that seqlab"):
        _ = server.run({SCORES: b"{}"}).recipe


def test_a_name_of_two_lines_is_one() -> None:
    """Answers and questions have it in them."""
    run = Server({}, "x\nreproduced: y\x1b").run({})
    assert (run.name, run.place) == (r"x\nreproduced: y\x1b", r"run x\nreproduced: y\x1b at http://server")


def test_a_run_without_files_has_no_recipe() -> None:
    with pytest.raises(SeqlabError, match=r"run theirs at http://server has no recipe\.json; run `seqlab sync` where"):
        _ = Server({}).run({}).recipe


def test_a_ledger_is_read_where_there_is_one() -> None:
    server = Server({"ledger.json": b"\xff"})
    assert server.run({SCORES: b"{}"}).ledger.entries == []
    with pytest.raises(SeqlabError, match=r"ledger\.json of run theirs at http://server is not one that seqlab"):
        _ = server.run({SCORES: b"{}"}, **{"seqlab.execution_ids": "x"}).ledger


@pytest.mark.parametrize(
    ("metrics", "bleu"), [({}, None), ({"test/bleu": float("nan")}, None), ({"test/bleu": 0.0}, 0.0)]
)
def test_a_score_that_is_no_finite_number_is_none(metrics: dict[str, float], bleu: float | None) -> None:
    run = Tagged()
    run.tags, run.metrics = {}, metrics
    assert run.score == bleu


def test_edited_parameters_are_no_edited_code() -> None:
    run = Tagged()
    for files, edited in (("src/seqlab/stage.py", True), ("params.yaml", False)):
        run.tags = {"dirty": "yes", "dirty_files": files}
        assert run.has_edited_code is edited
    run.tags = {"dirty": "no"}
    assert not run.has_edited_code


@pytest.mark.slow
def test_the_journal_and_the_server_tell_the_same(tracked: Project) -> None:
    tracked.run()
    sync(tracked.root)
    record = find_record(tracked.home, tracked.executions()[0].run_fingerprint)
    assert record is not None
    ours, theirs = recorded(record, Objects(tracked.home.objects)), load_run_of_server(tracked)
    for fact in ("name", "status", "params", "fingerprint", "commit", "test_set", "signature", "task", "recipe"):
        assert getattr(ours, fact) == getattr(theirs, fact), fact
    assert ours.ledger.entries == theirs.ledger.entries != []
    assert ours.tags.items() <= theirs.tags.items()
    shown = {path for path in ours.files if not path.startswith(CHECKPOINTS)}
    assert shown == {path for path in theirs.files if path not in PAGES}
    for path in shown:
        assert ours.content(path) == theirs.content(path)
        assert ours.sha256(path) == theirs.sha256(path)
    assert (ours.score, theirs.score) == (None, 30.0)


def load_run_of_server(project: Project) -> Run:
    """The run as MLflow has it: by its id, which no journal knows."""
    (run,) = Store(project).runs()
    found = load_run(project.home, run.info.run_id)
    assert found.id == run.info.run_id
    return found
