"""`seqlab runs`: the table, against a database."""

import pytest
from mlflow import MlflowClient

from seqlab.commands.runs import NONE_YET, list_runs
from seqlab.core.errors import SeqlabError
from seqlab.tracking.publishing.server import Server, connect
from tests.tracking.conftest import Project, _no_environment, project, template_database, template_project, tracked

# Fixtures that the tests here use too.
__all__ = ["_no_environment", "project", "template_database", "template_project", "tracked"]


def rows(project: Project, condition: str = "", most: int = 20) -> list[list[str]]:
    """The table's cells; no name here has two spaces in it."""
    lines = list_runs(project.root, condition, most).splitlines()
    return [[cell.strip() for cell in line.split("  ") if cell.strip()] for line in lines]


def test_nothing_ran_yet_and_nothing_is_made_for_looking(project: Project) -> None:
    (project.root / "mlflow.db").unlink(missing_ok=True)
    assert list_runs(project.root, "", 20) == NONE_YET
    assert not (project.root / "mlflow.db").exists()


def add(
    server: Server, name: str, start: int, bleu: float | None, status: str | None = None, exact: float | None = None
) -> None:
    client: MlflowClient = server.client
    run = client.create_run(server.experiment_id, start_time=start, run_name=name).info.run_id
    if exact is not None:
        client.log_metric(run, "test/exact_match", exact)
        client.set_tag(run, "test.measure", "exact_match")
    if bleu is not None:
        client.log_metric(run, "test/bleu", bleu)
    if status:
        client.set_terminated(run, status)


def test_newest_first_with_bleu_and_state(tracked: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    server = connect(tracked.home)
    add(server, "second", 1_750_000_000_000, 30.0, "FINISHED")
    add(server, "first", 1_700_000_000_000, None, "FAILED")
    add(server, "scan", 1_600_000_000_000, 90.0, "FINISHED", exact=41.0)
    add(server, "a\nb" + "c" * 99, 4_000_000_000_000, 12.345)
    add(server, "odd", 1 << 62, float("nan"))
    heading, *found = rows(tracked)
    assert heading == ["name", "score", "state", "started"]
    assert [row[:3] for row in found] == [
        ["odd", "–", "running"],
        ["a b" + "c" * 36 + "…" + "c" * 20, "12.3 BLEU", "running"],
        ["second", "30.0 BLEU", "finished"],
        ["first", "–", "failed"],
        ["scan", "41.0 % Exact match", "finished"],
    ]
    # The date in whichever zone this is.
    assert [row[3][:9] for row in found] == ["–", "2096-10-0", "2025-06-1", "2023-11-1", "2020-09-1"]

    # To be given to another command.
    assert list_runs(tracked.root, "", 20, whole=True).splitlines()[2].startswith("a b" + "c" * 99 + "  ")

    # Whatever the lengths of names, columns line up.
    lines = list_runs(tracked.root, "", 20).splitlines()
    assert {line[lines[0].index("started") :] for line in lines} == {"started", *(row[3] for row in found)}

    assert [row[0] for row in rows(tracked, "metrics.`test/bleu` > 20")[1:]] == ["second", "scan"]
    assert "matches --filter" in list_runs(tracked.root / "src", "metrics.`test/bleu` > 99", 20)
    assert list_runs(tracked.root, "", 3).splitlines()[-1] == "… and older ones; --count shows more than 3"
    assert len(list_runs(tracked.root, "", 5).splitlines()) == 6
    with pytest.raises(SeqlabError, match="does not understand --filter 'bleu'"):
        list_runs(tracked.root, "bleu", 20)

    monkeypatch.setenv("MLFLOW_EXPERIMENT_NAME", "seminar")
    assert list_runs(tracked.root, "", 20) == NONE_YET
    add(connect(tracked.home), "mine", 0, 1.0)
    assert [row[0] for row in rows(tracked)[1:]] == ["mine"]
