from statistics import fmean, stdev

import pytest

from seqlab.commands.search.finalists import Finalist, decide
from seqlab.commands.search.objective import Objective
from seqlab.commands.search.report import verdict
from seqlab.commands.search.trials import Trial, TrialResult
from seqlab.significance.recipe_test import verdicts
from tests.commands.search.played import BLEU, LOSS, ROOT, make


def finalist(number: int, search: float, *values: float | None) -> Finalist:
    (member,) = make(ROOT, [])
    trial = Trial(number, {}, member, TrialResult(f"t{number}", search))
    return Finalist(trial, [TrialResult("", value) for value in values])


def test_the_winner_has_the_best_mean_and_not_the_luckiest_seed() -> None:
    lucky, steady = finalist(1, 90.0, 60.0, 62.0, 95.0), finalist(2, 80.0, 78.0, 79.0, 80.0)
    final = decide([lucky, steady], BLEU)
    assert final.winner is steady
    assert (steady.mean, steady.deviation) == (fmean([78.0, 79.0, 80.0]), stdev([78.0, 79.0, 80.0]))
    assert final.verdicts == {1: verdicts([[78.0, 79.0, 80.0], [60.0, 62.0, 95.0]])[0]}
    assert final.indistinct == [lucky]
    assert "within the spread over seeds" in verdict(final)


@pytest.mark.parametrize(("objective", "winner"), [(BLEU, 2), (LOSS, 1)])
def test_a_difference_that_seeds_do_not_make(objective: Objective, winner: int) -> None:
    final = decide([finalist(1, 0.0, 10.0, 10.1, 10.2), finalist(2, 0.0, 20.0, 20.1, 20.2)], objective)
    assert final.winner.trial.number == winner
    assert final.indistinct == []
    assert verdict(final).startswith("the other is worse by more than seeds make (")


def test_one_that_fails_with_another_seed_does_not_win() -> None:
    fragile, gone = finalist(1, 90.0, 90.0, None, 91.0), finalist(2, 95.0, None, None, None)
    steady = finalist(3, 80.0, 70.0, 71.0, 72.0)
    final = decide([gone, fragile, steady], BLEU)
    assert [each.trial.number for each in final.finalists] == [3, 1, 2]
    assert (gone.mean, gone.deviation, gone.failed) == (None, None, 3)
    # Of one without values nothing is said, nor of a better one that it is worse.
    assert final.verdicts == {}
    assert (final.ahead, final.indistinct, final.untested) == ([fragile], [gone], [gone])
    assert verdict(final) == (
        "the other was not tested: no spread over seeds; 1 whose seeds failed did better with the others"
    )


def test_without_a_spread_there_is_no_p() -> None:
    # As of SCAN, where every seed learns all, or nothing.
    final = decide([finalist(1, 0.0, 100.0, 100.0), finalist(2, 0.0, 0.0, 0.0), finalist(3, 0.0, 1.0, 99.0)], BLEU)
    assert verdict(final).startswith("2 of the 2 others of the best can't be told from it: the difference is within")
    assert verdict(final).endswith("; 1 of these not tested: no spread over seeds")


def test_alone() -> None:
    final = decide([finalist(1, 1.0, 1.0, 2.0)], BLEU)
    assert verdict(final) == "nothing else was run with further seeds"
    assert final.verdicts == {}
