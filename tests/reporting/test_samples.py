from hypothesis import given, settings
from hypothesis import strategies as st

from seqlab.reporting.samples import choose, pick, ranking
from seqlab.results.records import Translation
from tests.reporting import run

KEYS = st.lists(st.tuples(st.sampled_from([0.0, 12.5, 50.0, 100.0]), st.integers(0, 9)), max_size=30)


@settings(deadline=None)
@given(KEYS, st.integers(0, 12))
def test_choice(keys: list[tuple[float, int]], count: int) -> None:
    spaced, best, worst = choose(keys, count)
    assert len(spaced) == min(count, len(keys))
    assert spaced == sorted(set(spaced))
    assert len(best) == min(count, (len(keys) + 1) // 2)
    assert len(worst) == min(count, len(keys) // 2)
    assert not set(best) & set(worst)
    rest = [keys[row][0] for row in range(len(keys)) if row not in {*best, *worst}]
    assert all(keys[row][0] >= score for row in best for score in rest)
    assert all(keys[row][0] <= score for row in worst for score in rest)


def test_sample_is_evenly_spaced() -> None:
    assert choose([(0.0, 0)] * 100, 4)[0] == [0, 25, 50, 75]


def test_ties_go_to_the_longer_source_then_to_the_earlier() -> None:
    keys = [(100.0, 3), (100.0, 9), (0.0, 2), (0.0, 8), (100.0, 9), (0.0, 8)]
    _, best, worst = choose(keys, 3)
    assert (best, worst) == ([1, 4, 0], [3, 5, 2])


def test_pick_keeps_the_order_chosen() -> None:
    translations = [Translation.model_validate(run.translation(number)) for number in range(20)]
    samples = pick(translations, ([0, 19], [7, 3], [5]))
    assert [sample.number for sample in samples.plain] == [1, 20]
    assert [sample.number for sample in samples.best] == [8, 4]
    assert samples.worst[0].translation == translations[5]


def test_ranking_counts_words() -> None:
    translation = Translation.model_validate(run.translation(0))
    assert ranking([translation]) == [(translation.bleu, len(translation.source.split()))]
