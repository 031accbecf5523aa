"""The page of a search: what it says, and that no text in it is more than text."""

import math
import re
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import pytest

from seqlab.commands.search.finalists import Finalist, decide
from seqlab.commands.search.page import render_page
from seqlab.commands.search.report import conclusion
from seqlab.commands.search.trials import Budget, TrialResult, Trials
from seqlab.commands.search.view import View
from seqlab.commands.sweep.members import Member
from tests.commands.search.played import BLEU, play, space_of, start

HOSTILE = "<script>alert(1)</script>\u202e&"
SETTINGS = ("train.learning_rate=log(1e-4,1e-1)", "model.hidden_size=32..256/32", "tokenizer.kind=word,bpe")


def search(monkeypatch: pytest.MonkeyPatch, trials: int = 12) -> Trials:
    """A search in which only the learning rate counts, and every fifth trial fails."""
    found = start(monkeypatch, *SETTINGS, budget=Budget(trials, 4, 1))
    count = 0

    def run(members: Sequence[Member]) -> list[float | None]:
        nonlocal count
        values: list[float | None] = []
        for member in members:
            count += 1
            values.append(None if count % 5 == 0 else 1000 * member.params.train.learning_rate)
        return values

    play(found, run)
    return found


def view_of(trials: Trials, *, ended: bool = True) -> View:
    best = trials.best(2)
    seeds = [[TrialResult("", 10.0), TrialResult("", 12.0)], [TrialResult("", 11.0), TrialResult("", 19.0)]]
    found = [Finalist(trial, outcomes) for trial, outcomes in zip(best, seeds, strict=True)] if ended else []
    return View("mine", BLEU, space_of(*SETTINGS), trials, 1, decide(found, BLEU) if ended else None)


def test_it_has_the_history_the_importances_and_the_best_with_their_spread(monkeypatch: pytest.MonkeyPatch) -> None:
    trials = search(monkeypatch)
    view = view_of(trials)
    page = render_page(view)
    first, second = trials.best(2)
    # The second in the search has the better mean.
    assert f"{second.outcome.name}</bdi> has the best mean validation BLEU, 15.00 ± 5.66 over 2 further seeds" in page
    assert "the other can't be told from it" in page.replace("&#39;", "'")
    assert view.value(first.outcome.value) in page
    assert page.count("<svg") == 1 + len(SETTINGS)
    for trial in trials.done:
        assert f"<bdi>{trial.outcome.name}</bdi>" in page
    assert page.count(">failed</td>") == 2
    importances = view.importances
    assert next(iter(importances)) == "train.learning_rate"
    assert math.fsum(importances.values()) == pytest.approx(1)


def test_the_same_search_has_the_same_page(monkeypatch: pytest.MonkeyPatch) -> None:
    assert render_page(view_of(search(monkeypatch))) == render_page(view_of(search(monkeypatch)))


def test_what_fell_behind_is_shown_as_such_with_the_values_that_it_had(monkeypatch: pytest.MonkeyPatch) -> None:
    trials = start(monkeypatch, *SETTINGS, "train.epochs=8", budget=Budget(8, 4, 1, halving=True))
    while members := trials.propose():
        values = [1000 * each.params.train.learning_rate + each.params.train.epochs for each in members]
        trials.tell([TrialResult(each.name, value) for each, value in zip(members, values, strict=True)])
    page = render_page(view_of(trials, ended=False))
    rows = re.findall(r"<tr><th scope=\"row\">(\d+)</th>((?:<td class=\"figure\">[^<]*</td>)+)", page)
    figures = {int(number): re.findall('">([^<]*)<', cells) for number, cells in rows}
    for trial in trials.done:
        shown = [f"{trial.intermediate[each]:,.2f}" if each in trial.intermediate else "–" for each in (2, 4)]
        assert figures[trial.number] == ["pruned" if trial.pruned else f"{trial.outcome.value:,.2f}", *shown]
    assert [cells[0] for cells in figures.values()].count("pruned") == 6
    assert "fell behind, after fewer epochs" in page
    assert "of the values after 2 epochs, which all trials have" in page
    assert "fell behind" not in render_page(view_of(search(monkeypatch)))


@pytest.mark.parametrize("trials", [1, 5])
def test_a_page_of_a_search_under_way(trials: int, monkeypatch: pytest.MonkeyPatch) -> None:
    page = render_page(view_of(search(monkeypatch, trials), ended=False))
    assert "The search has not ended" in page
    assert ("Too few trials" in page) == (trials == 1)


def test_a_page_of_failures_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    trials = start(monkeypatch, *SETTINGS, budget=Budget(3, 3, 1))
    play(trials, lambda members: [None for _ in members])
    assert render_page(view_of(trials, ended=False)).count(">failed</td>") == 3


def test_every_text_is_escaped(monkeypatch: pytest.MonkeyPatch) -> None:
    trials = search(monkeypatch)
    trials.done = [
        replace(
            trial, outcome=TrialResult(HOSTILE, trial.outcome.value, HOSTILE if trial.outcome.value is None else "")
        )
        for trial in trials.done
    ]
    trials.refused[("x",)] = HOSTILE
    view = view_of(trials)
    written = {**view.space.written, "model.hidden_size": HOSTILE}
    space = replace(view.space, written=written, fixed=(f"corpus.files.train={HOSTILE}",))
    page = render_page(replace(view, name=HOSTILE, space=space))
    assert "<script" not in page
    assert "&lt;script&gt;alert(1)&lt;/script&gt;" in page
    assert "\u202e" not in page.partition("</title>")[2]
    assert not re.search(r"<(?:link|img|iframe)[^>]*(?:href|src)=[\"'](?!data:)", page)


def test_the_last_lines_say_what_won_and_by_how_much(monkeypatch: pytest.MonkeyPatch) -> None:
    trials = search(monkeypatch)
    said = conclusion(view_of(trials), Path("reports/search.html")).splitlines()
    second = trials.best(2)[1]
    assert said[0] == "Search mine: 12 trials, 2 failed"
    assert said[1] == f"Winner   {second.outcome.name}, validation BLEU 15.00 ± 5.66 over 2 further seeds"
    assert said[2] == f"         (with the search's own seed, which chose it, {second.outcome.value:.2f})"
    assert said[3].strip().startswith("the other can't be told from it: the difference is within the spread over seeds")
    assert said[4].startswith("Matters  train.learning_rate ")
    assert said[-2:] == [f"Take it  dvc exp apply {second.outcome.name}", "Page     reports/search.html"]
