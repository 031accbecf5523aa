from statistics import stdev

from seqlab.commands.compare.runs import ComparedRun
from seqlab.commands.compare.seeds import recipes, seed_groups
from seqlab.significance.paired_test import Interval


def run(name: str, bleu: float, seed: int, *, code: str = "a", **params: str) -> ComparedRun:
    tags = {"code.train": code, "commit": name}
    return ComparedRun(name, name, "", "", {"seed": str(seed), **params}, tags, {"test/bleu": bleu})


def test_spread_over_seeds_and_over_sentences() -> None:
    runs = [run("a", 20.0, 1, size="64"), run("b", 23.0, 2, size="64"), run("c", 22.0, 3, size="64")]
    runs += [run("d", 30.0, 1, size="128"), run("e", 34.0, 2, size="128"), run("f", 5.0, 1, size="256")]
    intervals = [Interval(0, 0, deviation) for deviation in (1.0, 2.0, 3.0, 0.5, 0.7, 9.0)]
    first, second = seed_groups(runs, intervals, ["size", "seed"])
    assert [group.recipe for group in (first, second)] == [0, 1]
    assert recipes(runs) == [[3, 4], [0, 1, 2], [5]]
    assert (first.values, first.mean, first.over_seeds) == ({"size": "128"}, 32.0, stdev([30.0, 34.0]))
    assert first.over_sentences == 0.6
    assert second.scores == [20.0, 23.0, 22.0]
    assert (second.mean, second.over_sentences) == (65 / 3, 2.0)


def test_other_code_is_another_experiment() -> None:
    runs = [run("a", 20.0, 1), run("b", 23.0, 2, code="b")]
    assert seed_groups(runs, [Interval(0, 0, 1.0)] * 2, ["seed"]) == []


def test_one_seed_twice_has_no_spread() -> None:
    assert seed_groups([run("a", 20.0, 1), run("b", 20.0, 1)], [Interval(0, 0, 1.0)] * 2, []) == []


def test_a_seed_that_was_trained_again_is_no_further_seed() -> None:
    # As after an upgrade of the libraries: the same parameters, code and data, and other bytes.
    runs = [run("a", 20.0, 1), run("b", 26.0, 2), run("c", 21.0, 1), run("d", 25.0, 2), run("e", 22.0, 1)]
    [group] = seed_groups(runs, [Interval(0, 0, 1.0)] * 5, ["seed"])
    assert group.scores == [21.0, 25.5]
    assert (group.mean, group.over_seeds) == (23.25, stdev([21.0, 25.5]))
    others = [run("f", 22.0, 1, size="64"), run("g", 22.0, 2, size="64")]
    # A mean over runs would put these first.
    assert recipes([run("h", 30.0, 1), run("i", 16.0, 2), run("j", 16.0, 2), *others]) == [[0, 1, 2], [3, 4]]
