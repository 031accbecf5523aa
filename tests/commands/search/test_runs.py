"""Outcomes are read from experiments; what is missing is run, and what failed is told apart."""

import json
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest

from seqlab.commands.search import runs as module
from seqlab.commands.search.runs import OWN_FAILURE, Runs, Stopped
from seqlab.commands.search.trials import TrialResult
from seqlab.commands.sweep.members import Member
from seqlab.commands.sweep.plan import Planned
from seqlab.commands.sweep.result import Result
from seqlab.commands.sweep.where import Where
from seqlab.core.errors import SeqlabError
from seqlab.params.params import Params
from tests.commands.search.played import BLEU, LOSS, ROOT, make

DIVERGED = "train: the numbers went wrong at step 2 (epoch 1, batch 2): loss nan"


def member(name: str, seed: int) -> Member:
    (made,) = make(ROOT, [f"seed={seed}"])
    return Member(name, made.settings, made.params)


def came(name: str, value: float) -> TrialResult:
    """The outcome of a training of three epochs."""
    return TrialResult(name, value, epochs=3)


WHERE = Where("local", 2, lambda _: False)
A, B = member("a", 1), member("b", 2)


class There:
    """A working copy: finished experiments, what the queue remembers, and what running would come to."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.finished: dict[str, tuple[Params, float]] = {}
        self.failed: dict[str, tuple[Params, str]] = {}
        self.run: Callable[[Sequence[Member]], Result] = lambda _: Result()
        self.ran: list[list[str]] = []
        self.planned: list[list[str]] = []
        self.said: list[str] = []
        self.moved = False
        monkeypatch.setattr(module, "Experiments", lambda _: self)
        monkeypatch.setattr(module, "make_executor", lambda *_: self)
        monkeypatch.setattr(module, "output_at", lambda _root, revision, _path: self.read(revision))
        monkeypatch.setattr(module, "run_plan", self.run_plan)
        self.runs = Runs(Path(), "mine", WHERE, BLEU, self.said.append)

    def check_baseline(self) -> None:
        if self.moved:
            raise SeqlabError("another commit was checked out meanwhile")

    def revisions(self) -> dict[str, str]:
        return {name: f"of {name}" for name in self.finished}

    def params(self, revision: str) -> Params:
        name = revision.removeprefix("of ")
        return (self.finished | self.failed)[name][0]

    def read(self, revision: str) -> str:
        bleu = self.finished[revision.removeprefix("of ")][1]
        best = {"epoch": 1, "step": 7, "bleu": bleu, "exact_match": bleu / 2, "loss": 100 - bleu, "perplexity": 7.0}
        counts = {"epochs": 3, "steps": 21, "parameters": 3, "clipped_steps": 0, "largest_gradient_norm": 1.0}
        return json.dumps({"best": best, "stopped_early": False, **counts})

    def failure(self, planned: Planned) -> str:
        params, why = self.failed[planned.name]
        return why if params == planned.member.params else ""

    def plan(self, members: Sequence[Member], *_: Any) -> list[Planned]:
        self.planned.append([each.name for each in members])
        return [Planned(each, "failed" if each.name in self.failed else "new") for each in members]

    def run_plan(self, _root: Path, _executor: Any, plan: Sequence[Planned], **options: Any) -> Result:
        self.ran.append([each.name for each in plan])
        options["say"]("Sweep mine: 2 members, 2 to run")
        options["say"]("warning: git does not know src/new.py")
        return self.run([each.member for each in plan])

    def outcomes(self, members: Sequence[Member], heading: str) -> list[TrialResult]:
        """What came of members that were run if they had to be."""
        return self.runs.complete(self.runs.known(members), heading)

    def finish(self, *names: str, failed: dict[str, str] | None = None) -> None:
        """What comes of the next run: these finish with BLEU 1, 2, …, others fail so."""

        def run(members: Sequence[Member]) -> Result:
            for each in members:
                if each.name in names:
                    self.finished[each.name] = each.params, 1.0 + names.index(each.name)
            return Result(done=list(names), failed=failed or {})

        self.run = run


@pytest.fixture
def there(monkeypatch: pytest.MonkeyPatch) -> There:
    return There(monkeypatch)


def test_what_is_done_under_any_name_is_read_and_not_run(there: There) -> None:
    there.finished = {"b": (A.params, 30.0), "z": (B.params, 40.0), "other": (member("", 9).params, 50.0)}
    # b is the name of another's experiment.
    assert there.outcomes([A, B], "Round 1") == [came("b", 30.0), came("z", 40.0)]
    assert (there.ran, there.said) == ([], [])
    # Where several are of one recipe, its own.
    there.finished = {"0": (A.params, 30.0), "a": (A.params, 30.0)}
    assert there.outcomes([A], "Round 1") == [came("a", 30.0)]


def test_of_code_that_is_another_nothing_is_read(there: There, monkeypatch: pytest.MonkeyPatch) -> None:
    there.finished = {"a": (A.params, 30.0)}
    monkeypatch.setattr(there, "params", lambda _: None)
    assert there.runs.known([A]).found == {}


def test_what_is_missing_is_run_and_a_sweep_s_words_are_not_repeated(there: There) -> None:
    there.finished = {"a": (A.params, 30.0)}
    there.finish("b")
    assert there.outcomes([A, B], "Round 1 of 5") == [came("a", 30.0), came("b", 1.0)]
    assert there.ran == [["b"]]
    assert there.said == ["Round 1 of 5: 2 members, 1 to run", "warning: git does not know src/new.py"]


def test_a_round_is_planned_once_and_not_where_all_of_it_is_done(there: There) -> None:
    """On a cluster each plan asks git's remote, DVC's, the MLflow server and SLURM."""
    there.finished = {"a": (A.params, 30.0)}
    there.finish("b")
    there.outcomes([A, B], "Round 1")
    assert there.planned == [["b"]]
    there.outcomes([A, B], "Round 1")
    assert there.planned == [["b"]]


def test_what_planning_fetched_is_done(there: There, monkeypatch: pytest.MonkeyPatch) -> None:
    def plan(members: Sequence[Member]) -> list[Planned]:
        there.finished["a"] = A.params, 30.0
        return [Planned(each, "done" if each.name == "a" else "new") for each in members]

    monkeypatch.setattr(there, "plan", plan)
    there.finish("b")
    assert there.outcomes([A, B], "Round 1") == [came("a", 30.0), came("b", 1.0)]
    assert there.ran == [["b"]]
    assert there.said[0] == "Round 1: 2 members, 1 to run"


def test_the_objective_s_figure_is_taken(there: There) -> None:
    there.finished = {"a": (A.params, 30.0)}
    assert Runs(Path(), "mine", WHERE, LOSS, there.said.append).known([A]).found == {"a": came("a", 70.0)}


def test_what_diverged_is_told_as_failed_and_not_run_again(there: There) -> None:
    there.finish("b", failed={"a": DIVERGED})
    assert there.outcomes([A, B], "Round 1") == [TrialResult("a", None, DIVERGED), came("b", 1.0)]
    assert any(DIVERGED in line and "dvc queue logs a" in line for line in there.said)
    there.failed["a"] = A.params, DIVERGED
    assert there.outcomes([A, B], "Round 1") == [TrialResult("a", None, DIVERGED), came("b", 1.0)]
    assert there.ran == [["a", "b"]]
    # Of other parameters under its name, nothing is known of this one; nor is it without a log.
    for failed in ((B.params, DIVERGED), (A.params, "")):
        there.failed["a"] = failed
        assert there.runs.known([A]).found == {}


def test_what_failed_by_something_else_stops_the_search(there: There) -> None:
    """Told as failed, it would lead elsewhere than a search in which it did not fail."""
    there.finish("b", failed={"a": "it said nothing"})
    with pytest.raises(SeqlabError, match="search mine stops: a failed, and not by the parameters alone"):
        there.outcomes([A, B], "Round 1")
    there.failed["a"] = A.params, "it said nothing"
    there.finish("a")
    assert there.outcomes([A, B], "Round 1") == [came("a", 1.0), came("b", 1.0)]


@pytest.mark.parametrize(
    ("reason", "own"),
    [
        (DIVERGED, True),
        ("train: out of memory; try a smaller train.batch_size", True),
        ("tokenize: tokenizer.vocab_size 5 is too small", True),
        ("tokenize: No space left on device; finished stages are kept: make room or fix it, then `dvc repro`", False),
        ("train: interrupted; `dvc repro` goes on from the last saved step", False),
        ("train: torch 2.0 is installed, and versions.toml pins 2.13.0", False),
        ("download: cannot fetch https://example.org", False),
        ("Unable to acquire lock", False),
    ],
)
def test_whose_fault_it_is(reason: str, own: bool) -> None:
    assert bool(OWN_FAILURE.match(reason)) == own


@pytest.mark.parametrize("stopped", [["a"], []])
def test_ctrl_c(there: There, stopped: list[str]) -> None:
    """Also where it came as the last member ended: another round is not what was asked for."""
    there.run = lambda _: Result(stopped=stopped, interrupted=True)
    with pytest.raises(Stopped):
        there.outcomes([A, B], "Round 1")


@pytest.mark.parametrize("damage", ["NaN", "null", '"high"', "{}"])
def test_a_damaged_result_is_named(damage: str, there: There, monkeypatch: pytest.MonkeyPatch) -> None:
    there.finished = {"a": (A.params, 30.0)}
    content = there.read("of a")
    monkeypatch.setattr(there, "read", lambda _: content.replace("30.0", damage))
    with pytest.raises(SeqlabError, match=r"reports/training\.json of experiment of a is damaged"):
        there.runs.known([A])


def test_a_commit_between_two_rounds_ends_it_in_a_message(there: There) -> None:
    there.finished = {"a": (A.params, 20.0)}
    there.moved = True
    # What is done is known all the same.
    assert there.runs.known([A]).outcomes == [came("a", 20.0)]
    with pytest.raises(SeqlabError, match="another commit was checked out"):
        there.runs.known([A, B])
