"""The better half of a round trains on; what fell behind is told so, whatever died in between."""

import math
from collections.abc import Callable, Sequence
from dataclasses import replace

import pytest
from optuna.trial import TrialState

from seqlab.commands.search.halving import ahead, places, rungs
from seqlab.commands.search.objective import Objective
from seqlab.commands.search.proposals import make_study
from seqlab.commands.search.trials import Budget, TrialResult, Trials
from seqlab.commands.search.view import View
from seqlab.commands.sweep.members import Member, recipe_digest
from seqlab.core.errors import SeqlabError
from tests.commands.search.played import BLEU, LOSS, SPACE, space_of, start

BUDGET = Budget(trials=10, round=4, seed=1, halving=True)
EPOCHS = "train.epochs=8"
Value = Callable[[Member], float | None]


def late(member: Member) -> float:
    """The value of a training that the larger model wins, though it begins slowly."""
    model, epochs = member.params.model, member.params.train.epochs
    return model.hidden_size / 32 * math.log2(epochs) - 1000 * abs(member.params.train.learning_rate - 0.003)


def outcome(member: Member, value: Value) -> TrialResult:
    found = value(member)
    if found is None:
        return TrialResult(member.name, None, "it diverged")
    return TrialResult(member.name, found, epochs=member.params.train.epochs)


def halved(
    monkeypatch: pytest.MonkeyPatch, value: Value = late, budget: Budget = BUDGET, objective: Objective = BLEU
) -> tuple[Trials, list[list[Member]]]:
    """A search to its end, and the members that ran side by side."""
    trials = start(monkeypatch, *SPACE, EPOCHS, budget=budget, objective=objective)
    ran = []
    while members := trials.propose():
        ran.append(members)
        trials.tell([outcome(each, value) for each in members])
    return trials, ran


def view_of(trials: Trials) -> View:
    return View("mine", BLEU, space_of(*SPACE), trials, 1)


@pytest.mark.parametrize(
    ("epochs", "expected"), [(4, (1, 2, 4)), (5, (2, 3, 5)), (6, (2, 3, 6)), (8, (2, 4, 8)), (31, (8, 16, 31))]
)
def test_trials_are_compared_after_a_quarter_and_half_of_their_epochs(epochs: int, expected: tuple[int, ...]) -> None:
    assert rungs(epochs) == expected


def test_of_a_round_the_half_goes_on_and_of_those_the_half() -> None:
    assert [[places(trials, rung) for rung in range(3)] for trials in (1, 2, 3, 4, 5, 8)] == [
        [1, 1, 1], [2, 1, 1], [3, 2, 1], [4, 2, 1], [5, 3, 2], [8, 4, 2],
    ]  # fmt: skip


def test_of_equal_values_the_earlier_is_ahead_and_what_failed_is_nowhere() -> None:
    assert ahead([1.0, None, 2.0, 2.0, 2.0], BLEU, 2) == [2, 3]
    assert ahead([1.0, None, 2.0, 2.0, 2.0], LOSS, 2) == [0, 2]
    assert ahead([None, 3.0, None], BLEU, 2) == [1]
    assert ahead([None], BLEU, 1) == []


def test_the_epochs_are_half_of_those_without_and_members_differ_in_nothing_else(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    trials, ran = halved(monkeypatch, budget=replace(BUDGET, trials=8))
    assert [[each.params.train.epochs for each in members] for members in ran] == 2 * [4 * [2], 2 * [4], [8]]
    # Each goes on from the epochs that it has behind it.
    assert view_of(trials).epochs == 2 * (4 * 2 + 2 * (4 - 2) + (8 - 4)) == 8 * 8 // 2
    assert view_of(trials).saving == "32 of 64 that the trials have without halving"
    # What reaches the end is the very member of a search without halving.
    plain = start(monkeypatch, *SPACE, EPOCHS, budget=replace(BUDGET, halving=False))
    by_settings = {each.settings: each for each in plain.propose()}
    (first,) = ran[2]
    assert (first.name, recipe_digest(first.params)) == (
        by_settings[first.settings].name,
        recipe_digest(by_settings[first.settings].params),
    )
    for member in ran[0]:
        train = member.params.train.model_copy(update={"epochs": 8})
        whole = member.params.model_copy(update={"train": train})
        assert recipe_digest(whole) in {recipe_digest(each.params) for each in by_settings.values()}
        assert member.name.endswith("-epochs2")


def test_who_is_behind_is_told_as_pruned_with_its_values_on_the_way(monkeypatch: pytest.MonkeyPatch) -> None:
    trials, _ = halved(monkeypatch)
    study = make_study(space_of(*SPACE), trials.told(), lower_is_better=False, seed=1)
    states = [each.state for each in study.trials]
    assert {TrialState.PRUNED, TrialState.COMPLETE} <= set(states)
    for trial, told in zip(trials.done, study.trials, strict=True):
        reached = max(trial.rungs)
        assert told.state == (TrialState.COMPLETE if reached == 8 else TrialState.PRUNED)
        assert list(told.intermediate_values) == [each for each in (2, 4, 8) if each <= reached]
        assert told.value == told.intermediate_values[reached] == late(trial.member)
    # The best are of those that were trained to their end; importances are of values after the same epochs.
    assert not any(each.pruned for each in trials.best(100))
    assert len(trials.best(100)) == states.count(TrialState.COMPLETE)
    assert [each.outcome for each in trials.compared()] == [each.intermediate[2] for each in trials.done]
    ranked = view_of(trials).ranked
    assert [max(each.rungs) for each in ranked] == sorted((max(each.rungs) for each in ranked), reverse=True)


@pytest.mark.parametrize("epochs", [2, 4, 8])
def test_what_fails_on_its_way_leaves_the_others_their_places(epochs: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """The best of the round diverges, at its first comparison or later."""
    trials, ran = halved(monkeypatch, budget=replace(BUDGET, trials=4))
    lost = trials.best(1)[0].values

    def value(member: Member) -> float | None:
        same = all(f"{name}={each}" in member.settings for name, each in lost.items())
        return None if same and member.params.train.epochs == epochs else late(member)

    again, members = halved(monkeypatch, value, budget=replace(BUDGET, trials=4))
    assert [len(each) for each in members] == ([4, 2, 1] if epochs != 8 else [len(each) for each in ran])
    (failed,) = [each for each in again.done if each.outcome.value is None]
    assert failed.values == lost
    assert failed.epochs == {2: 0, 4: 2, 8: 4}[epochs]
    assert len(again.best(4)) == (epochs != 8)


def test_when_all_of_a_round_fail_the_next_begins(monkeypatch: pytest.MonkeyPatch) -> None:
    trials, ran = halved(monkeypatch, lambda _: None)
    assert [len(each) for each in ran] == [4, 4, 2]
    assert [each.outcome.value for each in trials.done] == 10 * [None]


def test_what_stopped_early_counts_the_epochs_that_it_has(monkeypatch: pytest.MonkeyPatch) -> None:
    """By train.patience trainings end after the third epoch at the latest: without halving, too."""
    trials = start(monkeypatch, *SPACE, EPOCHS, "train.patience=1", budget=replace(BUDGET, trials=4))
    while members := trials.propose():
        trials.tell([replace(outcome(each, late), epochs=min(3, each.params.train.epochs)) for each in members])
    assert sorted(each.epochs for each in trials.done) == [2, 2, 3, 3]
    # Of those that were halted after two, nobody knows whether they would have gone beyond.
    assert view_of(trials).saving == "10 of at most 22 that the trials have without halving"


def test_lower_is_better_of_a_loss(monkeypatch: pytest.MonkeyPatch) -> None:
    trials, _ = halved(monkeypatch, budget=replace(BUDGET, trials=4), objective=LOSS)
    first = [each.intermediate[2] for each in trials.done]
    (whole,) = trials.best(4)
    assert whole.intermediate[2] in sorted(first)[:2]


class Killed(Exception):  # noqa: N818 (it stands for a signal)
    """The search's process ended."""


def test_killed_at_any_point_it_runs_the_same_to_the_same_end(monkeypatch: pytest.MonkeyPatch) -> None:
    def run(kept: dict[str, TrialResult], most: float, backwards: bool) -> Trials:
        trials = start(monkeypatch, *SPACE, EPOCHS, budget=BUDGET)
        while members := trials.propose():
            # Asked twice, it says the same.
            assert trials.propose() == members
            for member in reversed(members) if backwards else members:
                if member.name not in kept:
                    if len(kept) == most:
                        raise Killed
                    kept[member.name] = outcome(member, late)
            trials.tell([kept[member.name] for member in members])
        return trials

    everything: dict[str, TrialResult] = {}
    whole = run(everything, math.inf, backwards=False)
    assert len(everything) == 2 * (4 + 2 + 1) + (2 + 1 + 1)
    for point in range(0, len(everything), 2):
        kept: dict[str, TrialResult] = {}
        with pytest.raises(Killed):
            run(kept, point, backwards=point % 4 == 0)
        assert run(kept, math.inf, backwards=True).done == whole.done
        assert kept == everything


@pytest.mark.parametrize(
    ("settings", "per_round", "message"),
    [
        (["train.epochs=3"], 4, "train.epochs is 3, and --halving compares trials after a quarter .* take 4 or more"),
        (["train.epochs=4..8"], 4, r"-S train.epochs=4\.\.8: --halving compares .* give one value"),
        (["train.epochs=4,8"], 4, "-S train.epochs=4,8: --halving compares"),
        ([EPOCHS], 1, "--halving compares the trials of a round, and --round 1 has one"),
    ],
)
def test_what_cannot_be_halved_is_refused(
    settings: Sequence[str], per_round: int, message: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(SeqlabError, match=message):
        start(monkeypatch, *SPACE, *settings, budget=replace(BUDGET, round=per_round)).propose()
