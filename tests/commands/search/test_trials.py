"""What is proposed depends on the seed and on what came of earlier trials, and on nothing else."""

import math
from collections.abc import Callable, Sequence
from functools import partial

import pytest

from seqlab.commands.search.trials import Budget
from seqlab.commands.sweep.members import Member
from seqlab.commands.sweep.names import LONGEST
from seqlab.core.errors import SeqlabError
from tests.commands.search.played import BLEU, LOSS, play, start

# Beyond the trials that Optuna samples at random.
BUDGET = Budget(trials=15, round=4, seed=1)


class Killed(Exception):  # noqa: N818 (it stands for a signal)
    """The search's process ended."""


def value(member: Member) -> float | None:
    """Best where the learning rate is 3e-3 and the hidden size large; too high a rate fails."""
    params = member.params
    if params.train.learning_rate > 5e-2:
        return None
    distance = abs(math.log10(params.train.learning_rate / 3e-3))
    return 50 - 10 * distance + params.model.hidden_size / 64 + 2 * (params.model.attention == "dot")


def all_of(members: Sequence[Member]) -> list[float | None]:
    return [value(member) for member in members]


def killed_after(runs: int, kept: dict[str, float | None], backwards: bool) -> Callable[..., list[float | None]]:
    """Runs members in either order, keeps what came of them, and dies before one more than so many."""
    left = runs

    def run(members: Sequence[Member]) -> list[float | None]:
        nonlocal left
        for member in reversed(members) if backwards else members:
            if member.name in kept:
                continue
            if left == 0:
                raise Killed
            left -= 1
            kept[member.name] = value(member)
        return [kept[member.name] for member in members]

    return run


def test_a_search_killed_at_any_point_tries_the_same_as_one_that_was_not(monkeypatch: pytest.MonkeyPatch) -> None:
    whole = play(start(monkeypatch, budget=BUDGET), all_of)
    assert len(set(whole)) == BUDGET.trials
    for point in range(BUDGET.trials):
        kept: dict[str, float | None] = {}
        with pytest.raises(Killed):
            play(start(monkeypatch, budget=BUDGET), killed_after(point, kept, backwards=point % 2 == 0))
        assert len(kept) == point
        assert play(start(monkeypatch, budget=BUDGET), killed_after(10**9, kept, backwards=True)) == whole


def test_more_trials_are_the_same_ones_and_further_ones(monkeypatch: pytest.MonkeyPatch) -> None:
    whole = play(start(monkeypatch, budget=BUDGET), all_of)
    for fewer in (1, 8, 14):
        assert play(start(monkeypatch, budget=Budget(fewer, 4, 1)), all_of) == whole[:fewer]


def test_another_seed_tries_others(monkeypatch: pytest.MonkeyPatch) -> None:
    one, two = (set(play(start(monkeypatch, budget=Budget(22, 4, seed)), all_of)) for seed in (1, 2))
    assert not one & two


def test_it_goes_where_values_are_good(monkeypatch: pytest.MonkeyPatch) -> None:
    """Upwards by BLEU, downwards by loss: the late trials lie near the optimum, and not where the worst are."""

    def distances(members: Sequence[Member]) -> list[float]:
        return [abs(math.log10(member.params.train.learning_rate / 3e-3)) for member in members]

    def signed(sign: int, members: Sequence[Member]) -> list[float]:
        return [sign * each for each in distances(members)]

    for objective, sign in ((BLEU, -1), (LOSS, 1)):
        trials = start(monkeypatch, budget=Budget(40, 4, 1), objective=objective)
        play(trials, partial(signed, sign))
        found = distances([trial.member for trial in trials.done])
        # Of random trials the mean is about 0.85.
        assert math.fsum(found[20:]) / 20 < 0.4
        assert trials.best(1)[0].outcome.value == sign * min(found)


def test_what_failed_is_told_as_failed(monkeypatch: pytest.MonkeyPatch) -> None:
    trials = start(monkeypatch, budget=BUDGET)
    play(trials, all_of)
    failed = [trial for trial in trials.done if trial.outcome.value is None]
    assert failed
    assert [told.outcome is None for told in trials.told()] == [trial in failed for trial in trials.done]
    assert not [trial for trial in trials.best(100) if trial in failed]
    assert [trial.number for trial in trials.done] == list(range(1, 16))


def test_refused_combinations_take_no_trial_s_place_and_are_counted(monkeypatch: pytest.MonkeyPatch) -> None:
    settings = ("model.attention=none,dot", "model.input_feeding=true,false", "model.dropout=0..0.5")
    trials = start(monkeypatch, *settings, budget=BUDGET)
    tried = play(trials, lambda members: [member.params.model.dropout for member in members])
    assert len(tried) == BUDGET.trials
    assert not any({"model.attention=none", "model.input_feeding=True"} <= set(each) for each in tried)
    assert list(trials.refusals) == ["model: input_feeding needs attention: set attention to dot, general or additive"]
    assert trials.refusals.total() == len(trials.refused) > 1


def test_a_space_that_is_tried_out_ends_the_search(monkeypatch: pytest.MonkeyPatch) -> None:
    trials = start(monkeypatch, "model.layers=1..3", "model.attention=none,dot", budget=BUDGET)
    tried = play(trials, lambda members: [float(member.params.model.layers) for member in members])
    assert len(tried) == len(set(tried)) == 6


def test_a_space_of_refused_combinations_says_why(monkeypatch: pytest.MonkeyPatch) -> None:
    settings = ("model.attention=none", "model.input_feeding=true", "model.layers=1..3")
    with pytest.raises(SeqlabError, match=r"no combination .* input_feeding needs attention"):
        start(monkeypatch, *settings, budget=BUDGET).propose()


def test_names_say_what_is_tried_and_are_never_shared(monkeypatch: pytest.MonkeyPatch) -> None:
    trials = start(monkeypatch, budget=BUDGET)
    play(trials, all_of)
    first = trials.done[0].member
    dot = first.params.model
    assert first.name == f"lr{first.params.train.learning_rate}-h{dot.hidden_size}-attention-{dot.attention}"
    # So many parameters that names are cut before what differs.
    long = [f"train.{name}=0.5,0.25" for name in ("learning_rate_decay", "teacher_forcing_decay", "average_decay")]
    long += ["train.teacher_forcing_floor=0.5,0.25", "train.label_smoothing=0.0001..0.5"]
    trials = start(monkeypatch, *long, budget=BUDGET)
    play(trials, lambda members: [0.0 for _ in members])
    names = [trial.member.name for trial in trials.done]
    assert len(set(names)) == BUDGET.trials
    assert max(map(len, names)) == LONGEST


def test_further_seeds_follow_the_search_s_own(monkeypatch: pytest.MonkeyPatch) -> None:
    trials = start(monkeypatch, "seed=7", "model.layers=1..3", budget=Budget(2, 2, 1))
    play(trials, lambda members: [float(member.params.model.layers) for member in members])
    (best,) = trials.best(1)
    assert best.member.params.seed == 7
    members = trials.with_seeds(best, 3)
    assert [member.params.seed for member in members] == [8, 9, 10]
    assert {member.params.model_copy(update={"seed": 7}) == best.member.params for member in members} == {True}
    assert [member.name for member in members] == [f"{best.member.name}-s{seed}" for seed in (8, 9, 10)]
