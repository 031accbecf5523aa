"""Interleaving, ratios by repetition, the memory of a process, tables, and the log."""

import time
from datetime import UTC, datetime
from pathlib import Path

import pytest

from benchmarks import run
from benchmarks.measure import (
    Measured,
    Spread,
    Times,
    in_child,
    interleaved,
    peak_memory,
    resident_memory,
    table,
)


def test_cases_take_turns_and_every_round_begins_with_another() -> None:
    calls: list[str] = []
    times = interleaved({name: (lambda name=name: calls.append(name)) for name in "abc"}, 3)  # type: ignore[misc]
    assert "".join(calls) == "cab" + "abc" + "bca" + "cab"  # the first round warms up
    assert {name: len(found.seconds) for name, found in times.items()} == {"a": 3, "b": 3, "c": 3}


def test_a_case_may_measure_itself() -> None:
    times = interleaved({"own": lambda: Measured(7.0), "clock": lambda: 7.0, "slow": lambda: time.sleep(0.02)}, 1)
    assert times["own"].seconds == (7.0,)
    assert times["clock"].seconds[0] < 1
    assert times["slow"].seconds[0] >= 0.02


def test_ratios_are_of_the_same_repetition() -> None:
    ours, theirs = Times((1.0, 2.0, 4.0)), Times((2.0, 4.0, 8.2))
    assert ours.faster_than(theirs) == Spread(2.0, 2.0, 2.05)
    assert ours.faster_than(theirs, work=0.5) == Spread(1.0, 1.0, 1.025)
    assert ours.per_second(8) == Spread(4.0, 2.0, 8.0)
    assert ours.spread.show(".1f") == "2.0 (1.0–4.0)"


def test_peak_memory_is_the_most_that_was_resident() -> None:
    before = resident_memory()
    # Beyond whatever this process had before.
    block = b"x" * (peak_memory() - before + 64_000_000)
    most = resident_memory()
    del block
    assert resident_memory() < most - 60_000_000
    # The kernel counts both by a few pages too many or too few.
    assert abs(peak_memory() - most) < 4_000_000


def test_table_leaves_empty_what_a_row_lacks() -> None:
    lines = table([{"case": "a", "time": "1 (1–2)"}, {"case": "b", "memory": 3}]).splitlines()
    assert [[cell.strip() for cell in line.split("|")[1:-1]] for line in (lines[0], *lines[2:])] == [
        ["case", "time", "memory"],
        ["a", "1 (1–2)", ""],
        ["b", "", "3"],
    ]


def test_a_child_that_fails_is_named() -> None:
    with pytest.raises(SystemExit, match="failed with exit status"):
        in_child("json.tool", {"no": "file"})


def test_the_log_is_only_ever_added_to(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    log = tmp_path / "log/2026-01-02.md"
    now = datetime(2026, 1, 2, 3, 4, tzinfo=UTC)
    run.append(log, run.section(now, new=True))
    log.write_text(log.read_text("utf-8") + "Tried: nothing.\n", "utf-8")
    before = log.read_text("utf-8")
    run.append(log, run.section(now, new=False))
    assert not run.run("benchmarks.of_nothing", log)
    after = log.read_text("utf-8")
    assert after.startswith(before)
    assert after.count("# Benchmarks, 2026-01-02") == 1
    assert after.count("## 03:04 UTC, commit ") == 2
    assert "`benchmarks.of_nothing` failed with exit status 1" in after
    assert "torch" in capsys.readouterr().out
