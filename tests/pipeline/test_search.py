"""A halved search, killed in the middle, ends as one that was not, and so does one that lost everything."""

import shutil
import signal
import subprocess
import time

import pytest

from seqlab.tracking.journal.journal import read_journal
from tests.pipeline.conftest import Project

# Fourteen runs of the pipeline, one after the other or two at a time.
pytestmark = [pytest.mark.slow, pytest.mark.timeout(1800)]

LONGEST_WAIT = 600
# Of this seed, one trial has a learning rate by which training diverges.
SEARCH = ["seqlab", "search", "--halving", "--trials", "3", "--round", "3", "--best", "1", "--seeds", "2"]
SEARCH += ["--seed", "133", "--metric", "loss", "-S", "train.learning_rate=log(1e-3,1e9)"]
SEARCH += ["-S", "model.hidden_size=8..32/8", "-S", "train.epochs=4"]


def digests(project: Project) -> dict[str, str]:
    """Experiment → what dvc.lock says in it, whose digests are those of every output."""
    head = project.run("git", "rev-parse", "HEAD").stdout.strip()
    folder = f"refs/exps/{head[:2]}/{head[2:]}/"
    listed = project.run("git", "for-each-ref", "--format=%(refname) %(objectname)", folder).stdout.splitlines()
    found = dict(line.split() for line in listed)
    return {
        name.rpartition("/")[2]: project.run("git", "show", f"{commit}:dvc.lock").stdout
        for name, commit in found.items()
    }


def ending(output: str) -> list[str]:
    """What won, and by how much."""
    lines = output.splitlines()
    return lines[next(at for at, line in enumerate(lines) if line.startswith("Search search:")) : -1]


def starts(project: Project) -> list[tuple[int, int]]:
    """The epochs of each training that was started, and how many of them it had behind it then."""
    entries = [read_journal(path) for path in (project.root / ".seqlab/journal/train").glob("*/*.jsonl")]
    started = [each for journal in entries for each in journal if each["event"] == "TrainingStarted"]
    return [(each["epochs"], each["epoch"] - 1) for each in started]


def ended_by(project: Project, number: signal.Signals, count: int) -> tuple[int, str]:
    """Start the search, and send it a signal when so many experiments are there; its exit status, and what it said."""
    log = project.root / ".seqlab.log"
    with open(log, "w") as file:
        process = subprocess.Popen(
            SEARCH, cwd=project.root, env=project.environment, stdout=file, stderr=file, start_new_session=True
        )
    deadline = time.monotonic() + LONGEST_WAIT
    while len(digests(project)) < count:
        assert process.poll() is None, log.read_text()
        assert time.monotonic() < deadline, log.read_text()
        time.sleep(0.5)
    process.send_signal(number)
    return process.wait(LONGEST_WAIT), log.read_text()


def test_a_killed_search_and_one_that_lost_everything_end_alike(queueing: Project) -> None:
    # Without a word, in the first rung; by Ctrl-C in the second.
    assert ended_by(queueing, signal.SIGKILL, 1)[0] == -signal.SIGKILL
    status, log = ended_by(queueing, signal.SIGINT, 3)
    assert (status, log.splitlines()[-1]) == (
        130,
        "Search search: stopped after 0 of 3 trials; the same command goes on",
    ), log
    said = queueing.run(*SEARCH).stdout
    found, page = digests(queueing), queueing.read("reports/search.html")
    assert ending(said)[0] == "Search search: 3 trials, 1 failed, 1 fell behind"
    assert "Epochs   6 of 8 that the trials have without halving" in said
    # Two after one epoch, both after two, the better one after all; and that with two further seeds.
    assert len(found) == 2 + 2 + 1 + 2
    # Each rung went on from the one before.
    assert {behind for epochs, behind in starts(queueing) if epochs == 2} >= {1}
    assert max(behind for epochs, behind in starts(queueing) if epochs == 4) == 2

    # What is done is not run again, nor what diverged.
    before = starts(queueing)
    assert ending(queueing.run(*SEARCH).stdout) == ending(said)
    assert len(starts(queueing)) == len(before)

    # The journal, MLflow, the experiments and the queue's memory are gone; DVC's cache has the trainings.
    queueing.dvc("queue", "remove", "--all")
    queueing.dvc("exp", "remove", "--all-commits")
    assert digests(queueing) == {}
    for path in (".seqlab", "mlartifacts"):
        shutil.rmtree(queueing.root / path)
    (queueing.root / "mlflow.db").unlink()
    again = queueing.run(*SEARCH).stdout
    assert "the numbers went wrong" in again
    assert ending(again) == ending(said)
    assert digests(queueing) == found
    assert queueing.read("reports/search.html") == page
