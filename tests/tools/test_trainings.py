"""Members trained without DVC: what DVC's stages give, each once."""

import csv
import json
import os
import shutil
import subprocess
import sys
import time
from pathlib import Path

import psutil
import pytest
from click.testing import CliRunner

from seqlab.core.errors import SeqlabError
from tests.tools.small import SMALL
from tools.plan import add, planned
from tools.trainings import main

FOUR = (*SMALL, "model.attention=none,dot", "evaluate.beam_size=1,2")

LONG = [part for setting in FOUR for part in ("-S", setting.replace("epochs=1", "epochs=10000"))]
ROOT = Path(__file__).parents[2]
LONGEST_WAIT = 120


def run(folder: Path, *arguments: str) -> str:
    """The tool's output."""
    result = CliRunner().invoke(main, ["try", f"--folder={folder}", *arguments], catch_exceptions=False)
    assert result.exit_code == 0, result.output
    return result.output


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Four members of two trainings, trained in one process, and their table."""
    made = tmp_path_factory.mktemp("trainings")
    settings = [part for setting in FOUR for part in ("-S", setting)]
    run(made, "--recipe=grid", *settings, "--plan")
    assert "1/2" in run(made, "--jobs=1", f"--csv={made / 'try.csv'}")
    return made


def test_a_row_for_each_member(folder: Path) -> None:
    rows = list(csv.DictReader((folder / "try.csv").read_text("utf-8").splitlines()))
    assert [(row["model.attention"], row["evaluate.beam_size"]) for row in rows] == [
        (attention, size) for attention in ("none", "dot") for size in ("1", "2")
    ]
    greedy, beam = rows[:2]
    # One training; its loss under teacher forcing knows no search.
    assert greedy["loss"] == beam["loss"]
    assert greedy["train_seconds"] == beam["train_seconds"]
    assert greedy["bleu"] != beam["bleu"]
    assert rows[2]["loss"] != greedy["loss"]
    assert {row["machine"].split()[0] for row in rows} == {rows[0]["machine"].split()[0]}
    assert set(json.loads(greedy["by_length"])) <= {"0–5", "6–10", "11–15", "16–20", "21–30", "31–40", "41+"}


def test_what_has_a_result_is_not_trained_again(folder: Path) -> None:
    assert run(folder) == ""
    first = planned(folder / "try.json")[0]
    (folder / "results" / f"{first.digest}.json").unlink()
    # The training itself is there; the search is done again.
    seconds = json.loads((folder / "work" / first.training / "training.json").read_text())["train_seconds"]
    assert f"train_seconds={seconds}" in run(folder, "--jobs=1")


def test_results_of_another_machine_are_taken(folder: Path, tmp_path: Path) -> None:
    """Of its runtime, too: what is there is not trained here, whatever the machine."""
    made = shutil.copytree(folder, tmp_path / "made")
    settings = [part for setting in [*FOUR, "runtime.threads=7"] for part in ("-S", setting)]
    run(made, "--recipe=grid", *settings, "--plan")
    ours, theirs = (planned(made / "try.json")[part] for part in (slice(4), slice(4, None)))
    for mine, other in zip(ours, theirs, strict=True):
        shutil.copy(made / f"results/{mine.digest}.json", made / f"results/{other.digest}.json")
    assert run(made, f"--csv={made / 'try.csv'}") == ""
    rows = list(csv.DictReader((made / "try.csv").read_text("utf-8").splitlines()))
    assert [row["runtime.threads"] for row in rows] == ["1"] * 4 + ["7"] * 4


def test_a_worker_ends_with_who_started_it(tmp_path: Path) -> None:
    run(tmp_path, "--recipe=grid", *LONG, "--plan")
    command = [sys.executable, "-m", "tools.trainings", "try", "--jobs=1", f"--folder={tmp_path}"]
    with subprocess.Popen(command, cwd=ROOT, env=os.environ | {"PYTHONPATH": str(ROOT)}) as process:
        deadline = time.monotonic() + LONGEST_WAIT
        while not list((tmp_path / "work").glob("*")):
            assert time.monotonic() < deadline
            time.sleep(0.1)
        workers = psutil.Process(process.pid).children(recursive=True)
        process.kill()
    assert workers
    assert psutil.wait_procs(workers, LONGEST_WAIT)[1] == []


def test_what_starts_from_another_run_is_refused(tmp_path: Path) -> None:
    with pytest.raises(SeqlabError, match="seqlab sweep"):
        add(tmp_path / "try.json", "grid", ["train.start_from=base", "seed=1"])
    assert not (tmp_path / "try.json").exists()


def test_without_a_plan(tmp_path: Path) -> None:
    with pytest.raises(SeqlabError, match="--recipe makes it"):
        planned(tmp_path / "none.json")
