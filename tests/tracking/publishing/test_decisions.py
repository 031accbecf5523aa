"""What seqlab decided stands in the journal: a new server is told of sweeps, challenges and champions."""

import shutil
from pathlib import Path

import pytest
from mlflow import MlflowClient

from seqlab.commands.promote import promote
from seqlab.commands.sweep.runs import tag_runs
from seqlab.tracking.home import Home
from seqlab.tracking.journal.execution import read_executions
from seqlab.tracking.publishing.decisions import note_sweep, note_verdict, read_decisions
from seqlab.tracking.publishing.failures import RefusedError
from seqlab.tracking.publishing.sync import sync
from tests.tracking.conftest import Project
from tests.tracking.entries import DIGEST
from tests.tracking.publishing.test_champion import TASK, _quick, latest, play, translations

__all__ = ["_quick"]


def test_what_is_noted_is_read(tmp_path: Path) -> None:
    home = Home(tmp_path)
    assert read_decisions(home, DIGEST).sweeps == {}
    for _ in range(2):
        note_sweep(home, DIGEST, "grid", "a")
    note_sweep(home, DIGEST, "other", "b")
    note_verdict(home, DIGEST, TASK, "won: the first of its task", crowned=True)
    note_verdict(home, DIGEST, TASK, "lost", crowned=False)
    found = read_decisions(home, DIGEST)
    assert (found.sweeps, found.verdict, list(found.crowned)) == ({"grid": "a", "other": "b"}, "lost", [TASK])
    (path,) = home.journal.rglob("*.jsonl")
    assert len(path.read_text("utf-8").splitlines()) == 4
    assert list(read_executions(home)) == []


@pytest.mark.parametrize("fingerprint", ["", "-", "aaaaaa", "aaaaaa/../../../../x", f"../{'0' * 64}", "0" * 300])
def test_a_fingerprint_from_a_tag_is_no_path(tmp_path: Path, fingerprint: str) -> None:
    home = Home(tmp_path / "project")
    for attempt in (
        lambda: read_decisions(home, fingerprint),
        lambda: note_verdict(home, fingerprint, "task", "won", crowned=True),
        lambda: note_sweep(home, fingerprint, "grid", "one"),
    ):
        with pytest.raises(RefusedError, match="is no fingerprint of a run"):
            attempt()
    assert list(tmp_path.iterdir()) == []


def test_a_new_server_hears_of_sweeps_and_champions(
    tracked: Project, template_database: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for seed, wrong in ((1, 20), (2, 2), (3, 30)):
        play(tracked, seed, translations(wrong))
    for seed in (1, 3):
        note_sweep(tracked.home, fingerprint(tracked, seed), "grid", f"member {seed}")
    note_sweep(tracked.home, fingerprint(tracked, 1), "other", "one")
    sync(tracked.root)
    # The last word is a person's.
    promote(tracked.root, latest(tracked, 1).info.run_id, lambda _: True)
    tags = {seed: latest(tracked, seed).data.tags for seed in (1, 2, 3)}
    assert [tags[seed]["challenge"][:9] for seed in (1, 2, 3)] == ["promoted ", "won again", "lost to t"]
    assert (tags[1]["sweep"], tags[1]["sweep.grid"], tags[3]["sweep"]) == ("grid, other", "member 1", "grid")

    shutil.copyfile(template_database, tracked.root / "another.db")
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "sqlite:///another.db")
    assert sync(tracked.root).count("created") == 3
    client = MlflowClient(f"sqlite:///{tracked.root}/another.db")
    after = {run.data.params["seed"]: run for run in client.search_runs(["1"])}
    assert {int(seed): run.data.tags for seed, run in after.items()} == tags
    champion = client.get_model_version_by_alias(TASK, "champion")
    assert champion.run_id == after["1"].info.run_id
    assert sync(tracked.root).count("unchanged") == 3


def test_somebody_elses_champion_is_challenged_anew(
    tracked: Project, template_database: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The journal of another machine knows nothing of him."""
    play(tracked, 1, translations(2))
    elsewhere = tracked.root.parent / "elsewhere"
    shutil.copytree(tracked.root, elsewhere)
    shutil.rmtree(elsewhere / ".seqlab")
    shutil.copyfile(template_database, elsewhere / "mlflow.db")
    other = Project(elsewhere, tracked.params)
    monkeypatch.setenv("MLFLOW_TRACKING_URI", f"sqlite:///{elsewhere}/mlflow.db")
    play(other, 2, translations(0))
    sync(tracked.root)
    assert latest(other, 1).data.tags["challenge"].startswith("lost to")
    assert read_decisions(tracked.home, fingerprint(tracked, 1)).verdict.startswith("lost to")


def test_tagging_a_sweep_adds_to_what_is_there(tracked: Project) -> None:
    tracked.run()
    sync(tracked.root)
    (run,) = (each for each in MlflowClient(f"sqlite:///{tracked.root}/mlflow.db").search_runs(["1"]))
    name = run.data.tags["seqlab.run_fingerprint"]
    for sweep in ("b", "a", "b"):
        assert tag_runs(tracked.root, sweep, {"member": name}) == []
    tags = MlflowClient(f"sqlite:///{tracked.root}/mlflow.db").get_run(run.info.run_id).data.tags
    assert (tags["sweep"], tags["sweep.a"], tags["sweep.b"]) == ("a, b", "member", "member")


def fingerprint(project: Project, seed: int) -> str:
    return latest(project, seed).data.tags["seqlab.run_fingerprint"]
