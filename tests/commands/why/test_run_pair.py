"""What `seqlab why RUN RUN` says, on a project whose stages are played."""

import shutil
from dataclasses import replace
from pathlib import Path

import pytest

from seqlab.commands.why import run_pair
from seqlab.commands.why.question import explain
from seqlab.commands.why.reason import Reason
from seqlab.core.atomic import write_json, write_text
from seqlab.core.errors import SeqlabError
from seqlab.tracking.journal.journal import Journal
from seqlab.tracking.publishing.find import find_record
from seqlab.tracking.publishing.run import load_run
from seqlab.tracking.publishing.sync import sync
from tests.tracking.conftest import CODE, Project, git

SCORED_OTHERWISE = "the same model, scored otherwise"


def played(project: Project) -> str:
    """Play the stages; return the run's fingerprint."""
    project.run()
    return project.executions()[-1].run_fingerprint


def name_of(project: Project, fingerprint: str) -> str:
    record = find_record(project.home, fingerprint)
    assert record is not None
    return record.name


def edit_code(project: Project, stage: str, text: str) -> None:
    write_text(project.root / f"pipeline/{stage}.py", text)


def said(project: Project, *runs: str) -> list[str]:
    header, *lines = explain(project.root, list(runs)).splitlines()
    return [header.partition(": ")[2], *lines]


def test_parameters_that_differ(project: Project) -> None:
    first = played(project)
    project.set("evaluate", beam_size=5)
    second = played(project)
    assert explain(project.root, [first, second]).splitlines() == [
        f"{name_of(project, first)} → {name_of(project, second)}: {SCORED_OTHERWISE}",
        "  parameter  evaluate.beam_size: 1 → 5",
    ]
    project.set("model", cell="lstm", dropout=0.25)
    third = played(project)
    assert said(project, second[:12], name_of(project, third)) == [
        "another model", "  parameter  model.cell: gru → lstm", "  parameter  model.dropout: 0.1 → 0.25",
    ]  # fmt: skip


def test_a_value_of_two_lines_is_one() -> None:
    found = Reason("parameter", "x: a → b\n  code       nothing")
    assert str(found) == r"  parameter  x: a → b\n  code       nothing"


def test_one_recipe(project: Project) -> None:
    first = played(project)
    again = played(project)
    name = name_of(project, first)
    assert explain(project.root, [again, name]) == f"{name} and {name} are one recipe: {first}"


def test_definitions_that_differ(project: Project) -> None:
    first = played(project)
    edit_code(project, "evaluate", CODE.replace("return 1", "return 2"))
    edit_code(project, "train", CODE.replace("# Once.", "# Twice."))
    second = played(project)
    changed = ["  code       pipeline.evaluate: function main: body changed"]
    assert said(project, first, second) == [SCORED_OTHERWISE, *changed]
    write_text(project.root / "src/seqlab/model/gate.py", CODE)
    third = played(project)
    assert said(project, first, third) == ["another model", "  code       seqlab.model.gate added", *changed]


def test_versions_data_and_numerics_that_differ(project: Project) -> None:
    first = played(project)
    versions = project.root / "versions.toml"
    write_text(versions, versions.read_text("utf-8").replace('torch = "2.13.0"', 'torch = "2.12.0"'))
    write_text(project.root / "data/raw/test.jsonl", "{}\n")
    manifest = {"corpus": "grammar", "origin": [], "splits": {"test": {"examples": 2, "sha256": "ab" * 32}}}
    write_json(project.root / "data/raw/manifest.json", manifest)
    second = played(project)
    journal = Journal(project.executions()[-3].path or Path())
    journal.append("numerics", numerics={"os": "Plan 9", "threads": 3})
    journal.close()
    header, *lines = said(project, first, second)
    assert header == "another model"
    assert lines[:2] == ["  version    torch: 2.13.0 → 2.12.0", "  data       data/raw/test.jsonl differs"]
    assert "  corpus     splits.test.examples: 1 → 2" in lines
    assert any(line.endswith(" → abababababab") for line in lines)
    assert lines[-1].startswith("  numerics   ")
    assert lines[-1].endswith(" → os Plan 9, threads 3")


def test_code_of_which_no_archive_was_kept(project: Project) -> None:
    runs = []
    git(project.root, "init", "--quiet")
    for value in ("1", "2"):
        edit_code(project, "evaluate", CODE.replace("return 1", f"return {value}"))
        git(project.root, "add", "dvc.yaml", "pipeline", "src", "versions.toml")
        git(project.root, "commit", "--quiet", "--message=Edit")
        runs.append(played(project))
    edit_code(project, "evaluate", CODE.replace("return 1", "return 3"))
    runs.append(played(project))
    shutil.rmtree(project.home.objects)
    assert said(project, *runs[:2])[1:] == ["  code       pipeline.evaluate: function main: body changed"]
    # The last one started from an edited file, which its commit does not have.
    name = name_of(project, runs[2])
    unknown = f"  code       the code of evaluate differs; no copy of it was kept for {name}"
    assert said(project, *runs[1:])[1:] == [unknown]


@pytest.mark.slow
def test_runs_that_only_mlflow_has(tracked: Project) -> None:
    first = played(tracked)
    tracked.set("evaluate", beam_size=5)
    edit_code(tracked, "evaluate", CODE.replace("return 1", "return 2"))
    second = played(tracked)
    outcome = next(each for each in sync(tracked.root).outcomes if each.record.fingerprint == first)
    local = explain(tracked.root, [first, second])
    shutil.rmtree(tracked.home.folder)
    assert explain(tracked.root, [outcome.run_id, second[:8]]) == local
    assert "pipeline.evaluate: function main: body changed" in local
    with pytest.raises(SeqlabError, match="no run tf9"):
        explain(tracked.root, ["tf9", first])


def test_somebody_elses_run_has_nothing_to_compare(project: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    first = played(project)
    ours = load_run(project.home, first)
    monkeypatch.setattr(run_pair, "load_run", lambda _, run: ours if run == first else replace(ours, tags={}))
    for runs in ([first, "theirs"], ["theirs", first]):
        with pytest.raises(SeqlabError, match=f"run {ours.name} is none of seqlab's: it has no fingerprint"):
            explain(project.root, runs)


@pytest.mark.parametrize("name", ["/".join(["a" * 250] * 20), "a/" * 20_000 + "x"], ids=["long", "deep"])
def test_an_archive_that_no_folder_can_hold_is_no_code(project: Project, name: str) -> None:
    run = load_run(project.home, played(project)[:10])
    assert run_pair._code_of({name: b""}, run, "train") is None


def test_questions_that_have_no_answer(project: Project) -> None:
    runs = []
    for beam_size in range(1, 18):
        project.set("evaluate", beam_size=beam_size)
        project.evaluate()
        runs.append(project.executions()[-1].run_fingerprint)
    # Of 17 fingerprints two begin with the same digit.
    digits = [run[0] for run in runs]
    shared = next(digit for digit in digits if digits.count(digit) > 1)
    with pytest.raises(SeqlabError, match=f"more than one run in .* goes by {shared}: "):
        explain(project.root, [shared, runs[0]])
    with pytest.raises(SeqlabError, match=r"no run zz in .*, and no MLflow at"):
        explain(project.root, ["zz", runs[0]])
    assert not (project.root / "mlflow.db").exists()
    with pytest.raises(SeqlabError, match=r"no stage trian; did you mean train\?"):
        explain(project.root, ["trian", "evaluate"])
    for subjects in ([runs[0]], ["train", runs[0]], runs[:3]):
        with pytest.raises(SeqlabError, match="the stages are download, tokenize, train, evaluate, report"):
            explain(project.root, subjects)
