import random
from collections.abc import Sequence
from statistics import fmean

import numpy as np
import pytest
from sacrebleu import BLEU
from sacrebleu.significance import PairedTest
from scipy.stats import binomtest

from benchmarks.invented_runs import SIGNATURE, references, worsened
from seqlab.commands.compare.analysis import MATRIX_RUNS, analyse
from seqlab.significance import paired_test as paired_test_module
from seqlab.significance.bleu_counts import BleuCounter, Counts
from seqlab.significance.bleu_scores import bleu
from seqlab.significance.exact_counts import ExactMatchCounter, exact_match
from seqlab.significance.paired_test import (
    LEVEL,
    TRIALS,
    bootstrap_p,
    bootstrap_scores,
    holm,
    intervals,
    paired_test,
    randomization_p,
    range_p,
    trials_for,
)

TEXTS = references(70)
SYSTEMS = [worsened(TEXTS, errors, seed) for seed, errors in enumerate((0.3, 0.3, 0.28, 0.35, 0.6))]
PAIRS = [(0, other) for other in range(1, len(SYSTEMS))]

# Sentences better, sentences worse: where many resamples tie, and where none does.
FEW = [(7, 1), (9, 2), (40, 24), *((better, 0) for better in range(6, 11))]
SENTENCES = 1000
ROW = "le petit chat voit la grande maison"


def apart(better: int, worse: int) -> tuple[list[str], list[str]]:
    """Two systems of which each sentence's translation is right, or wrong in one and the same way."""
    wrong = ROW.replace("chat", "chien")
    changed = random.Random(better).sample(range(SENTENCES), better + worse)
    baseline, system = [ROW] * SENTENCES, [ROW] * SENTENCES
    for place in changed[:better]:
        baseline[place] = wrong
    for place in changed[better:]:
        system[place] = wrong
    return baseline, system


@pytest.fixture(scope="module")
def counts() -> list[Counts]:
    counter = BleuCounter(SIGNATURE, [[text] for text in TEXTS])
    return [counter.count(system) for system in SYSTEMS]


def paired(
    kind: str, monkeypatch: pytest.MonkeyPatch, systems: list[list[str]] = SYSTEMS
) -> tuple[list[float], list[tuple[float, float]]]:
    """sacreBLEU's p of each system against the first, and each system's mean and half interval."""
    monkeypatch.delenv("SACREBLEU_SEED", raising=False)
    named: list[tuple[str, Sequence[str]]] = [(str(number), system) for number, system in enumerate(systems)]
    _, results = PairedTest(named, {"BLEU": BLEU(force=True)}, [TEXTS], test_type=kind)()
    found = results["BLEU"]
    return [each.p_value for each in found[1:]], [(each.mean, each.ci) for each in found]  # type: ignore[union-attr,misc]


def test_the_paired_bootstrap_is_sacrebleus(counts: list[Counts], monkeypatch: pytest.MonkeyPatch) -> None:
    wanted, margins = paired("bs", monkeypatch)
    scores = bootstrap_scores(counts)
    assert bootstrap_p(counts, scores, PAIRS) == pytest.approx(wanted, abs=1e-12)
    for interval, (mean, margin) in zip(intervals(scores), margins, strict=True):
        assert (interval.low, interval.high) == pytest.approx((mean - margin, mean + margin), abs=1e-4)


def test_the_paired_randomization_is_sacrebleus(counts: list[Counts], monkeypatch: pytest.MonkeyPatch) -> None:
    wanted, _ = paired("ar", monkeypatch)
    assert randomization_p(counts, PAIRS) == pytest.approx(wanted, abs=1e-12)
    assert min(wanted) == pytest.approx(1 / 10001)
    assert max(wanted) > 0.05


@pytest.mark.parametrize("changed", [0, 1])
def test_runs_with_all_or_all_but_one_translation_the_same_do_not_differ(
    changed: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    system = SYSTEMS[4]
    nearly = [*TEXTS[:changed], *system[changed:]]
    counter = BleuCounter(SIGNATURE, [[text] for text in TEXTS])
    both = [counter.count(nearly), counter.count(system)]
    assert randomization_p(both, [(0, 1)]) == [1.0]
    assert not analyse(both).against_best[0].distinct
    # Here we differ from sacreBLEU, on purpose.
    assert paired("ar", monkeypatch, [nearly, system])[0] == [pytest.approx(1 / 10001)]


@pytest.mark.parametrize(("better", "worse"), FEW)
def test_a_few_sentences_are_judged_as_by_an_exact_sign_test(better: int, worse: int) -> None:
    baseline, system = apart(better, worse)
    result = paired_test(baseline, system, [[ROW]] * SENTENCES, SIGNATURE)
    exact = binomtest(better, better + worse).pvalue
    # Of so many trials, four standard errors.
    assert result.p == pytest.approx(exact, abs=4 * (exact * (1 - exact) / TRIALS) ** 0.5 + 1 / TRIALS)
    assert result.significant == (exact < LEVEL)
    counter = BleuCounter(SIGNATURE, [[ROW]] * SENTENCES)
    assert analyse([counter.count(system), counter.count(baseline)]).against_best[0].randomization == result.p
    assert result.signature == "ar:10000|seed:12345|nrefs:1|case:mixed|eff:no|tok:13a|smooth:exp|version:2.6.0"


@pytest.mark.parametrize("better", range(6))
def test_fewer_than_six_sentences_are_never_significant(better: int) -> None:
    baseline, system = apart(better, 0)
    assert not paired_test(baseline, system, [[ROW]] * SENTENCES, SIGNATURE).significant


def test_the_test_counts_as_the_score_does() -> None:
    """A tokenizer that sees characters finds a difference in a language without spaces; one that sees words, none."""
    baseline, system, references = ["東京都に住む"] * 40, ["東京府に住む"] * 40, [["東京府に居る"]] * 40
    signature = SIGNATURE.replace("tok:13a", "tok:char")
    assert paired_test(baseline, system, references, signature).significant
    assert paired_test(baseline, system, references, SIGNATURE).p == 1.0


def test_holm_is_rs() -> None:
    # p.adjust(c(0.01, 0.04, 0.03, 0.005), "holm") in R
    assert holm([0.01, 0.04, 0.03, 0.005]) == pytest.approx([0.03, 0.06, 0.06, 0.02])
    assert holm([0.5, 0.9]) == [1.0, 1.0]
    assert holm([]) == []


@pytest.mark.parametrize("comparisons", [1, 100, 499, 780])
def test_enough_trials_for_a_clear_difference(comparisons: int) -> None:
    smallest = 1 / (trials_for(comparisons) + 1)
    assert smallest * comparisons < 0.05
    assert trials_for(100) == 10_000


def test_the_best_was_chosen_and_so_is_held_against_the_others_as_all_pairs_are(counts: list[Counts]) -> None:
    ordered = [counts[0], counts[1], counts[3], counts[4]]
    analysis = analyse(ordered)
    assert sorted(analysis.pairs) == [(0, 1), (0, 2), (0, 3), (1, 2), (1, 3), (2, 3)]
    assert [verdict.corrected for verdict in analysis.pairs.values()] == holm(
        [verdict.randomization for verdict in analysis.pairs.values()]
    )
    assert analysis.against_best == [analysis.pairs[0, other] for other in range(1, 4)]
    assert [verdict.distinct for verdict in analysis.against_best][-1]


def test_the_range_counts_how_far_apart_chance_puts_any_two(counts: list[Counts]) -> None:
    scores = bootstrap_scores(counts)
    real = [bleu(each.sum(axis=0)) for each in counts]
    means = [fmean(row) for row in scores]
    expected = []
    for other in range(1, len(counts)):
        as_far = 0
        for sample in scores.T:
            around = [score - mean for score, mean in zip(sample, means, strict=True)]
            as_far += max(around) - min(around) >= real[0] - real[other] - 1e-9
        expected.append((as_far + 1) / (len(scores.T) + 1))
    assert range_p(counts, scores) == pytest.approx(expected)
    assert min(expected) < LEVEL < max(expected)


@pytest.mark.parametrize("runs", [12, MATRIX_RUNS + 2])
def test_of_many_runs_that_are_alike_hardly_any_is_called_worse(runs: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """Against the best of a dozen, which was chosen, one in ten would be by a correction for eleven comparisons."""
    # Quicker, and the level leaves room for it: 25 trials a comparison are for p far below it.
    monkeypatch.setattr(paired_test_module, "TRIALS_PER_COMPARISON", 1)
    draw = np.random.default_rng(1)
    alarms, repetitions = 0, 40
    for _ in range(repetitions):
        right = draw.random((runs, 300)) < 0.5
        counts = [np.stack([each, np.ones_like(each)], axis=1).astype(np.int32) for each in right]
        counts.sort(key=lambda each: -int(each[:, 0].sum()))
        alarms += any(verdict.distinct for verdict in analyse(counts, exact_match).against_best)
    assert alarms <= 4


def test_exact_match_against_an_exact_test() -> None:
    """Seven sentences better and one worse of 1,000: the sign test says 0.070; and against a plain count."""
    references = [[f"a {number}", "b"] for number in range(1000)]
    first = [f"a {number}" if number < 600 or number == 999 else "x" for number in range(1000)]
    second = ["b" if number < 607 else "x" for number in range(1000)]
    counter = ExactMatchCounter(references)
    counts = [counter.count(first), counter.count(second)]
    assert [float(exact_match(each.sum(axis=0))) for each in counts] == pytest.approx([60.1, 60.7])
    (p,) = randomization_p(counts, [(0, 1)], score=exact_match)
    assert p == pytest.approx(binomtest(1, 8).pvalue, abs=0.01)
    scores = bootstrap_scores(counts, score=exact_match)
    assert scores.std(axis=1) == pytest.approx([100 * (0.601 * 0.399 / 1000) ** 0.5] * 2, rel=0.1)
