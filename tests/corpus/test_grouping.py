from itertools import product

from hypothesis import given
from hypothesis import strategies as st

from seqlab.corpus.grouping import Components, fold, lowest_ranks, rank

NODES = st.sampled_from("abcdefgh")


@given(st.lists(st.tuples(NODES, NODES)))
def test_components_are_those_of_the_graph(edges: list[tuple[str, str]]) -> None:
    components = Components()
    reachable = {(node, node) for node in "abcdefgh"}
    for one, other in edges:
        components.join(one, other)
        reachable |= {(one, other), (other, one)}
    for middle, start, end in product("abcdefgh", repeat=3):  # Warshall's closure
        if (start, middle) in reachable and (middle, end) in reachable:
            reachable.add((start, end))
    for one, other in product("abcdefgh", repeat=2):
        assert (components.root(one) == components.root(other)) == ((one, other) in reachable)


@given(st.lists(st.integers(0, 2**64 - 1) | st.integers(0, 9)), st.integers(1, 20))
def test_lowest_ranks_are_the_lowest(ranks: list[int], count: int) -> None:
    assert lowest_ranks(iter(ranks), count) == sorted(set(ranks))[:count]


def test_ranks_are_fixed_and_depend_on_the_seed() -> None:
    assert rank(1, "a") == 0xE357AE2BC133F242
    assert len({rank(seed, text) for seed in range(50) for text in ("a", "b", "")}) == 150


def test_ranks_are_spread_evenly() -> None:
    low = sum(rank(3, str(number)) < 2**63 for number in range(2000))
    assert 900 < low < 1100


def test_near_identical_texts_fold_together() -> None:
    texts = ["C'est à votre convenance ?", "C’est à votre convenance\u202f?", "c'est à  votre CONVENANCE"]
    assert len({fold(text) for text in texts}) == 1
    assert fold("Où ?") != fold("Ou ?")
    assert fold("?!") != fold("...")
