from pathlib import Path
from typing import Any

import pytest

from seqlab.tracking.journal.execution import mark_died, new_execution_id, read_execution
from seqlab.tracking.journal.journal import Journal
from tests.tracking.conftest import Project
from tests.tracking.entries import STARTED


def test_ids_are_unique_and_sort_by_time() -> None:
    ids = [new_execution_id() for _ in range(100)]
    assert len(set(ids)) == 100
    assert [each[:21] for each in ids] == sorted(each[:21] for each in ids)


def test_a_running_execution_of_this_process_is_alive(project: Project) -> None:
    project.recorder("train").start()
    (execution,) = project.executions()
    assert (execution.outcome, execution.is_alive()) == ("running", True)


def test_that_an_execution_died_is_noted_once(project: Project) -> None:
    project.recorder("train").start()
    (execution,) = project.executions()
    assert mark_died(execution).outcome == "died"
    size = execution.path.stat().st_size if execution.path else 0
    assert mark_died(execution).outcome == "died"
    assert execution.path is not None
    assert execution.path.stat().st_size == size


def test_last_words_count(project: Project) -> None:
    """The execution ended, and its process with it, just after it was read."""
    recorder = project.recorder("train")
    recorder.start()
    (before,) = project.executions()
    recorder.finish([])
    assert mark_died(before).outcome == "finished"
    assert project.executions()[0].outcome == "finished"


@pytest.mark.parametrize("ends", [["finished", "died"], ["died", "finished"]])
def test_its_own_word_counts_more_than_a_conclusion(tmp_path: Path, ends: list[str]) -> None:
    journal = Journal(tmp_path / "a.jsonl")
    journal.append("started", **STARTED)
    for end in ends:
        journal.append(end)
    execution = read_execution(journal.path)
    assert execution is not None
    assert execution.outcome == "finished"


def test_a_file_whose_start_is_lost_is_passed_over(project: Project) -> None:
    project.train()
    path = project.executions()[0].path
    assert path is not None
    path.write_bytes(path.read_bytes()[100:])
    assert read_execution(path) is None
    assert project.executions() == []


@pytest.mark.parametrize("missing", sorted(STARTED))
def test_a_start_without_its_facts_is_none(tmp_path: Path, missing: str) -> None:
    journal = Journal(tmp_path / "a.jsonl")
    journal.append("started", **{name: value for name, value in STARTED.items() if name != missing})
    assert read_execution(journal.path) is None
    journal.append("started", **STARTED)
    assert read_execution(journal.path) is not None


@pytest.mark.parametrize("numerics", [{}, {"numerics": {"threads": float("nan")}}, {"numerics": {"threads": 1e999}}])
def test_numerics_that_are_none_are_unknown(tmp_path: Path, numerics: dict[str, Any]) -> None:
    journal = Journal(tmp_path / "a.jsonl")
    journal.append("started", **STARTED)
    journal.append("numerics", **numerics)
    execution = read_execution(journal.path)
    assert execution is not None
    assert execution.numerics_class == ""
