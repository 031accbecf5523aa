"""`seqlab search` from beginning to end, with members that are not trained."""

import math
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from seqlab.cli import main
from seqlab.commands.search import command, trials
from seqlab.commands.search.runs import Known, Stopped
from seqlab.commands.search.trials import TrialResult
from seqlab.commands.sweep.members import Member
from tests.commands.search.played import ROOT, SPACE, make

SEARCH = ["search", "--trials", "6", "--round", "3", "--seeds", "2", *(part for each in SPACE for part in ("-S", each))]


class Played:
    """Runs whose outcomes stay from one search to the next; the next search is stopped at `stopped_at`."""

    kept: dict[str, float]
    published: list[str]
    stopped_at = math.inf
    diverges = False

    def __init__(self, *arguments: Any) -> None:
        self.say = arguments[-1]

    def known(self, members: Sequence[Member]) -> Known:
        there = [each for each in members if each.name in self.kept]
        epochs = {each.name: each.params.train.epochs for each in members}
        return Known(
            members, {each.name: TrialResult(each.name, self.kept[each.name], "", epochs[each.name]) for each in there}
        )

    def complete(self, known: Known, heading: str) -> list[TrialResult]:
        members = known.members
        self.say(f"{heading}: {' '.join(each.name for each in members)}")
        if self.diverges:
            return [TrialResult(each.name, None, "it diverged") for each in members]
        for each in members:
            if len(self.kept) == self.stopped_at:
                raise Stopped
            # Another seed is a little worse.
            value = each.params.model.hidden_size - each.params.seed / 10
            self.kept.setdefault(each.name, value)
        return self.known(members).outcomes

    def preview(self, members: Sequence[Member]) -> None:
        self.say(" ".join(each.name for each in members))

    def publish(self, members: Sequence[Member]) -> None:
        self.published += [each.name for each in members]


@pytest.fixture
def root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    for name in ("params.yaml", "dvc.yaml"):
        (tmp_path / name).write_bytes((ROOT / name).read_bytes())
    (tmp_path / ".dvc").mkdir()
    (tmp_path / "below").mkdir()
    monkeypatch.chdir(tmp_path / "below")
    monkeypatch.delenv("DVC_ROOT", raising=False)
    monkeypatch.setattr(trials, "make_members", make)
    monkeypatch.setattr(command, "Runs", Played)
    monkeypatch.setattr(Played, "kept", {}, raising=False)
    monkeypatch.setattr(Played, "published", [], raising=False)
    return tmp_path


def search(*arguments: str) -> Result:
    return CliRunner().invoke(main, [*SEARCH, *arguments])


def test_rounds_then_the_best_with_further_seeds_then_the_page(root: Path) -> None:
    result = search()
    assert result.exit_code == 0, result.output
    headings = [line.partition(":")[0] for line in result.output.splitlines() if line.startswith(("Round", "Best"))]
    assert headings == ["Round 1 of 2", "Round 2 of 2", "Best 3, 2 further seeds each"]
    assert len(Played.kept) == len(set(Played.published)) == 6 + 3 * 2
    best = max((name for name in Played.kept if "-s" not in name), key=lambda name: Played.kept[name])
    assert f"Winner   {best}, validation BLEU" in result.output
    assert "has the best mean" in (root / "reports/search.html").read_text("utf-8")


def test_a_dry_run_lists_the_round_that_is_next_and_runs_nothing(root: Path) -> None:
    before = search("--dry-run").output.splitlines()
    assert before[0] == "Round 1 of 2:"
    assert Played.kept == {}
    search()
    after = [name for name in Played.kept if "-s" not in name]
    assert before[1].split() == after[:3]
    del Played.kept[after[4]]
    assert search("--dry-run").output.splitlines() == ["Round 2 of 2:", " ".join(after[3:])]
    assert list((root / "reports").iterdir()) == [root / "reports/search.html"]


def test_stopped_anywhere_the_same_command_goes_on_to_the_same_end(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    # What a page shows, without the time that it takes to draw it.
    monkeypatch.setattr(command, "render_page", lambda view: repr((view.trials.done, view.final)))
    whole = search("--output", str(root / "whole")).output.splitlines()[-6:]
    names = list(Played.kept)
    Played.kept.clear()
    for point in (2, 5, 8):
        monkeypatch.setattr(Played, "stopped_at", point)
        stopped = search()
        assert stopped.exit_code == 130
        assert "the same command goes on" in stopped.output.splitlines()[-1]
        assert len(Played.kept) == point
    monkeypatch.setattr(Played, "stopped_at", math.inf)
    assert search().output.splitlines()[-6:-1] == whole[:-1]
    assert list(Played.kept) == names
    assert (root / "reports/search.html").read_bytes() == (root / "whole/search.html").read_bytes()


def test_a_best_epoch_that_another_metric_picks_is_noted(root: Path) -> None:
    note = "note: validation loss is that of the best epoch, which train.early_stopping_metric picks by bleu"
    assert note in search("--dry-run", "--metric", "loss").output
    for arguments in (["--metric", "bleu"], ["--metric", "loss", "-S", "train.early_stopping_metric=loss"]):
        assert "note" not in search("--dry-run", *arguments).output


def test_when_all_trials_fail_there_is_no_winner(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Played, "diverges", True)
    result = search()
    assert (result.exit_code, result.output.splitlines()[-1]) == (
        1,
        "Error: no winner: all 6 trials failed, the first: it diverged",
    )


HALVING = ("--halving", "--trials", "8", "--round", "4", "-S", "train.epochs=4")


def test_halving_runs_what_goes_on_and_says_what_it_saved(root: Path) -> None:
    result = search(*HALVING)
    assert result.exit_code == 0, result.output
    lines = result.output.splitlines()
    rounds = [line for line in lines if line.startswith("Round")]
    assert [(line.partition(":")[0], len(line.partition(": ")[2].split())) for line in rounds] == [
        (f"Round {number} of 2, {words}", members)
        for number in (1, 2)
        for words, members in (("1 epoch", 4), ("2 epochs", 2), ("4 epochs", 1))
    ]
    assert "Search search: 8 trials, 0 failed, 6 fell behind" in lines
    assert "Epochs   16 of 32 that the trials have without halving" in lines
    # Further seeds of the two that were trained to their end, with all epochs.
    assert len([name for name in Played.kept if "-s" in name and "epochs" not in name]) == 2 * 2
    assert len(Played.published) == 8 + 2 * 2
    page = (root / "reports/search.html").read_text("utf-8")
    assert page.count(">pruned</td>") == 6
    assert "16 of 32 that the trials have without halving" in page


def test_halving_goes_on_in_the_middle_of_a_rung(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(command, "render_page", lambda view: repr((view.trials.done, view.final)))
    whole = search(*HALVING).output.splitlines()[-7:]
    names = list(Played.kept)
    for point in (2, 5, 9, 13, 15):
        for name in names[point:]:
            del Played.kept[name]
        monkeypatch.setattr(Played, "stopped_at", point + 1)
        assert search(*HALVING).exit_code == 130
        monkeypatch.setattr(Played, "stopped_at", math.inf)
        assert (
            search(*HALVING, "--dry-run").output.splitlines()[0].startswith("Round" if point < 13 else "all 8 trials")
        )
        assert search(*HALVING).output.splitlines()[-7:] == whole
        assert list(Played.kept) == names


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--halving"], "train.epochs is 3, and --halving compares trials after a quarter of their epochs"),
        (["--halving", "-S", "train.epochs=4..8"], "--halving compares trials after as many epochs each"),
        (["--metric", "test/bleu"], "measured on the test set"),
        (["--name", "a b"], "at most 40 letters"),
        (["-S", "seed=1,2"], "seed is not searched"),
    ],
)
def test_refused_before_anything_runs(root: Path, arguments: list[str], message: str) -> None:
    result = search(*arguments)
    assert result.exit_code == 1
    assert message in result.output
    assert Played.kept == {}
