"""Halving on a record: in half the epochs it finds the same best member as a search without, but where curves cross.

curves.csv has the validation BLEU of 24 members after each of 8 epochs, of the embedded grammar. It was made in a
working copy with corpus.grammar.train_size 8000 by

    dvc repro tokenize
    python -m tools.search_against_grid --record tests/commands/search/curves.csv
"""

import csv
from pathlib import Path

import pytest

from seqlab.commands.search.trials import Budget, Trial, TrialResult, Trials
from seqlab.commands.search.view import View
from seqlab.commands.sweep.members import Member
from tests.commands.search.played import BLEU, space_of, start

with open(Path(__file__).with_name("curves.csv"), encoding="utf-8", newline="") as _file:
    _names, *_rows = csv.reader(_file)
NAMES = [name for name in _names if not name.isdigit()]
CURVES = {tuple(row[: len(NAMES)]): [float(each) for each in row[len(NAMES) :]] for row in _rows}
SPACE = [f"{name}={','.join(dict.fromkeys(key[at] for key in CURVES))}" for at, name in enumerate(NAMES)]
EPOCHS = len(next(iter(CURVES.values())))


def recorded(member: Member) -> TrialResult:
    """What training came to by the record: the best epoch of those that the member has."""
    settings = dict(each.split("=") for each in member.settings)
    epochs = member.params.train.epochs
    return TrialResult(member.name, max(CURVES[tuple(settings[name] for name in NAMES)][:epochs]), epochs=epochs)


def search(
    monkeypatch: pytest.MonkeyPatch, trials: int, seed: int, per_round: int = 4, halving: bool = False
) -> Trials:
    budget = Budget(trials, per_round, seed, halving=halving)
    found = start(monkeypatch, *SPACE, f"train.epochs={EPOCHS}", budget=budget)
    while members := found.propose():
        found.tell([recorded(each) for each in members])
    return found


def epochs(trials: Trials) -> int:
    return View("mine", BLEU, space_of(*SPACE), trials, 1).epochs


def curve(trial: Trial) -> list[float]:
    return CURVES[tuple(str(trial.values[name]) for name in NAMES)]


@pytest.mark.parametrize(("trials", "per_round", "missed"), [(12, 4, [6]), (16, 8, [])])
def test_the_same_best_member_in_half_the_epochs(
    trials: int, per_round: int, missed: list[int], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Of ten seeds; docs/search.md has the figures."""
    others = []
    for seed in range(1, 11):
        whole, halved = (search(monkeypatch, trials, seed, per_round, halving=each) for each in (False, True))
        assert (len(whole.done), epochs(whole)) == (trials, trials * EPOCHS)
        assert 2 * epochs(halved) == epochs(whole)
        (best,), (found,) = whole.best(1), halved.best(1)
        if best.values != found.values:
            others.append(seed)
            # It was the best at the end, and not on the way.
            assert max(curve(best)[: EPOCHS // 2]) < max(curve(found)[: EPOCHS // 2])
    assert others == missed
